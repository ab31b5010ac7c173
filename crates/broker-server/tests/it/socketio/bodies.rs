//! What a body brings is taken in packet by packet, and no more of it than there is room for.

use std::ops::Range;

use broker_server::{Closed, Lost};
use tokio::task::JoinHandle;

use super::*;

/// A body that says these numbers, of two digits each, in one packet after the other.
fn body(numbers: Range<usize>) -> String {
    let packets: Vec<String> = numbers
        .map(|number| format!(r#"42["n",{number}]"#))
        .collect();
    packets.join("\u{1e}")
}

/// The numbers that the application was told, in order.
fn numbers(told: &[Told]) -> Vec<usize> {
    let number = |told: &Told| {
        let (_, number) = told.message.split_once(r#"client-n","args":["#)?;
        number.get(..2)?.parse().ok()
    };
    told.iter().filter_map(number).collect()
}

/// What the application is told in the end of a client that says the numbers from 11 to 16 in one body, with this hold.
async fn told_with(hold: &str) -> (Broker, Vec<usize>) {
    let backend = Scripted::silent();
    let limits = "listen.shards = 1\nlimits.close_timeout = '100ms'";
    let config = format!("{limits}\n{ENDPOINT}[backend.hold]\n{hold}");
    let broker = Broker::start(&config, &backend);
    backend.slow_down();
    let poller = Poller::enter(&broker).await;
    assert_eq!(poller.post(&broker, &body(11..17)).await, ok());
    backend.wake();
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    (broker, numbers(&backend.told()))
}

/// Posts a body by a socket of its own.
fn posting(broker: &Broker, poller: &Poller, body: String) -> JoinHandle<(u16, String)> {
    let (addr, path) = (broker.addr(), poller.path.clone());
    tokio::spawn(async move {
        let mut raw = Raw::connect(addr).await;
        Poller { path }.post_by(&mut raw, &body).await
    })
}

#[tokio::test]
async fn a_body_is_taken_in_as_there_is_room_and_answered_when_all_of_it_is() {
    let message = r#"{"type":"client-n","args":[10]}"#.len();
    // Room for what a session may have to tell, and for three messages.
    let bytes = 384 + 3 * (128 + message);
    for hold in [
        "max_events = 3".to_owned(),
        format!("max_bytes = '{bytes}B'"),
    ] {
        let backend = Scripted::silent();
        let config = format!("listen.shards = 1\n{ENDPOINT}[backend.hold]\n{hold}");
        let broker = Broker::start(&config, &backend);
        let poller = Poller::enter(&broker).await;
        broker
            .until("the connect is told", |report| report.events_held == 0)
            .await;
        backend.slow_down();
        let post = posting(&broker, &poller, body(10..40));
        // Three messages, and one that is too many.
        broker
            .until("a full hold", |report| report.events_held == 4)
            .await;
        // What it is sent reaches the client all the same.
        broker
            .execute(r#"{"type":"send","match":"*","message":{"type":"patience","args":[]}}"#)
            .await;
        assert_eq!(poller.poll(&broker).await, r#"42["patience"]"#);
        assert_eq!(broker.handle.report().await.events_held, 4);
        assert!(!post.is_finished(), "{hold}");

        backend.wake();
        assert_eq!(soon("an answer", post).await.unwrap(), ok());
        let told = backend.told_until("all numbers", |told| numbers(told).len() == 30);
        assert_eq!(numbers(&told.await), Vec::from_iter(10..40), "{hold}");
        assert_eq!(poller.post(&broker, &body(40..42)).await, ok());
        backend
            .told_until("those that follow", |told| numbers(told).len() == 32)
            .await;
    }
}

#[tokio::test]
async fn a_full_hold_gives_up_packets_of_a_body_one_by_one() {
    let (broker, told) = told_with("max_events = 3\non_full = 'drop_oldest'").await;
    assert_eq!(told, [14, 15, 16]);
    assert_eq!(broker.handle.counters().lost(Lost::MaxEvents), 3);
    let (broker, told) = told_with("max_events = 3\non_full = 'drop_newest'").await;
    assert_eq!(told, [11, 12, 13]);
    assert_eq!(broker.handle.counters().lost(Lost::MaxEvents), 3);
}

#[tokio::test]
async fn a_body_that_finds_no_room_ends_its_session_where_that_is_wanted() {
    let (broker, told) = told_with("max_events = 3\non_full = 'close'").await;
    assert_eq!(told, [11, 12, 13]);
    until_nothing_is_left(&broker).await;
    assert_eq!(broker.handle.counters().closed(Closed::HoldFull), 1);
}

#[tokio::test]
async fn a_client_whose_body_waits_is_pinged_and_not_missed() {
    let times = "[websocket]\nping_interval = '500ms'\npong_timeout = '1s'\n";
    let config = format!("backend.hold.max_events = 1\n{ENDPOINT}{times}");
    let backend = Scripted::silent();
    let broker = Broker::start(&config, &backend);
    let poller = Poller::enter(&broker).await;
    backend.slow_down();
    let post = posting(&broker, &poller, body(10..20));
    let mut pings = 0;
    // The first is due to be answered within a second, and the next comes when that is over.
    while pings < 3 {
        let packets = poller.poll(&broker).await;
        pings += packets.split('\u{1e}').filter(|it| *it == "2").count();
    }
    assert!(!post.is_finished());
    backend.wake();
    assert_eq!(soon("an answer", post).await.unwrap(), ok());
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_body_that_finds_no_room() {
    let backend = Scripted::silent();
    let config = format!("listen.shards = 1\nbackend.hold.max_events = 3\n{ENDPOINT}");
    let broker = Broker::start(&config, &backend);
    let poller = Poller::enter(&broker).await;
    backend.slow_down();
    let post = posting(&broker, &poller, body(10..20));
    broker
        .until("a full hold", |report| report.events_held >= 4)
        .await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    // What is left of it is lost, and its client is told so.
    assert_eq!(soon("an answer", post).await.unwrap(), unknown_session());
    backend.wake();
    soon("the drain", drain).await.unwrap();
    assert_eq!(numbers(&backend.told()), [10, 11, 12, 13]);
    assert!(endings(&backend, 1).await[0].contains(r#""code":1012"#));
}

#[tokio::test]
async fn a_body_that_waits_comes_too_late_when_a_websocket_takes_over() {
    let backend = Scripted::silent();
    let config = format!("listen.shards = 1\nbackend.hold.max_events = 3\n{ENDPOINT}");
    let broker = Broker::start(&config, &backend);
    let poller = Poller::enter(&broker).await;
    backend.slow_down();
    let post = posting(&broker, &poller, body(10..20));
    broker
        .until("a full hold", |report| report.events_held >= 4)
        .await;
    let mut raw = poller.websocket(&broker).await;
    say(&mut raw, "2probe").await;
    assert_eq!(text(&mut raw).await, "3probe");
    say(&mut raw, "5").await;
    assert_eq!(soon("an answer", post).await.unwrap(), bad_request());
    say(&mut raw, r#"42["n",99]"#).await;
    backend.wake();
    let told = backend.told_until("what the WebSocket brings", |told| {
        numbers(told).contains(&99)
    });
    assert_eq!(numbers(&told.await), [10, 11, 12, 13, 99]);
    drop(raw);
    until_nothing_is_left(&broker).await;
}
