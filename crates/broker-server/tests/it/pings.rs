//! Pings find out who has gone, and spare who is there.

use std::sync::atomic::{AtomicUsize, Ordering};

use broker_testkit::backend::{Reply, Scripted};
use broker_testkit::client::{Heard, masked};

use crate::broker::Broker;

const PING: (u8, Vec<u8>) = (0x89, Vec::new());

#[tokio::test]
async fn a_peer_that_leaves_a_ping_unanswered_is_closed_with_4102() {
    let backend = Scripted::silent();
    let broker = Broker::start(
        "[websocket]\nping_interval = '50ms'\npong_timeout = '50ms'",
        &backend,
    );
    let mut silent = broker.fleeting_client().await;
    assert_eq!(silent.frame().await, PING);
    let (head, payload) = silent.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &4102u16.to_be_bytes()[..]));
    let told = backend.told_of("session-disconnect").await;
    assert!(told.message.contains(r#""code":4102"#), "{told:?}");
}

#[tokio::test]
async fn a_peer_that_answers_stays() {
    let broker = Broker::alone("[websocket]\nping_interval = '20ms'\npong_timeout = '20s'");
    let mut client = broker.client("").await;
    for _ in 0..5 {
        assert_eq!(client.next().await, Heard::Ping);
    }
    broker
        .execute(r#"{"type":"send","message":"still here"}"#)
        .await;
    assert_eq!(client.text().await, r#""still here""#);
}

#[tokio::test]
async fn without_an_interval_nobody_is_pinged() {
    let broker = Broker::alone("websocket.ping_interval = 0\nwebsocket.pong_timeout = '1ms'");
    let mut silent = broker.raw_client().await;
    broker.execute(r#"{"type":"send","message":1}"#).await;
    assert_eq!(silent.frame().await, (0x81, b"1".to_vec()));
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_taken_for_gone_before_it_could_see_a_ping() {
    let config = "listen.shards = 1\nlimits.write_timeout = 0\n\
                  [websocket]\nping_interval = '500ms'\npong_timeout = '3s'";
    // Only the first client gets it, before it could be pinged.
    let long = "x".repeat(24 * 1024 * 1024);
    let answer = format!(r#"{{"type":"send","text":"{long}"}}"#);
    let clients = AtomicUsize::new(0);
    let backend = Scripted::new(move |_| match clients.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Commands(answer.clone()),
        _ => Reply::Commands(String::new()),
    });
    let broker = Broker::start(config, &backend);
    let mut slow = broker.raw_client().await;
    broker
        .until("the socket takes no more", |report| report.queued_bytes > 0)
        .await;
    // By the time that another silent client has been given up, the slow one's has passed as well.
    let mut silent = broker.raw_client().await;
    assert_eq!(silent.frame().await, PING);
    let (head, payload) = silent.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &4102u16.to_be_bytes()[..]));

    let (head, payload) = slow.frame().await;
    assert_eq!((head, payload.len()), (0x81, long.len()));
    slow.write(masked(9, b"alive")).await;
    loop {
        let frame = slow.frame().await;
        if frame != PING {
            assert_eq!(frame, (0x8A, b"alive".to_vec()));
            break;
        }
    }
}

#[tokio::test]
async fn every_ping_of_a_burst_is_answered_in_order_while_there_is_room() {
    let broker = Broker::alone("");
    let mut raw = broker.raw_client().await;
    let payloads: Vec<Vec<u8>> = (0..100_u8).map(|number| vec![number; 5]).collect();
    // All in one read, where the broker can write nothing in between.
    let burst: Vec<Vec<u8>> = payloads.iter().map(|payload| masked(9, payload)).collect();
    raw.write(burst.concat()).await;
    for payload in payloads {
        assert_eq!(raw.frame().await, (0x8A, payload));
    }
}

#[tokio::test]
async fn of_pings_that_cannot_be_answered_yet_only_the_latest_is_answered() {
    let config = "listen.shards = 1\n[limits]\nwrite_timeout = 0\nslow_consumer = 'drop'\nmax_body = '16MiB'";
    let backend = Scripted::silent();
    let broker = Broker::start(config, &backend);
    let mut slow = broker.raw_client().await;
    // More than the buffers of the system hold.
    let long = "x".repeat(8 * 1024 * 1024);
    broker
        .execute(format!(r#"{{"type":"send","text":"{long}"}}"#))
        .await;
    let full = broker.handle.report().await.queued_bytes;
    for number in 0..1000 {
        slow.write(masked(9, number.to_string().as_bytes())).await;
    }
    slow.write(masked(1, b"\"done\"")).await;
    backend.told_of("done").await;
    let queued = broker.handle.report().await.queued_bytes;
    assert!(queued <= full + 2 + 125, "{full}, then {queued}");

    let (head, payload) = slow.frame().await;
    assert_eq!((head, payload.len()), (0x81, long.len()));
    assert_eq!(slow.frame().await, (0x8A, b"999".to_vec()));
    broker.execute(r#"{"type":"send","message":"on"}"#).await;
    assert_eq!(slow.frame().await, (0x81, b"\"on\"".to_vec()));
}
