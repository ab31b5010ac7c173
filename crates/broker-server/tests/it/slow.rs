//! Clients that do not read what they are sent.

use broker_server::Report;
use broker_server::config::SlowConsumer;
use broker_server::core::Outcome;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw, masked};
use broker_testkit::soon;

use crate::broker::{Broker, Directory};

const QUEUE: usize = 64 * 1024;
const MESSAGE: usize = 32 * 1024;

/// One shard, so that what is queued there is known; nobody is dropped by the clock.
const SETTINGS: &str = "listen.shards = 1\n[limits]\nmax_send_queue = '64KiB'\nwrite_timeout = 0\n";

/// Sends messages to everyone until somebody has no room; gives how many were sent.
async fn fill(broker: &Broker, reading: &mut Client) -> usize {
    let mut sent = 0;
    loop {
        let text = format!("{sent:0MESSAGE$}");
        let outcomes = broker
            .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
            .await;
        sent += 1;
        assert_eq!(reading.text().await, text);
        let queued = broker.handle.report().await.queued_bytes;
        assert!(queued <= QUEUE + MESSAGE + 64, "{queued} bytes are queued");
        match outcomes[..] {
            [
                Outcome::Sent {
                    matched: 2,
                    dropped: 0,
                },
            ] => {}
            [
                Outcome::Sent {
                    matched: 2,
                    dropped: 1,
                },
            ] => return sent,
            ref other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_with_4100_and_others_miss_nothing() {
    let backend = Scripted::silent();
    let broker = Broker::start(SETTINGS, &backend);
    let mut slow = broker.client("").await;
    let mut reading = broker.client("").await;
    let sent = fill(&broker, &mut reading).await;

    let receipts = broker
        .receipts(r#"[{"type":"count"},{"type":"send","message":"on"}]"#)
        .await;
    assert_eq!(
        receipts[0]["matched"], 1,
        "one that is closing matches no more"
    );
    assert_eq!(
        (&receipts[1]["matched"], &receipts[1]["queued"]),
        (&1.into(), &1.into())
    );
    assert_eq!(reading.text().await, r#""on""#);

    let (texts, code, reason) = slow.rest().await;
    let counters = broker.handle.counters();
    assert_eq!(counters.slow_consumers(SlowConsumer::Close), 1);
    assert!(texts.len() < sent, "what waited is not sent any more");
    assert_eq!((code, &*reason), (4100, "slow consumer"));
    for (number, text) in texts.iter().enumerate() {
        assert_eq!(text.parse(), Ok(number));
    }
    let told = backend.told_of("session-disconnect").await;
    assert!(
        told.message
            .contains(r#""code":4100,"reason":"slow consumer""#),
        "{told:?}"
    );
}

#[tokio::test]
async fn where_messages_are_dropped_a_slow_client_stays_and_the_receipt_says_so() {
    let broker = Broker::alone(&format!("{SETTINGS}slow_consumer = 'drop'"));
    let mut slow = broker.client("").await;
    let mut reading = broker.client("").await;
    let sent = fill(&broker, &mut reading).await;
    let receipts = broker.receipts(r#"{"type":"send","message":"lost"}"#).await;
    assert_eq!(
        receipts,
        serde_json::json!([{"ok": true, "type": "send", "matched": 2, "queued": 1, "dropped": 1}])
    );
    for number in 0..sent - 1 {
        assert_eq!(slow.text().await.parse(), Ok(number));
    }
    broker.execute(r#"{"type":"send","message":"back"}"#).await;
    assert_eq!(slow.text().await, r#""back""#);
    assert_eq!(reading.texts(2).await, [r#""lost""#, r#""back""#]);
}

#[tokio::test]
async fn a_slow_client_is_heard_while_what_it_is_sent_is_dropped() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("{SETTINGS}slow_consumer = 'drop'"), &backend);
    let mut slow = broker.client("").await;
    let mut reading = broker.client("").await;
    fill(&broker, &mut reading).await;
    for number in 0..3 {
        slow.say(&format!("\"call {number}\"")).await;
        backend.told_of(&format!("call {number}")).await;
    }
}

/// Whether the broker has let go of the socket of a client that reads nothing: then writing to it fails.
async fn is_let_go(raw: &mut Raw) {
    let write = async {
        while raw.try_write(masked(9, b"")).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    soon("the socket to be closed", write).await;
}

async fn unread(directory: &Directory) -> Raw {
    let mut raw = Raw::connect_unix(&directory.file("public")).await;
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    raw
}

#[tokio::test]
async fn a_socket_that_takes_nothing_for_write_timeout_is_given_up_and_let_go() {
    let directory = Directory::new();
    let backend = Scripted::silent();
    let public = directory.unix("public");
    let config = format!(
        "listen.public = '{public}'\nlimits.write_timeout = '100ms'\nlimits.max_body = '16MiB'"
    );
    let broker = Broker::start(&config, &backend);
    let mut raw = unread(&directory).await;
    broker
        .until("a session", |report| report.connections == 1)
        .await;
    let long = "x".repeat(8 * 1024 * 1024);
    broker
        .execute(format!(r#"{{"type":"send","text":"{long}"}}"#))
        .await;
    let told = backend.told_of("session-disconnect").await;
    assert!(
        told.message
            .contains(r#""code":4100,"reason":"slow consumer""#),
        "{told:?}"
    );
    broker
        .until("nothing is left", |report| *report == Report::default())
        .await;
    is_let_go(&mut raw).await;
}

#[tokio::test]
async fn a_slow_client_that_does_not_read_its_close_frame_either_is_let_go() {
    let directory = Directory::new();
    let public = directory.unix("public");
    let config = format!("{SETTINGS}close_timeout = '100ms'\n[listen]\npublic = '{public}'");
    let config = config.replace("listen.shards = 1\n", "");
    let broker = Broker::alone(&config);
    let mut raw = unread(&directory).await;
    broker
        .until("a session", |report| report.connections == 1)
        .await;
    let text = "x".repeat(MESSAGE);
    loop {
        let outcomes = broker
            .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
            .await;
        if matches!(outcomes[..], [Outcome::Sent { dropped: 1, .. }]) {
            break;
        }
    }
    broker
        .until("nothing is left", |report| *report == Report::default())
        .await;
    let counters = broker.handle.counters();
    assert_eq!(
        counters.slow_consumers(SlowConsumer::Close),
        1,
        "{counters}"
    );
    is_let_go(&mut raw).await;
}

#[tokio::test]
async fn the_time_to_answer_our_close_runs_from_when_a_slow_client_could_see_it() {
    let backend = Scripted::silent();
    let config = "listen.shards = 1\n[limits]\nmax_body = '16MiB'\nwrite_timeout = '10m'\n\
                  close_timeout = '100ms'";
    let broker = Broker::start(config, &backend);
    let mut slow = Raw::connect(broker.addr()).await;
    let mut idle = Raw::connect(broker.addr()).await;
    for (raw, cookie) in [(&mut slow, "name=slow"), (&mut idle, "name=idle")] {
        assert_eq!(raw.upgrade("/", &[("cookie", cookie)]).await.status, 101);
    }
    broker
        .until("the sessions", |report| report.connections == 2)
        .await;
    // More than the buffers of the system hold.
    let long = "x".repeat(8 * 1024 * 1024);
    let list = format!(
        r#"[{{"type":"send","match":{{"name":"slow"}},"text":"{long}"}},{{"type":"close","code":4000}}]"#
    );
    broker.execute(list).await;
    assert_eq!(idle.frame().await, (0x88, vec![0x0F, 0xA0]));
    assert_eq!(idle.rest().await, b"", "its time is over");
    broker
        .until("the slow one is left", |report| report.connections == 1)
        .await;

    let (head, payload) = slow.frame().await;
    assert_eq!((head, payload.len()), (0x81, long.len()));
    assert_eq!(slow.frame().await, (0x88, vec![0x0F, 0xA0]));
    assert_eq!(slow.rest().await, b"", "and now its time is over too");
}

#[tokio::test]
async fn the_answer_to_a_slow_clients_close_waits_behind_what_it_is_sent() {
    let config = "listen.shards = 1\n[limits]\nmax_body = '16MiB'\nwrite_timeout = '10m'\n\
                  close_timeout = '100ms'";
    let broker = Broker::alone(config);
    let mut slow = broker.raw_client().await;
    let long = "x".repeat(8 * 1024 * 1024);
    broker
        .execute(format!(r#"{{"type":"send","text":"{long}"}}"#))
        .await;
    slow.write(masked(8, &[0x03, 0xE8])).await;
    broker
        .until("the end", |report| report.connections == 0)
        .await;
    let mut idle = broker.raw_client().await;
    broker.execute(r#"{"type":"close"}"#).await;
    assert_eq!(idle.frame().await, (0x88, vec![0x03, 0xE8]));
    assert_eq!(idle.rest().await, b"", "its time is over");

    let (head, payload) = slow.frame().await;
    assert_eq!((head, payload.len()), (0x81, long.len()));
    assert_eq!(slow.frame().await, (0x88, vec![0x03, 0xE8]));
    assert_eq!(slow.rest().await, b"");
}
