//! Close handshakes, both ways, and what the application is told of them.

use broker_testkit::backend::{Reply, Scripted};
use broker_testkit::client::{Heard, masked};

use crate::broker::Broker;

async fn is_told(backend: &Scripted, code: u16, reason: &str) {
    let told = backend.told_of("session-disconnect").await;
    let message = format!(r#"{{"type":"session-disconnect","code":{code},"reason":"{reason}"}}"#);
    assert_eq!(told.message, message);
}

#[tokio::test]
async fn the_application_is_told_a_clients_code_and_reason() {
    for (code, reason, told) in [
        (Some(1000), "", 1000),
        (Some(4001), "moved on", 4001),
        (None, "", 1005),
    ] {
        let backend = Scripted::silent();
        let broker = Broker::start("", &backend);
        let mut client = broker.client("").await;
        client.close(code, reason).await;
        let reply = code.map_or(Heard::Closed(1005, String::new()), |code| {
            Heard::Closed(code, String::new())
        });
        assert_eq!(client.next().await, reply);
        is_told(&backend, told, reason).await;
        broker
            .until("nothing is left", |report| report.sessions == 0)
            .await;
    }
}

#[tokio::test]
async fn a_socket_that_ends_without_a_close_frame_is_told_as_1006() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &backend);
    let client = broker.client("").await;
    drop(client);
    is_told(&backend, 1006, "").await;
}

#[tokio::test]
async fn a_command_closes_with_its_code_and_the_application_is_told_of_it() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &backend);
    let mut client = broker.client("").await;
    let receipts = broker
        .receipts(r#"{"type":"close","code":4000,"reason":"enough"}"#)
        .await;
    assert_eq!(receipts[0]["matched"], 1);
    assert_eq!(client.rest().await, (Vec::new(), 4000, "enough".to_owned()));
    is_told(&backend, 4000, "enough").await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_close_frame_is_dropped_after_close_timeout() {
    let backend = Scripted::silent();
    let broker = Broker::start("limits.close_timeout = '100ms'", &backend);
    let mut raw = broker.raw_client().await;
    broker.execute(r#"{"type":"close"}"#).await;
    assert_eq!(raw.frame().await, (0x88, vec![0x03, 0xE8]));
    assert_eq!(raw.rest().await, b"");
    is_told(&backend, 1000, "").await;
}

#[tokio::test]
async fn an_answers_close_comes_behind_what_it_sends() {
    let backend = Scripted::new(|_| {
        let list = r#"[{"type":"send","message":"bye"},{"type":"close","code":3001,"reason":"no"},{"type":"send","message":"late"}]"#;
        Reply::Commands(list.to_owned())
    });
    let broker = Broker::start("", &backend);
    let mut client = broker_testkit::client::Client::connect(broker.addr(), "/").await;
    assert_eq!(
        client.rest().await,
        (vec![r#""bye""#.to_owned()], 3001, "no".to_owned())
    );
}

#[tokio::test]
async fn a_clients_last_messages_before_its_close_are_told_first() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &backend);
    let mut raw = broker.raw_client().await;
    let mut bytes = masked(1, b"1");
    bytes.extend(masked(1, b"2"));
    bytes.extend(masked(8, &[0x03, 0xE8]));
    bytes.extend(masked(1, b"after"));
    raw.write(bytes).await;
    assert_eq!(raw.frame().await, (0x88, vec![0x03, 0xE8]));
    assert_eq!(raw.rest().await, b"");
    is_told(&backend, 1000, "").await;
    let told = backend.told();
    let messages: Vec<_> = told.iter().map(|told| &*told.message).collect();
    assert_eq!(messages[1..3], ["1", "2"]);
    assert_eq!(messages.len(), 4);
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_closed_alone() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 1", &backend);
    let mut good = broker.client("").await;
    let mut bad = broker.raw_client().await;
    bad.write([0x83, 0x80, 0, 0, 0, 0]).await;
    let (head, payload) = bad.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &[0x03, 0xEA][..]));
    assert_eq!(bad.rest().await, b"");
    let told = backend.told_of("session-disconnect").await;
    assert!(told.message.contains(r#""code":1002"#), "{told:?}");
    broker.execute(r#"{"type":"send","message":"on"}"#).await;
    assert_eq!(good.text().await, r#""on""#);
}
