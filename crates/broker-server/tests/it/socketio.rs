//! Connections of Socket.IO: the sessions that they carry, polls, and WebSockets that take over.

mod bodies;
mod bodies_at_once;
mod endings;
mod full;
mod over_http2;
mod over_tls;
mod refused;

use broker_server::Report;
use broker_server::core::SessionId;
use broker_testkit::backend::{Reply, Scripted, Told};
use broker_testkit::client::{Client, Raw, masked};
use broker_testkit::soon;

use crate::broker::Broker;

const ENDPOINT: &str = "[[endpoint]]\npath = '*'\ndialect = 'socketio'\nallow_eio3 = true\n";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const POLLING: &str = "/socket.io/?EIO=4&transport=polling";

/// A client by a WebSocket, that has entered these namespaces.
async fn client_in(broker: &Broker, namespaces: &[&str]) -> Client {
    let mut client = Client::connect(broker.addr(), WEBSOCKET).await;
    assert!(client.text().await.starts_with("0{"));
    for namespace in namespaces {
        client.say(&format!("40{namespace},")).await;
        assert!(
            client
                .text()
                .await
                .starts_with(&format!("40{namespace},{{"))
        );
    }
    client
}

/// A client that polls: each of its requests comes by a socket of its own, and so to any shard.
struct Poller {
    path: String,
}

impl Poller {
    /// One that is in `/`.
    async fn enter(broker: &Broker) -> Poller {
        let poller = Poller::named(POLLING, &get(broker, POLLING).await);
        assert_eq!(poller.post(broker, "40").await, ok());
        assert!(poller.poll(broker).await.starts_with("40{"));
        poller
    }

    /// One that is in `/`, by a socket, on whose shard its session lives from now on.
    async fn enter_by(raw: &mut Raw) -> Poller {
        let handshake = raw.request("GET", POLLING, &[], "").await.body;
        let poller = Poller::named(POLLING, &handshake);
        assert_eq!(poller.post_by(raw, "40").await, ok());
        assert!(poller.poll_by(raw).await.1.starts_with("40{"));
        poller
    }

    /// One by what its handshake has said.
    fn named(path: &str, handshake: &str) -> Poller {
        Poller {
            path: format!("{path}&sid={}", sid(handshake)),
        }
    }

    async fn poll(&self, broker: &Broker) -> String {
        get(broker, &self.path).await
    }

    async fn poll_by(&self, raw: &mut Raw) -> (u16, String) {
        let answer = raw.request("GET", &self.path, &[], "").await;
        (answer.status, answer.body)
    }

    async fn post(&self, broker: &Broker, body: &str) -> (u16, String) {
        let mut raw = Raw::connect(broker.addr()).await;
        self.post_by(&mut raw, body).await
    }

    async fn post_by(&self, raw: &mut Raw, body: &str) -> (u16, String) {
        let answer = raw.request("POST", &self.path, &[], body).await;
        (answer.status, answer.body)
    }

    /// A WebSocket that is to take over.
    async fn websocket(&self, broker: &Broker) -> Raw {
        let mut raw = Raw::connect(broker.addr()).await;
        let path = self.path.replace("polling", "websocket");
        assert_eq!(raw.upgrade(&path, &[]).await.status, 101);
        raw
    }
}

