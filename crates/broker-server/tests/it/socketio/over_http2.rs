//! Polls over HTTP/2, and WebSockets over it (RFC 8441) that take over.

use broker_server::{Closed, Rejected};
use broker_testkit::http2::{Http2, connect};
use http::{Method, Request};
use tokio::net::TcpStream;

use super::*;

/// A connection, and the session of a client that is in `/` by it.
struct Browser {
    http2: Http2,
    poller: Poller,
    /// The session, whose name says which shard it and the connection are on.
    sid: SessionId,
}

impl Browser {
    async fn enter(broker: &Broker) -> Browser {
        let mut http2 = Http2::over(TcpStream::connect(broker.addr()).await.unwrap()).await;
        let handshake = request(&mut http2, Method::GET, POLLING, "").await.1;
        let mut browser = Browser {
            http2,
            poller: Poller::named(POLLING, &handshake),
            sid: sid(&handshake),
        };
        assert_eq!(browser.post("40").await, ok());
        assert!(browser.poll().await.1.starts_with("40{"));
        browser
    }

    async fn poll(&mut self) -> (u16, String) {
        request(&mut self.http2, Method::GET, &self.poller.path, "").await
    }

    async fn post(&mut self, body: &'static str) -> (u16, String) {
        request(&mut self.http2, Method::POST, &self.poller.path, body).await
    }

    /// The handshake of a WebSocket that is to take over.
    fn websocket(&self) -> Request<()> {
        connect(&self.poller.path.replace("polling", "websocket"), &[])
    }

    /// Goes over to a WebSocket on its own connection.
    async fn go_over(&mut self) -> Client {
        let websocket = self.websocket();
        let stream = self.http2.stream(websocket).await.unwrap();
        let mut client = stream.into_client().await;
        client.say("2probe").await;
        assert_eq!(client.text().await, "3probe");
        assert_eq!(self.poll().await, (200, "6".to_owned()));
        client.say("5").await;
        client
    }
}

async fn request(
    http2: &mut Http2,
    method: Method,
    path: &str,
    body: &'static str,
) -> (u16, String) {
    let answer = http2.request(head(method, path), body).await;
    let answer = answer.unwrap();
    (answer.status.as_u16(), answer.body)
}

fn head(method: Method, path: &str) -> Request<()> {
    let request = Request::builder().method(method);
    let request = request.uri(format!("http://localhost{path}"));
    request.body(()).unwrap()
}

/// One browser on each of two shards.
async fn two_browsers(broker: &Broker) -> [Browser; 2] {
    let browsers = [Browser::enter(broker).await, Browser::enter(broker).await];
    assert_ne!(browsers[0].sid.shard(), browsers[1].sid.shard());
    browsers
}

#[tokio::test]
async fn a_websocket_over_http_2_takes_over_from_the_polls_of_its_connection() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut browsers = two_browsers(&broker).await;
    let mut clients = Vec::new();
    for browser in &mut browsers {
        clients.push(browser.go_over().await);
    }
    broker
        .execute(r#"{"type":"send","match":"*","message":{"type":"late","args":[]}}"#)
        .await;
    for (browser, mut client) in browsers.iter_mut().zip(clients) {
        assert_eq!(client.text().await, r#"42["late"]"#);
        assert_eq!(browser.poll().await, unknown_session());
        client.say(r#"42["over"]"#).await;
        client.close(Some(1000), "").await;
        assert_eq!(client.closed().await, 1000);
    }
    backend
        .told_until("both", |told| {
            let over = |told: &&Told| told.message.contains("client-over");
            told.iter().filter(over).count() == 2
        })
        .await;
    until_nothing_is_left(&broker).await;
}

#[tokio::test]
async fn a_websocket_over_http_2_on_another_shard_is_refused_and_its_session_polls_on() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let [mut one, mut other] = two_browsers(&broker).await;
    for _ in 0..3 {
        let refused = other.http2.stream(one.websocket()).await.unwrap_err();
        assert_eq!(refused.as_u16(), 400);
    }
    let counters = broker.handle.counters();
    assert_eq!(counters.rejected(Rejected::BadHandshake), 3, "{counters}");
    assert_eq!(one.post(r#"42["still"]"#).await, ok());
    backend.told_of("client-still").await;
    broker
        .execute(r#"{"type":"send","match":"*","message":{"type":"still","args":[]}}"#)
        .await;
    for mut browser in [one, other] {
        assert_eq!(browser.poll().await, (200, r#"42["still"]"#.to_owned()));
        // What was refused stands in nobody's way.
        browser.go_over().await;
    }
}

#[derive(Clone, Copy, Debug)]
enum CutOff {
    Stream,
    Connection,
}

/// A poll of the first of two browsers is cut off, that comes by the connection of this one; the other's is on another shard.
async fn is_cut_off(cut_off: CutOff, carrier: usize) {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut browsers = two_browsers(&broker).await;
    let path = browsers[0].poller.path.clone();
    let http2 = &mut browsers[carrier].http2;
    let poll = http2.begin(head(Method::GET, &path)).await.unwrap();
    // With each of these requests the shard has looked at all streams.
    for _ in 0..3 {
        let path = "/socket.io/?EIO=4&transport=none";
        assert_eq!(request(http2, Method::GET, path, "").await.0, 400);
    }
    match cut_off {
        CutOff::Stream => drop(poll),
        CutOff::Connection => http2.connection.abort(),
    }
    let expected = r#"{"type":"session-disconnect","code":1006,"reason":"its poll was cut off"}"#;
    let case = format!("{cut_off:?} of {carrier}");
    assert_eq!(endings(&backend, 1).await, [expected], "{case}");
    assert_eq!(broker.handle.counters().closed(Closed::Lost), 1, "{case}");
    let still_there = match cut_off {
        CutOff::Stream => carrier,
        CutOff::Connection => 1 - carrier,
    };
    let http2 = &mut browsers[still_there].http2;
    let posted = request(http2, Method::POST, &path, "3").await;
    assert_eq!(posted, unknown_session(), "{case}");
    assert_eq!(browsers[1].poller.post(&broker, "3").await, ok(), "{case}");
}

#[tokio::test]
async fn a_poll_over_http_2_that_is_cut_off_ends_its_session() {
    for cut_off in [CutOff::Stream, CutOff::Connection] {
        for carrier in [0, 1] {
            is_cut_off(cut_off, carrier).await;
        }
    }
}
