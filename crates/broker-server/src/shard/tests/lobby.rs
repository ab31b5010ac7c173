//! Clients whom the application has let in, and whose connections are not open yet.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::config::SlowConsumer;
use crate::counters::Closed;

const WAIT: &str = "backend.connect = 'wait'\n";

/// A client whom the application has let in, before its connection is opened.
async fn invited(shard: &Rc<Shard>, cookies: &str) -> (Arrival, Invitation) {
    let arrival = Arrival::admitted(shard, cookies).await;
    assert!(shard.asks_about(&arrival.admission));
    let invitation = shard.ask(&arrival.admission).await.unwrap();
    settled(shard).await;
    (arrival, invitation)
}

impl Arrival {
    /// Opens its connection.
    fn accept(self, shard: &Rc<Shard>, invitation: Invitation) -> Client {
        let (reader, writer) = self.theirs.split();
        let session = invitation.accept();
        shard.work(|state, now| {
            state.attach(now, session, &self.admission, Way::Socket(Rc::new(writer)))
        });
        Client {
            socket: self.ours,
            session,
            _reader: reader,
        }
    }
}

fn sessions(shard: &Rc<Shard>) -> usize {
    shard.state.borrow().report().sessions
}

#[test]
fn what_is_sent_before_its_connection_is_open_comes_first_and_in_order() {
    run(async {
        let backend = Scripted::new(|told| match &*told.message {
            r#"{"type":"session-connect"}"# => {
                Reply::Commands(r#"{"type":"send","text":"1"}"#.to_owned())
            }
            _ => Reply::Commands(String::new()),
        });
        let shard = shard_before(&backend, WAIT);
        let (arrival, invitation) = invited(&shard, "name=ann").await;
        execute(
            &shard,
            r#"{"type":"send","match":{"name":"ann"},"text":"2"}"#,
        );
        execute(&shard, r#"{"type":"send","text":"3"}"#);
        let mut client = arrival.accept(&shard, invitation);
        execute(&shard, r#"{"type":"send","text":"4"}"#);
        pump(&shard);
        assert_eq!(client.heard(), b"\x81\x011\x81\x012\x81\x013\x81\x014");
    });
}

#[test]
fn a_command_that_closes_it_before_its_connection_is_open_closes_that() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, WAIT);
        let (arrival, invitation) = invited(&shard, "").await;
        let list = r#"[{"type":"send","text":"bye"},{"type":"close","code":4000},{"type":"send","text":"late"}]"#;
        execute(&shard, list);
        let mut client = arrival.accept(&shard, invitation);
        pump(&shard);
        assert_eq!(client.heard(), b"\x81\x03bye\x88\x02\x0F\xA0");
    });
}

#[test]
fn a_drain_that_begins_before_its_connection_is_open_closes_that() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, WAIT);
        let (arrival, invitation) = invited(&shard, "").await;
        shard.state.borrow_mut().start_draining();
        let mut client = arrival.accept(&shard, invitation);
        pump(&shard);
        assert_eq!(client.heard()[..4], [0x88, 26, 0x03, 0xF4]);
    });
}

#[test]
fn one_whose_connection_is_never_opened_is_told_of_as_gone() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, WAIT);
        let (arrival, invitation) = invited(&shard, "").await;
        assert_eq!(sessions(&shard), 1);
        drop((arrival, invitation));
        settled(&shard).await;
        assert_eq!(sessions(&shard), 0);
        let told = backend.told();
        let messages: Vec<_> = told.iter().map(|told| &*told.message).collect();
        let left = r#"{"type":"session-disconnect","code":1006,"reason":""}"#;
        assert_eq!(messages, [r#"{"type":"session-connect"}"#, left]);
    });
}

#[test]
fn one_who_stops_waiting_leaves_nothing_behind() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, WAIT);
        let arrival = Arrival::admitted(&shard, "").await;
        {
            let mut asking = pin!(shard.ask(&arrival.admission));
            let mut context = Context::from_waker(Waker::noop());
            let Poll::Pending = asking.as_mut().poll(&mut context) else {
                panic!("nobody has answered yet");
            };
        }
        settled(&shard).await;
        assert_eq!(sessions(&shard), 0);
        assert_eq!(backend.told().len(), 2, "its connect and its end");
    });
}

/// More than may be queued is sent to a client before its connection is open, in empty messages; what it hears then.
async fn flooded(slow_consumer: &str) -> (Rc<Shard>, Vec<u8>) {
    let limits = "limits.max_send_queue = '1KiB'\nlimits.slow_consumer";
    let config = format!("{WAIT}{limits} = '{slow_consumer}'");
    let shard = shard_before(&Scripted::silent(), &config);
    let (arrival, invitation) = invited(&shard, "").await;
    for _ in 0..100 {
        execute(&shard, r#"{"type":"send","text":""}"#);
    }
    let mut client = arrival.accept(&shard, invitation);
    pump(&shard);
    let heard = client.heard();
    (shard, heard)
}

#[test]
fn one_that_is_sent_more_than_may_be_queued_is_a_slow_consumer() {
    run(async {
        let (shard, heard) = flooded("close").await;
        assert_eq!(heard[..4], [0x88, 15, 0x10, 0x04], "4100 and nothing else");
        let counters = &shard.settings.counters;
        assert_eq!(counters.slow_consumers(SlowConsumer::Close), 1);
        assert_eq!(
            counters.closed(Closed::SendQueue),
            0,
            "it is still to reply"
        );

        let (shard, heard) = flooded("drop").await;
        let came = heard.len() / 2;
        assert_eq!(heard, b"\x81\0".repeat(came));
        let dropped = shard.settings.counters.slow_consumers(SlowConsumer::Drop);
        assert_eq!(came as u64 + dropped, 100);
        assert!((10..30).contains(&came), "{came}");
    });
}