/// The session that a handshake names.
fn sid(handshake: &str) -> SessionId {
    let (_, rest) = handshake.split_once(r#""sid":""#).unwrap();
    let (sid, _) = rest.split_once('"').unwrap();
    sid.parse().unwrap()
}

/// A socket that is served by this shard: a session that is begun by it lives there, and is left at once.
async fn socket_on(broker: &Broker, shard: u16) -> Raw {
    connection_on(shard, async || Raw::connect(broker.addr()).await).await
}

/// The same, however connections are made.
async fn connection_on(shard: u16, connect: impl AsyncFn() -> Raw) -> Raw {
    let mut elsewhere = Vec::new();
    loop {
        let mut raw = connect().await;
        let handshake = raw.request("GET", POLLING, &[], "").await.body;
        let poller = Poller::named(POLLING, &handshake);
        assert_eq!(poller.post_by(&mut raw, "1").await, ok());
        if sid(&handshake).shard() == shard {
            return raw;
        }
        elsewhere.push(raw);
    }
}

/// The answer to a body that was taken.
fn ok() -> (u16, String) {
    (200, "ok".to_owned())
}

/// The answer to a request that does not fit its session.
fn bad_request() -> (u16, String) {
    (400, r#"{"code":3,"message":"Bad request"}"#.to_owned())
}

/// The answer to a request whose session is not there any more.
fn unknown_session() -> (u16, String) {
    (
        400,
        r#"{"code":1,"message":"Session ID unknown"}"#.to_owned(),
    )
}

/// Waits until no connection and no session is left.
async fn until_nothing_is_left(broker: &Broker) {
    let is_left = |report: &Report| {
        report.connections + report.sessions + report.queued_bytes + report.events_held > 0
    };
    broker.until("the end", |report| !is_left(report)).await;
}

/// What the application was told of the ends of sessions, once it was told of so many.
async fn endings(backend: &Scripted, count: usize) -> Vec<String> {
    let ends = |told: &Vec<Told>| -> Vec<String> {
        let messages = told.iter().map(|told| told.message.clone());
        { messages }
            .filter(|message| message.contains("session-disconnect"))
            .collect()
    };
    let told = backend.told_until("the ends", |told| ends(told).len() == count);
    ends(&told.await)
}

async fn get(broker: &Broker, path: &str) -> String {
    let mut raw = Raw::connect(broker.addr()).await;
    raw.request("GET", path, &[], "").await.body
}

async fn say(raw: &mut Raw, text: &str) {
    raw.write(masked(1, text.as_bytes())).await;
}

async fn text(raw: &mut Raw) -> String {
    let (head, payload) = raw.frame().await;
    assert_eq!(head, 0x81);
    String::from_utf8(payload).unwrap()
}

#[tokio::test]
async fn a_connection_carries_a_session_for_each_namespace_and_ends_them_all() {
    let backend = Scripted::silent();
    let broker = Broker::start(ENDPOINT, &backend);
    let client = client_in(&broker, &["/a", "/b", "/c"]).await;
    broker
        .until("four sessions on one connection", |report| {
            (report.connections, report.sessions) == (1, 4)
        })
        .await;
    drop(client);
    broker.until("the end", |report| report.sessions == 0).await;
    let told = backend
        .told_until("three ends", |told| {
            let gone = |told: &&broker_testkit::backend::Told| told.message.contains("1006");
            told.iter().filter(gone).count() == 3
        })
        .await;
    assert_eq!(told.len(), 6, "nobody else is told of");
}

#[tokio::test]
async fn a_broadcast_reaches_a_namespace_once_for_each_who_is_in_it() {
    let broker = Broker::start(ENDPOINT, &Scripted::silent());
    let mut two = client_in(&broker, &["/a", "/b"]).await;
    let mut one = client_in(&broker, &["/a"]).await;
    let command =
        r#"{"type":"send","match":"*","message":{"type":"n","args":[{"$binary":"AQI="}]}}"#;
    broker.execute(command).await;
    let heard =
        |namespace: &str| format!(r#"451-{namespace},["n",{{"_placeholder":true,"num":0}}]"#);
    assert_eq!(one.text().await, heard("/a"));
    let mut first = [two.text().await, String::new()];
    two.next().await;
    first[1] = two.text().await;
    first.sort();
    assert_eq!(first, [heard("/a"), heard("/b")]);
}

#[tokio::test]
async fn what_cannot_be_said_is_not_sent_and_counted_as_dropped() {
    let broker = Broker::start(ENDPOINT, &Scripted::silent());
    let mut client = client_in(&broker, &["/a"]).await;
    let receipts = broker
        .receipts(
            r#"[{"type":"send","message":{"type":"disconnect","args":[]}},
                {"type":"send","message":{"type":"fine","args":[]}}]"#,
        )
        .await;
    assert_eq!(receipts[0]["dropped"], 1);
    assert_eq!(receipts[1]["dropped"], 0);
    assert_eq!(client.text().await, r#"42/a,["fine"]"#);
}

#[tokio::test]
async fn a_drain_ends_those_who_poll_as_well() {
    let backend = Scripted::silent();
    let broker = Broker::start(
        &format!("listen.shards = 2\nlimits.close_timeout = '100ms'\n{ENDPOINT}"),
        &backend,
    );
    let (waiting, _absent) = (Poller::enter(&broker).await, Poller::enter(&broker).await);
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write(format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        waiting.path
    ))
    .await;
    soon("the drain", broker.handle.drain()).await;
    // The process may end before the answer is out.
    let answer = String::from_utf8(raw.rest().await).unwrap();
    assert!(
        answer.is_empty() || answer.ends_with("\r\n\r\n1"),
        "{answer}"
    );
    backend
        .told_until("both ends", |told| {
            let gone = |told: &&broker_testkit::backend::Told| told.message.contains("1012");
            told.iter().filter(gone).count() == 2
        })
        .await;
}

#[tokio::test]
async fn a_websocket_takes_over_on_whatever_shard_it_arrives_and_nothing_is_left_behind() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 3\n{ENDPOINT}"), &backend);
    for _ in 0..6 {
        let poller = Poller::enter(&broker).await;
        let mut raw = poller.websocket(&broker).await;
        say(&mut raw, "2probe").await;
        assert_eq!(text(&mut raw).await, "3probe");
        assert_eq!(poller.poll(&broker).await, "6", "no poll waits meanwhile");
        broker
            .execute(r#"{"type":"send","match":"*","message":{"type":"late","args":[]}}"#)
            .await;
        // What the client says in one go with its going over is heard as well.
        let mut bytes = masked(1, b"5");
        bytes.extend(masked(1, br#"42["over"]"#));
        raw.write(bytes).await;
        assert_eq!(text(&mut raw).await, r#"42["late"]"#);
        backend.told_of("client-over").await;
        assert_eq!(poller.post(&broker, "42[\"again\"]").await.0, 400);
        raw.write(masked(8, &1000_u16.to_be_bytes())).await;
        broker
            .until("the end", |report| {
                (report.connections, report.sessions, report.queued_bytes) == (0, 0, 0)
            })
            .await;
    }
}

#[tokio::test]
async fn a_session_goes_on_by_polling_when_a_websocket_is_of_no_use() {
    let broker = Broker::start(ENDPOINT, &Scripted::silent());
    let poller = Poller::enter(&broker).await;
    for useless in ["4nonsense", "2", "x"] {
        let mut raw = poller.websocket(&broker).await;
        say(&mut raw, useless).await;
        raw.rest().await;
    }
    drop(poller.websocket(&broker).await);
    let send =
        broker.execute(r#"{"type":"send","match":"*","message":{"type":"still","args":[]}}"#);
    let (heard, _) = tokio::join!(poller.poll(&broker), send);
    assert_eq!(heard, r#"42["still"]"#);
}

#[tokio::test]
async fn whoever_asks_for_answers_and_fetches_none_is_given_up() {
    let config = format!("{ENDPOINT}[limits]\nmax_send_queue = '16KiB'\n");
    let broker = Broker::start(&config, &Scripted::silent());
    let path = "/socket.io/?EIO=3&transport=polling";
    let poller = Poller::named(path, &get(&broker, path).await);
    let pings = "1:2".repeat(200);
    let mut status = 200;
    for _ in 0..100 {
        status = poller.post(&broker, &pings).await.0;
        if status != 200 {
            break;
        }
    }
    assert_eq!(status, 400);
    broker.until("the end", |report| report.sessions == 0).await;
}

#[tokio::test]
async fn a_panic_of_the_application_harms_the_namespace_that_it_was_about_and_no_other() {
    let backend = Scripted::new(|told| {
        if told.message.contains("client-fatal") {
            Reply::Panic
        } else {
            Reply::Commands(String::new())
        }
    });
    let broker = Broker::start(ENDPOINT, &backend);
    let mut client = client_in(&broker, &["/a", "/b"]).await;
    client.say(r#"42/a,["fatal"]"#).await;
    client.say(r#"42/b,["fine"]"#).await;
    backend.told_of("client-fine").await;
    broker
        .execute(r#"{"type":"send","match":"*","message":{"type":"still","args":[]}}"#)
        .await;
    let mut heard = client.texts(2).await;
    heard.sort();
    assert_eq!(heard, [r#"42/a,["still"]"#, r#"42/b,["still"]"#]);
}
