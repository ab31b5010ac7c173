//! WebSockets without a broker: what is sent, how long it waits, and how they end.

use std::num::NonZeroU32;

use broker_server::config::{self, Limits};
use broker_server::embed::{
    Acceptor, CloseError, Closed, Error, Event, Events, Handlers, PINGS_MAX, SendError, WebSocket,
};
use broker_testkit::client::{Client, Heard, Raw, masked};
use broker_testkit::http2::Http2;
use broker_testkit::soon;
use http::{HeaderValue, header};
use tokio::sync::mpsc;

use super::*;

/// An application's end of each connection, as they come.
pub(super) struct Arrivals {
    pub(super) app: Application,
    arrivals: mpsc::UnboundedReceiver<(WebSocket, Events)>,
}

impl Arrivals {
    pub(super) async fn start(limits: Limits) -> Arrivals {
        Arrivals::with(Acceptor::new(limits, config::WebSocket::default())).await
    }

    async fn with(acceptor: Acceptor) -> Arrivals {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let app = Application::start(move |mut request| {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            async move {
                let handshake = match acceptor.accept(&mut request) {
                    Ok(handshake) => handshake,
                    Err(refused) => return refused.into_response(),
                };
                let cookie = HeaderValue::from_static("seen=1");
                let handshake = handshake.with_header(header::SET_COOKIE, cookie);
                let (response, websocket, events) = handshake.events();
                sender.send((websocket, events)).unwrap();
                response
            }
        })
        .await;
        Arrivals { app, arrivals }
    }

    pub(super) async fn next(&mut self) -> (WebSocket, Events) {
        let arrival = soon("a connection", self.arrivals.recv()).await;
        arrival.unwrap()
    }
}

/// The next event, as it is shown.
pub(super) async fn heard(events: &mut Events) -> String {
    match soon("an event", events.next()).await {
        Some(Event::Pong(_)) => "Pong".to_owned(),
        Some(Event::Close(Closed { code, reason })) => format!("Closed({code}, {reason:?})"),
        Some(event) => format!("{event:?}"),
        None => "nothing more".to_owned(),
    }
}

#[tokio::test]
async fn what_is_sent_before_the_connection_is_there_waits_for_it() {
    let acceptor = Acceptor::default();
    let app = Application::start(move |mut request| {
        let acceptor = acceptor.clone();
        async move {
            let handshake = acceptor.accept(&mut request).unwrap();
            let (response, websocket) = handshake.start(Handlers::new());
            websocket.send_text("at once").unwrap();
            websocket.send_binary(vec![1, 2, 3]).unwrap();
            websocket.close(3000, "that was all").unwrap();
            assert_eq!(websocket.send_text("too late"), Err(SendError::Ended));
            response
        }
    })
    .await;
    let mut client = Client::connect(app.addr, "/").await;
    assert_eq!(client.text().await, "at once");
    assert_eq!(client.next().await, Heard::Binary(vec![1, 2, 3].into()));
    assert_eq!(client.rest().await, (vec![], 3000, "that was all".into()));
}

#[tokio::test]
async fn a_peer_that_sends_more_than_it_may_is_closed_with_4101() {
    let mut limits = Limits::default();
    limits.messages_per_second = NonZeroU32::new(2);
    let mut arrivals = Arrivals::start(limits).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    raw.upgrade("/", &[]).await;
    let (_, mut events) = arrivals.next().await;
    let mut packet = masked(0x1, b"one");
    packet.extend(masked(0x9, b"two"));
    packet.extend(masked(0x1, b"three"));
    packet.extend(masked(0x8, &1000_u16.to_be_bytes()));
    raw.write(packet).await;
    assert_eq!(heard(&mut events).await, r#"Text("one")"#);
    assert_eq!(heard(&mut events).await, r#"Ping(b"two")"#);
    let end = r#"Closed(4101, "too many messages")"#;
    assert_eq!(heard(&mut events).await, end);
    assert_eq!(raw.frame().await, (0x8a, b"two".to_vec()));
    let (_, payload) = raw.frame().await;
    assert_eq!(payload[..2], 4101_u16.to_be_bytes());
}

#[tokio::test]
async fn a_response_has_the_headers_of_the_application() {
    let arrivals = Arrivals::start(Limits::default()).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    let answer = raw
        .upgrade("/", &[("sec-websocket-protocol", "chat")])
        .await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("set-cookie"), Some("seen=1"));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("chat"));
}

