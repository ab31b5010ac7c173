//! The application is away: nothing is lost, nobody is dropped, and memory stays bounded.

use std::path::Path;
use std::time::Duration;

use broker_server::config::Config;
use broker_server::core::Outcome;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Heard, Raw, masked};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use crate::broker::{Broker, Directory, HANDSHAKE};

/// An application that speaks HTTP: it answers each POST with no commands, and passes its body on.
fn serve_http(path: &Path) -> mpsc::UnboundedReceiver<Value> {
    let listener = UnixListener::bind(path).unwrap();
    let (told, all_told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve_socket(socket, told.clone()));
        }
    });
    all_told
}

async fn serve_socket(
    socket: UnixStream,
    told: mpsc::UnboundedSender<Value>,
) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut length = 0;
        let mut line = String::new();
        while socket.read_line(&mut line).await? > 2 {
            let header = line.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        let _ = told.send(serde_json::from_slice(&body).unwrap());
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await?;
    }
}

#[tokio::test]
async fn events_wait_for_an_application_that_nobody_has_started_yet() {
    let directory = Directory::new();
    let url = format!("{}:/hook", directory.unix("app"));
    let broker = Broker::alone(&format!(
        "listen.shards = 2\n[backend]\nurl = '{url}'\nformat = 'json'"
    ));
    let mut clients: Vec<Client> = Vec::new();
    for name in ["ann", "bob", "cleo"] {
        clients.push(broker.client(&format!("name={name}")).await);
    }
    for number in 0..10 {
        for client in &mut clients {
            client.say(&number.to_string()).await;
        }
    }
    broker
        .until("everything is held", |report| report.events_held == 34)
        .await;
    // Users stay connected, and commands reach them.
    broker
        .execute(r#"{"type":"send","message":"patience"}"#)
        .await;
    for client in &mut clients {
        assert_eq!(client.text().await, r#""patience""#);
    }

    let mut told = serve_http(&directory.file("app"));
    let mut events = Vec::new();
    for _ in 0..34 {
        events.push(
            broker_testkit::soon("all events", told.recv())
                .await
                .unwrap(),
        );
    }
    // Nothing comes before that.
    assert_eq!(events[0]["message"]["type"], "broker-start");
    assert_eq!(events[0]["message"]["boot"].as_str().unwrap().len(), 32);
    for name in ["ann", "bob", "cleo"] {
        let of_one = events
            .iter()
            .filter(|event| event["connection"]["name"] == name);
        let messages: Vec<String> = of_one.map(|event| event["message"].to_string()).collect();
        let numbers = (0..10).map(|number| number.to_string());
        let expected: Vec<String> = [r#"{"type":"session-connect"}"#.to_owned()]
            .into_iter()
            .chain(numbers)
            .collect();
        assert_eq!(messages, expected, "{name}");
    }
    broker
        .until("nothing is held", |report| report.events_held == 0)
        .await;
    assert_eq!(broker.handle.report().await.connections, 3);
}

#[tokio::test]
async fn an_event_is_tried_again_under_the_same_id_and_the_next_waits_behind_it() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &backend);
    backend.go_away();
    let mut client = broker.client("").await;
    client.say("1").await;
    let told = backend
        .told_until("a second try", |told| told.len() >= 2)
        .await;
    backend.wake();
    assert!(told.iter().all(|try_| try_.id == told[0].id), "{told:?}");
    assert_eq!((told[0].attempt, told[1].attempt), (1, 2));
    let last = backend.told_of("1").await;
    assert_eq!((&*last.message, last.attempt), ("1", 1));
}

#[tokio::test]
async fn a_full_hold_pauses_reading_and_everything_arrives_in_order_afterwards() {
    const MESSAGES: usize = 64;
    const LEN: usize = 512 * 1024;
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 1\nbackend.hold.max_events = 5", &backend);
    backend.slow_down();
    let mut client = broker.client("").await;
    let mut patient = broker.client("").await;
    // More than all buffers of the system hold.
    let sender = tokio::spawn(async move {
        for number in 0..MESSAGES {
            client
                .say(&format!("\"{number:02}{}\"", "x".repeat(LEN)))
                .await;
        }
        client
    });
    // The connect events, five messages, and one that is too many.
    broker
        .until("a full hold", |report| report.events_held == 8)
        .await;
    for _ in 0..20 {
        assert_eq!(broker.handle.report().await.events_held, 8);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!sender.is_finished());
    patient.ping("others go on").await;
    assert_eq!(patient.next().await, Heard::Pong("others go on".into()));

    backend.wake();
    let mut client = sender.await.unwrap();
    let told = backend
        .told_until("all events", |told| told.len() == MESSAGES + 2)
        .await;
    let numbers = told
        .iter()
        .filter_map(|told| told.message.get(1..3)?.parse::<usize>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), Vec::from_iter(0..MESSAGES));
    client.ping("read again").await;
    assert_eq!(client.next().await, Heard::Pong("read again".into()));
}

