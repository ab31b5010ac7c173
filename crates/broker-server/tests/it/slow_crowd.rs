//! A thousand clients that never read, beside a thousand that get a stream of broadcasts. How fast these get it, with the
//! others and without, is what `cargo xtask bench slow` measures.

use broker_server::core::Outcome;
use broker_testkit::client::Raw;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::broker::{Broker, Directory};

const READING: usize = 1000;
const SLOW: usize = 1000;
const QUEUE: usize = 64 * 1024;
const MESSAGE: usize = 32 * 1024;

/// How many messages are sent: more than a Unix socket and its queue hold.
const MESSAGES: usize = 16;

struct Crowd {
    broker: Broker,
    reading: Vec<Raw>,
    slow: Vec<Raw>,
    _directory: Directory,
}

impl Crowd {
    async fn gather(policy: &str) -> Crowd {
        let files = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit {
            current: files,
            maximum: files,
        };
        setrlimit(Resource::Nofile, limit).expect("it may be raised so far");
        let directory = Directory::new();
        let broker = Broker::alone(&format!(
            "listen.public = '{}'\nwebsocket.ping_interval = 0\nlimits.max_send_queue = '{QUEUE}B'\nlimits.write_timeout = 0\n\
             limits.close_timeout = '10m'\nlimits.slow_consumer = '{policy}'",
            directory.unix("public")
        ));
        let mut clients = Vec::new();
        for _ in 0..READING + SLOW {
            let mut raw = Raw::connect_unix(&directory.file("public")).await;
            assert_eq!(raw.upgrade("/", &[]).await.status, 101);
            clients.push(raw);
        }
        let all = clients.len();
        broker
            .until("all sessions", |report| report.connections == all)
            .await;
        Crowd {
            broker,
            slow: clients.split_off(READING),
            reading: clients,
            _directory: directory,
        }
    }

    /// Sends everyone messages, each of which those who read get at once; gives how many the last one was for, and how many
    /// of them had no room for it.
    async fn stream(&mut self) -> (usize, usize) {
        let mut last = (0, 0);
        for number in 0..MESSAGES {
            let text = text(number);
            let outcomes = self
                .broker
                .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
                .await;
            for raw in &mut self.reading {
                assert!(raw.frame().await == (0x81, text.clone().into_bytes()));
            }
            let queued = self.broker.handle.report().await.queued_bytes;
            let most = SLOW * (QUEUE + MESSAGE + 16);
            assert!(queued <= most, "{queued} bytes are queued, not {most}");
            last = match outcomes[..] {
                [Outcome::Sent { matched, dropped }] => (matched, dropped),
                ref other => panic!("{other:?}"),
            };
        }
        last
    }
}

fn text(number: usize) -> String {
    format!("{number:0MESSAGE$}")
}

#[tokio::test]
async fn a_thousand_that_never_read_are_closed_with_4100_and_a_thousand_others_miss_nothing() {
    let mut crowd = Crowd::gather("close").await;
    let last = crowd.stream().await;
    assert_eq!(last, (READING, 0), "the others are closing by then");
    for raw in &mut crowd.slow {
        let mut number = 0;
        let (head, payload) = loop {
            match raw.frame().await {
                (0x81, payload) => assert!(payload == text(number).into_bytes()),
                other => break other,
            }
            number += 1;
        };
        assert!(number < MESSAGES, "it was given all of them");
        assert_eq!((head, &payload[..2]), (0x88, &4100u16.to_be_bytes()[..]));
    }
}

#[tokio::test]
async fn what_a_thousand_do_not_read_is_dropped_and_a_thousand_others_miss_nothing() {
    let mut crowd = Crowd::gather("drop").await;
    assert_eq!(crowd.stream().await, (READING + SLOW, SLOW));
    let queued = crowd.broker.handle.report().await.queued_bytes;
    assert!(
        queued >= SLOW * (QUEUE - MESSAGE),
        "{queued} bytes are queued"
    );
    for raw in &mut crowd.slow {
        // What waits for each is at least this.
        for number in 0..QUEUE / MESSAGE {
            assert!(raw.frame().await == (0x81, text(number).into_bytes()));
        }
    }
}