#[tokio::test]
async fn a_bad_handshake_is_refused_with_what_is_wrong() {
    let arrivals = Arrivals::start(Limits::default()).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    let answer = raw
        .request("GET", "/", &[("upgrade", "websocket")], "")
        .await;
    assert_eq!(
        (answer.status, answer.body.trim_end()),
        (400, "the Connection header does not name upgrade")
    );
    let answer = raw.request("GET", "/", &[], "").await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-version")),
        (426, Some("13"))
    );

    let request = Request::builder().header("host", "here");
    let request = request
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = Acceptor::default().accept(&mut request.body(()).unwrap());
    let response = refused.unwrap_err().into_response();
    assert_eq!(response.status(), 500, "nobody can let go of this one");
}

#[tokio::test]
async fn the_send_queue_is_bounded_and_says_when_there_is_room() {
    let mut limits = Limits::default();
    limits.max_send_queue = "64KiB".parse().unwrap();
    let mut arrivals = Arrivals::start(limits).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (websocket, _events) = arrivals.next().await;
    let text = "x".repeat(10_000);
    let mut sent = 0;
    // The socket's own buffers come first.
    let full = loop {
        match websocket.send_text(&*text) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(full, SendError::Full);
    let reading = async {
        for _ in 0..sent {
            assert_eq!(client.text().await.len(), text.len());
        }
    };
    let (room, ()) = soon("room", async {
        tokio::join!(websocket.writable(), reading)
    })
    .await;
    assert_eq!(room, Ok(()));
    assert_eq!(websocket.send_text("room again"), Ok(()));
    assert_eq!(client.text().await, "room again");
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up() {
    let mut limits = Limits::default();
    limits.write_timeout = Some("50ms".parse().unwrap());
    let mut arrivals = Arrivals::start(limits).await;
    let _client = Client::connect(arrivals.app.addr, "/").await;
    let (websocket, mut events) = arrivals.next().await;
    let flood = async {
        loop {
            match websocket.send_binary(vec![7; 100_000]) {
                Ok(()) | Err(SendError::Full) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    assert_eq!(soon("the end", flood).await, SendError::Ended);
    let error = soon("an event", events.next()).await;
    assert!(
        matches!(error, Some(Event::Error(Error::Failed(_)))),
        "{error:?}"
    );
    assert_eq!(heard(&mut events).await, r#"Closed(1006, "")"#);
}

#[tokio::test]
async fn a_ping_gives_how_long_its_pong_took() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (websocket, mut events) = arrivals.next().await;
    let answered = websocket.ping().unwrap();
    assert_eq!(client.next().await, Heard::Ping);
    // The library sends its pong with what is said next.
    client.say("with a pong").await;
    soon("a pong", answered).await.unwrap();
    let mut both = [heard(&mut events).await, heard(&mut events).await];
    both.sort();
    assert_eq!(both, ["Pong", r#"Text("with a pong")"#]);
}

#[tokio::test]
async fn a_pong_answers_the_pings_before_it_too_and_one_without_a_ping_is_nothing() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    raw.upgrade("/", &[]).await;
    let (websocket, mut events) = arrivals.next().await;
    let first = websocket.ping().unwrap();
    let second = websocket.ping().unwrap();
    raw.frame().await;
    let (opcode, payload) = raw.frame().await;
    assert_eq!(opcode, 0x89);
    raw.write(masked(0xa, b"unasked")).await;
    raw.write(masked(0xa, &payload)).await;
    let (first, second) = soon("both", async { tokio::join!(first, second) }).await;
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(heard(&mut events).await, "Pong");

    let mut unanswered = Vec::new();
    for _ in 0..PINGS_MAX {
        unanswered.push(websocket.ping().unwrap());
    }
    assert_eq!(websocket.ping().err(), Some(SendError::TooManyPings));
    drop(raw);
    for ping in unanswered {
        assert_eq!(soon("the end", ping).await, Err(SendError::Ended));
    }
}

#[tokio::test]
async fn a_silent_peer_is_pinged_and_one_that_does_not_answer_is_closed_with_4102() {
    let mut settings = config::WebSocket::default();
    settings.ping_interval = Some("10ms".parse().unwrap());
    settings.pong_timeout = Some("10ms".parse().unwrap());
    let mut arrivals = Arrivals::with(Acceptor::new(Limits::default(), settings)).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    raw.upgrade("/", &[]).await;
    let (_websocket, mut events) = arrivals.next().await;
    assert_eq!(raw.frame().await.0, 0x89);
    let (opcode, payload) = raw.frame().await;
    assert_eq!((opcode, &payload[..2]), (0x88, &4102_u16.to_be_bytes()[..]));
    assert_eq!(heard(&mut events).await, "Error(Peer(NoPong))");
    assert_eq!(
        heard(&mut events).await,
        r#"Closed(4102, "did not answer a ping")"#
    );
}

#[tokio::test]
async fn a_close_frame_carries_only_what_one_may() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (websocket, mut events) = arrivals.next().await;
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(websocket.close(code, ""), Err(CloseError::Code(code)));
    }
    let long = "x".repeat(124);
    assert_eq!(websocket.close(1000, &long), Err(CloseError::Reason));
    assert_eq!(websocket.close(1000, &long[1..]), Ok(()));
    assert_eq!(websocket.close(4000, "once is enough"), Ok(()));
    assert_eq!(client.rest().await, (vec![], 1000, long[1..].to_owned()));
    assert_eq!(
        heard(&mut events).await,
        format!("Closed(1000, {:?})", &long[1..])
    );
}

#[tokio::test]
async fn a_peer_that_does_not_answer_our_close_is_left_after_close_timeout() {
    let mut limits = Limits::default();
    limits.close_timeout = "20ms".parse().unwrap();
    let mut arrivals = Arrivals::start(limits).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    raw.upgrade("/", &[]).await;
    let (websocket, mut events) = arrivals.next().await;
    websocket.close(3000, "go").unwrap();
    assert_eq!(raw.frame().await.0, 0x88);
    assert_eq!(heard(&mut events).await, r#"Closed(3000, "go")"#);
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn an_abort_drops_the_connection_at_once() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut client = Client::connect(arrivals.app.addr, "/").await;
    let (websocket, mut events) = arrivals.next().await;
    client.say("here").await;
    assert_eq!(heard(&mut events).await, r#"Text("here")"#);
    websocket.abort();
    assert_eq!(client.rest().await, (vec![], 1006, String::new()));
    assert_eq!(heard(&mut events).await, r#"Closed(1006, "")"#);
    assert_eq!(heard(&mut events).await, "nothing more");
    assert_eq!(websocket.send_text("gone"), Err(SendError::Ended));
    assert_eq!(websocket.writable().await, Err(SendError::Ended));
}

#[tokio::test]
async fn compressed_messages_pass_both_ways() {
    let mut arrivals = Arrivals::start(Limits::default()).await;
    let mut raw = Raw::connect(arrivals.app.addr).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    let answer = raw.upgrade("/", &offer).await;
    let agreed = answer.header("sec-websocket-extensions").unwrap();
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    let (websocket, mut events) = arrivals.next().await;
    let text = "again and again, ".repeat(500);
    websocket.send_text(&*text).unwrap();
    let (first, payload) = raw.frame().await;
    assert_eq!(first, 0xc1, "a compressed text message");
    assert!(payload.len() < text.len() / 10);
    raw.write(masked(0x41, &payload)).await;
    assert_eq!(heard(&mut events).await, format!("Text({text:?})"));
}

#[tokio::test]
async fn a_stream_of_http2_becomes_a_websocket() {
    let acceptor = Acceptor::default();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let handshake = acceptor.accept(&mut request).unwrap();
        let handlers = Handlers::new().on_text(|websocket, text| {
            websocket.send_text(text).unwrap();
        });
        let (response, _) = handshake.start(handlers);
        async { Ok::<_, Infallible>(response) }
    });
    let (ours, theirs) = tokio::io::duplex(8 * 1024);
    let executor = hyper_util::rt::TokioExecutor::new();
    let mut server = hyper::server::conn::http2::Builder::new(executor);
    server.enable_connect_protocol();
    tokio::spawn(server.serve_connection(TokioIo::new(theirs), service));
    let mut client = Http2::over(ours).await.client("/", &[]).await;
    let text = "x".repeat(100_000);
    client.say(&text).await;
    assert_eq!(client.text().await, text);
    client.close(Some(1000), "").await;
    assert_eq!(client.closed().await, 1000);
}
