//! WebSockets without a broker: what is heard of them, in order and with nothing missing.

use broker_server::config::Limits;
use broker_server::embed::{Acceptor, Closed, EVENTS_QUEUED, Error, Event, Handlers};
use broker_testkit::client::{Client, Raw, masked};
use broker_testkit::soon;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::websocket::{Arrivals, heard};
use super::*;

/// An application that notes everything it hears by handlers.
async fn noting() -> (Application, mpsc::UnboundedReceiver<String>) {
    let (notes, noted) = mpsc::unbounded_channel();
    let acceptor = Acceptor::default();
    let app = Application::start(move |mut request| {
        let (acceptor, notes) = (acceptor.clone(), notes.clone());
        let note = move |text: String| notes.send(text).unwrap();
        async move {
            let handlers = Handlers::new()
                .on_text({
                    let note = note.clone();
                    move |websocket, text| {
                        assert!(text != "panic", "asked to");
                        websocket.send_text(format!("heard {text}")).unwrap();
                        note(format!("text {text}"));
                    }
                })
                .on_binary({
                    let note = note.clone();
                    move |_, bytes| note(format!("binary {bytes:?}"))
                })
                .on_ping({
                    let note = note.clone();
                    move |websocket, payload| {
                        drop(websocket.ping().unwrap());
                        note(format!("ping {payload:?}"));
                    }
                })
                .on_pong({
                    let note = note.clone();
                    move |_, _| note("pong".to_owned())
                })
                .on_error({
                    let note = note.clone();
                    move |_, error| note(format!("error: {error}"))
                })
                .on_close(move |_, Closed { code, reason }| {
                    note(format!("close {code} {reason:?}"))
                });
            let (response, _) = acceptor.accept(&mut request).unwrap().start(handlers);
            response
        }
    })
    .await;
    (app, noted)
}

async fn next(noted: &mut mpsc::UnboundedReceiver<String>) -> String {
    soon("a note", noted.recv()).await.unwrap()
}

