//! Clients of HTTP/2 that mean no good: bounded, and nobody else notices.

use std::time::Duration;

use broker_testkit::backend::Scripted;
use broker_testkit::client::{Heard, Raw};
use broker_testkit::http2::{Http2, connect, reset};
use broker_testkit::soon;
use h2::Reason;
use h2::client::Builder;
use http::Method;
use tokio::net::TcpStream;

use super::{ECHO, http2, request, sessions};
use crate::broker::Broker;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    let mut frame = length.to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// A connection whose bytes are the test's own.
async fn raw(broker: &Broker) -> Raw {
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write([PREFACE, SETTINGS].concat()).await;
    raw
}

/// A connection on which one stream that is not read does not fill the client's own window of all.
async fn roomy(broker: &Broker) -> Http2 {
    let mut settings = Builder::new();
    settings.initial_connection_window_size(1 << 20);
    let socket = TcpStream::connect(broker.addr()).await.unwrap();
    Http2::with(&settings, socket).await
}

/// Whether somebody else is served.
async fn others_are_served(broker: &Broker) {
    let mut client = broker_testkit::client::Client::connect(broker.addr(), "/").await;
    client.say("there?").await;
    assert_eq!(client.text().await, "there?");
}

/// The reason of the GOAWAY among the frames of a server, if there is one.
fn reason_to_go(mut bytes: &[u8]) -> Option<u32> {
    while let Some((&[high, mid, low, kind, ..], _)) = bytes.split_first_chunk::<9>() {
        let len = u32::from_be_bytes([0, high, mid, low]) as usize;
        let payload = bytes.get(9..9 + len)?;
        if kind == 7 {
            return Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        bytes = &bytes[9 + len..];
    }
    None
}

#[tokio::test]
async fn a_rapid_reset_ends_the_connection() {
    let broker = Broker::alone(ECHO);
    let mut http2 = http2(&broker).await;
    let flood = async {
        while let Ok(stream) = http2.try_stream(connect("/", &[])).await {
            reset(stream.unwrap());
        }
        http2.connection.await.unwrap()
    };
    let ended = soon("the end", flood).await.unwrap_err();
    assert_eq!(ended.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{ended}");
    sessions(&broker, 0).await;
    others_are_served(&broker).await;
}

#[tokio::test]
async fn a_rapid_reset_while_the_application_decides_ends_the_connection() {
    let backend = Scripted::silent();
    let text = "listen.shards = 1\nbackend = { connect = 'wait', max_in_flight = 1 }";
    let broker = Broker::start(text, &backend);
    backend.slow_down();
    let mut first = http2(&broker).await;
    let asking = tokio::spawn(async move { first.try_stream(connect("/", &[])).await });
    backend.told_of("session-connect").await;
    let mut http2 = http2(&broker).await;
    let held = |count| broker.until("who waits", move |report| report.events_held == count);
    let flood = async {
        loop {
            held(1).await;
            // Whoever leaves off waiting resets the stream.
            tokio::select! {
                answered = http2.try_stream(connect("/", &[])) => break assert!(answered.is_err()),
                _ = held(2) => {}
            }
        }
        http2.connection.await.unwrap()
    };
    let ended = soon("the end", flood).await.unwrap_err();
    assert_eq!(ended.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{ended}");
    assert!(!asking.is_finished(), "others still wait");
}

#[tokio::test]
async fn resets_of_streams_that_nobody_has_seen_yet_end_the_connection() {
    let broker = Broker::alone(ECHO);
    let mut raw = raw(&broker).await;
    // `:method GET`, `:scheme http`, `:path /` by the static table (RFC 7541 §6.1).
    let mut flood = Vec::new();
    for stream in (1..250).step_by(2) {
        flood.extend(frame(1, 5, stream, &[0x82, 0x86, 0x84]));
        flood.extend(frame(3, 0, stream, &[0, 0, 0, 8]));
    }
    let _ = raw.try_write(flood).await;
    let bytes = raw.rest().await;
    let calm = u32::from(Reason::ENHANCE_YOUR_CALM);
    assert_eq!(reason_to_go(&bytes), Some(calm), "{bytes:?}");
    others_are_served(&broker).await;
}

#[tokio::test]
async fn a_flood_of_continuations_ends_the_connection() {
    let broker = Broker::alone(ECHO);
    let mut raw = raw(&broker).await;
    raw.write(frame(1, 1, 1, &[0x82, 0x86, 0x84])).await;
    let flood = async { while raw.try_write(frame(9, 0, 1, &[0x82])).await.is_ok() {} };
    soon("the end", flood).await;
    others_are_served(&broker).await;
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_and_the_others_live_on() {
    let broker = Broker::alone(ECHO);
    let mut settings = Builder::new();
    settings.initial_max_send_streams(1000);
    let socket = TcpStream::connect(broker.addr()).await.unwrap();
    let mut http2 = Http2::with(&settings, socket).await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(http2.stream(connect("/", &[])).await.unwrap());
    }
    sessions(&broker, 100).await;
    // The library keeps to the limit and waits, as a client should.
    let more = http2.stream(connect("/", &[]));
    let more = tokio::time::timeout(Duration::from_millis(50), more).await;
    assert!(more.is_err(), "{more:?}");
    let mut client = streams.remove(0).into_client().await;
    client.say("still here").await;
    assert_eq!(client.text().await, "still here");
}

#[tokio::test]
async fn a_window_that_stays_shut_is_a_slow_consumer_and_holds_up_no_other_stream() {
    let broker = Broker::alone("listen.shards = 1\nlimits.write_timeout = '100ms'");
    let mut http2 = roomy(&broker).await;
    let mut never = http2
        .stream(connect("/", &[("cookie", "never=1")]))
        .await
        .unwrap();
    let mut client = http2.client("/", &[]).await;
    sessions(&broker, 2).await;
    let text = "x".repeat(100_000);
    let only = r#""match":{"never":1}"#;
    broker
        .execute(format!(r#"{{"type":"send","text":"{text}",{only}}}"#))
        .await;
    broker
        .execute(r#"{"type":"send","text":"on","except":{"never":1}}"#)
        .await;
    assert_eq!(client.text().await, "on");
    sessions(&broker, 1).await;
    let rest = async { while let Some(Ok(_)) = never.received.data().await {} };
    soon("the end of the stream", rest).await;
    broker.execute(r#"{"type":"send","text":"still"}"#).await;
    assert_eq!(client.text().await, "still");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up() {
    let text = "access.allow = ['127.0.0.1']\nlimits.write_timeout = '100ms'";
    let broker = Broker::alone(text);
    let mut settings = Builder::new();
    settings.initial_window_size(0);
    let socket = TcpStream::connect(broker.addr()).await.unwrap();
    let mut http2 = Http2::with(&settings, socket).await;
    let post = request(Method::POST, "/", &[]);
    let error = http2
        .request(post, r#"[{"type":"count"}]"#)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
}

#[tokio::test]
async fn a_stream_that_floods_and_never_reads_holds_up_no_other() {
    let broker = Broker::alone(&format!("{ECHO}limits.write_timeout = '1h'"));
    let mut http2 = roomy(&broker).await;
    let mut flooding = http2.stream(connect("/", &[])).await.unwrap();
    let mut client = http2.client("/", &[]).await;
    let frame = broker_testkit::client::masked(2, &vec![7; 60_000]);
    for _ in 0..100 {
        flooding
            .sent
            .send_data(frame.clone().into(), false)
            .unwrap();
    }
    for _ in 0..20 {
        client.say("there?").await;
        assert_eq!(client.text().await, "there?");
    }
    reset(flooding);
    sessions(&broker, 1).await;
}

#[tokio::test]
async fn a_preface_that_trickles_in_is_cut_off() {
    let text = "limits.first_byte_timeout = '200ms'\nlimits.handshake_timeout = '1h'";
    let broker = Broker::alone(text);
    let mut raw = Raw::connect(broker.addr()).await;
    for byte in &PREFACE[..PREFACE.len() - 1] {
        // It may be cut off before the last one.
        let _ = raw.try_write([*byte]).await;
    }
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let broker = Broker::alone("limits.handshake_timeout = '1s'\nlimits.close_timeout = '50ms'");
    let mut raw = raw(&broker).await;
    raw.write([0, 0x40, 0, 1, 0, 0, 0, 0, 1]).await;
    let trickle = async {
        while raw.try_write([0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end", trickle).await;
}

#[tokio::test]
async fn nonsense_in_a_stream_closes_that_websocket_alone() {
    let broker = Broker::alone(ECHO);
    let mut http2 = http2(&broker).await;
    let mut wrong = http2.stream(connect("/", &[])).await.unwrap();
    let mut client = http2.client("/", &[]).await;
    // A frame without a mask.
    wrong
        .sent
        .send_data(vec![0x81, 1, b'x'].into(), false)
        .unwrap();
    let mut wrong = wrong.into_client().await;
    assert!(matches!(wrong.next().await, Heard::Closed(1002, _)));
    client.say("there?").await;
    assert_eq!(client.text().await, "there?");
}