#[tokio::test]
async fn a_paused_client_still_gets_messages_and_pings_and_is_not_blamed_for_its_silence() {
    let config = "listen.shards = 1\nbackend.hold.max_events = 1\n\
                  [websocket]\nping_interval = '30ms'\npong_timeout = '30ms'";
    let backend = Scripted::silent();
    let broker = Broker::start(config, &backend);
    backend.slow_down();
    let mut client = Raw::connect(broker.addr()).await;
    // In one packet, so that no ping could have been missed before it is paused.
    let said = [masked(1, b"1"), masked(1, b"2")].concat();
    client.write([HANDSHAKE.as_bytes(), &said].concat()).await;
    assert_eq!(client.answer().await.status, 101);
    broker
        .until("a full hold", |report| report.events_held == 3)
        .await;
    let ping = (0x89, Vec::new());
    for _ in 0..5 {
        assert_eq!(client.frame().await, ping);
    }
    let outcomes = broker.execute(r#"{"type":"send","message":"hello"}"#).await;
    assert_eq!(
        outcomes,
        [Outcome::Sent {
            matched: 1,
            dropped: 0
        }]
    );
    let message = loop {
        let frame = client.frame().await;
        if frame != ping {
            break frame;
        }
    };
    assert_eq!(message, (0x81, br#""hello""#.to_vec()));
}

#[tokio::test]
async fn a_client_whose_messages_find_no_room_is_heard_when_it_answers_our_close() {
    const MESSAGES: usize = 400;
    let backend = Scripted::silent();
    let config = "listen.shards = 1\nbackend.hold.max_events = 2\nlimits.close_timeout = '10m'";
    let broker = Broker::start(config, &backend);
    backend.slow_down();
    let mut held = broker.raw_client().await;
    // More than one read takes, so that much of it is still in the socket when we close.
    for number in 0..MESSAGES {
        let text = format!("\"{number:03}{}\"", "x".repeat(1000));
        held.write(masked(1, text.as_bytes())).await;
    }
    broker
        .until("a full hold", |report| report.events_held == 4)
        .await;
    broker.execute(r#"{"type":"close","code":4000}"#).await;
    assert_eq!(held.frame().await, (0x88, vec![0x0F, 0xA0]));
    held.write(masked(8, &[0x0F, 0xA0])).await;
    assert_eq!(held.rest().await, b"");

    backend.wake();
    let told = backend.told_of("session-disconnect").await;
    assert!(told.message.contains(r#""code":4000"#), "{told:?}");
    let told = backend.told();
    let numbers: Vec<_> = { told[1..told.len() - 1].iter() }
        .map(|told| told.message[1..4].parse::<usize>())
        .collect();
    assert!((2..MESSAGES).contains(&numbers.len()), "{numbers:?}");
    assert_eq!(numbers, Vec::from_iter((0..numbers.len()).map(Ok)));
}

#[test]
fn the_default_hold_is_that_of_the_contract() {
    let hold = Config::default().backend.hold;
    assert_eq!(
        (hold.max_events.get(), hold.max_bytes.bytes()),
        (1000, 64 * 1024 * 1024)
    );
}