#[tokio::test]
async fn each_kind_of_event_has_its_handler() {
    let (app, mut noted) = noting().await;
    let mut client = Client::connect(app.addr, "/").await;
    client.say("hello").await;
    assert_eq!(client.text().await, "heard hello");
    client.say_binary(vec![1, 2]).await;
    client.ping("there?").await;
    // The library answers our ping while it is read.
    client.say("more").await;
    assert_eq!(client.text().await, "heard more");
    client.close(Some(4000), "bye").await;
    client.closed().await;
    let mut all = Vec::new();
    while !all
        .last()
        .is_some_and(|last: &String| last.starts_with("close"))
    {
        all.push(next(&mut noted).await);
    }
    let pong = all.iter().position(|note| note == "pong").unwrap();
    all.remove(pong);
    let expected = [
        "text hello",
        r#"binary b"\x01\x02""#,
        r#"ping b"there?""#,
        "text more",
        r#"close 4000 "bye""#,
    ];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_heard() {
    let (app, mut noted) = noting().await;
    let mut raw = Raw::connect(app.addr).await;
    let handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut packet = handshake.as_bytes().to_vec();
    packet.extend(masked(0x1, b"early"));
    packet.extend(masked(0x8, &1000_u16.to_be_bytes()));
    raw.write(packet).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.frame().await, (0x81, b"heard early".to_vec()));
    assert_eq!(next(&mut noted).await, "text early");
    assert_eq!(next(&mut noted).await, r#"close 1000 """#);
    assert_eq!(raw.frame().await, (0x88, vec![3, 232]));
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_told_so_and_the_application_too() {
    let (app, mut noted) = noting().await;
    let mut raw = Raw::connect(app.addr).await;
    raw.upgrade("/", &[]).await;
    raw.write(masked(0x3, b"")).await;
    let (_, payload) = raw.frame().await;
    assert_eq!(payload[..2], 1002_u16.to_be_bytes());
    let reason = "used the reserved opcode 3";
    assert_eq!(next(&mut noted).await, format!("error: the peer {reason}"));
    assert_eq!(next(&mut noted).await, format!("close 1002 {reason:?}"));
}

#[tokio::test]
async fn a_panic_in_a_handler_closes_its_connection_and_no_other() {
    let (app, mut noted) = noting().await;
    let mut other = Client::connect(app.addr, "/").await;
    let mut client = Client::connect(app.addr, "/").await;
    client.say("panic").await;
    assert_eq!(client.closed().await, 1011);
    other.say("fine").await;
    assert_eq!(other.text().await, "heard fine");
    assert_eq!(next(&mut noted).await, "text fine");
}

#[tokio::test]
async fn events_wait_for_whoever_hears_them_and_the_peer_waits_with_them() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (_websocket, mut events) = arrivals.next().await;
    let count = 20 * EVENTS_QUEUED;
    for number in 0..count {
        client.say(&number.to_string()).await;
    }
    client.close(Some(1000), "").await;
    for number in 0..count {
        assert_eq!(
            heard(&mut events).await,
            format!("Text({:?})", number.to_string())
        );
    }
    assert_eq!(heard(&mut events).await, r#"Closed(1000, "")"#);
    assert_eq!(heard(&mut events).await, "nothing more");
    assert_eq!(client.closed().await, 1000);
}

#[tokio::test]
async fn events_are_a_stream_that_ends_after_the_end() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (_websocket, events) = arrivals.next().await;
    client.say("hello").await;
    client.close(Some(4000), "bye").await;
    let events: Vec<_> = soon("the end", events.collect()).await;
    let closed = Closed {
        code: 4000,
        reason: "bye".to_owned(),
    };
    match &events[..] {
        [Event::Text(text), Event::Close(end)] => assert_eq!((&**text, end), ("hello", &closed)),
        other => panic!("a text and the end were to come, not {other:?}"),
    }
}

#[tokio::test]
async fn what_was_read_before_the_peer_vanished_is_heard_before_the_end() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    raw.upgrade("/", &[]).await;
    let (websocket, mut events) = arrivals.next().await;
    let count = 2 * EVENTS_QUEUED;
    let mut packet = masked(0x1, b"text").repeat(count);
    packet.extend(masked(0x8, &1000_u16.to_be_bytes()));
    raw.write(packet).await;
    assert_eq!(heard(&mut events).await, r#"Text("text")"#);
    drop(raw);
    // It is found out while the events wait.
    let gone = async {
        while websocket.send_text("anybody there?").is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon("the end", gone).await;
    for _ in 1..count {
        assert_eq!(heard(&mut events).await, r#"Text("text")"#);
    }
    assert_eq!(heard(&mut events).await, r#"Closed(1000, "")"#);
}

#[tokio::test]
async fn whom_nobody_hears_any_more_is_closed() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (_websocket, events) = arrivals.next().await;
    drop(events);
    assert_eq!(client.closed().await, 1001);
}

#[tokio::test]
async fn a_connection_that_never_comes_is_told_of() {
    let mut limits = Limits::default();
    limits.handshake_timeout = "50ms".parse().unwrap();
    let acceptor = Acceptor::new(limits, broker_server::config::WebSocket::default());
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let app = Application::start(move |mut request| {
        let (_, _, events) = acceptor.accept(&mut request).unwrap().events();
        sender.send(events).unwrap();
        async { Response::new("no, after all".into()) }
    })
    .await;
    let mut raw = Raw::connect(app.addr).await;
    assert_eq!(raw.upgrade("/", &[]).await.status, 200);
    let mut events = soon("the request", arrivals.recv()).await.unwrap();
    let error = soon("an event", events.next()).await;
    assert!(
        matches!(
            error,
            Some(Event::Error(Error::TooLate | Error::NoConnection(_)))
        ),
        "{error:?}"
    );
    assert_eq!(heard(&mut events).await, r#"Closed(1006, "")"#);
    assert_eq!(heard(&mut events).await, "nothing more");
}
