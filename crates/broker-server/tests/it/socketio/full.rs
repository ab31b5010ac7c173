//! Clients that poll while the broker is as full as its limits admit.

use std::time::Duration;

use super::*;

const SEND: &str = r#"{"type":"send","match":"*","message":{"type":"news","args":[1]}}"#;

/// A broker with this limit that is full: with two WebSockets, and a client that polls.
async fn full(limit: &str) -> (Broker, Poller, Vec<Raw>) {
    let config = format!("listen.shards = 2\nlimits.{limit} = 3\n{ENDPOINT}");
    let broker = Broker::start(&config, &Scripted::silent());
    let poller = Poller::enter(&broker).await;
    // The sockets that it came by are gone, but perhaps not noticed yet.
    let mut clients = Vec::new();
    while clients.len() < 2 {
        let mut raw = Raw::connect(broker.addr()).await;
        if raw.upgrade(WEBSOCKET, &[]).await.status == 101 {
            clients.push(raw);
        }
    }
    (broker, poller, clients)
}

/// What a request is answered that must be served as soon as sockets which were closed are noticed.
async fn served(broker: &Broker, method: &str, poller: &Poller, body: &str) -> (u16, String) {
    let tried = async {
        loop {
            let mut raw = Raw::connect(broker.addr()).await;
            let answer = raw.request(method, &poller.path, &[], body).await;
            if answer.status != 503 {
                return (answer.status, answer.body);
            }
        }
    };
    soon("a place to stand", tried).await
}

async fn is_refused(broker: &Broker, path: &str) {
    let mut raw = Raw::connect(broker.addr()).await;
    let answer = if path == WEBSOCKET {
        raw.upgrade(path, &[]).await
    } else {
        raw.request("GET", path, &[], "").await
    };
    assert_eq!(answer.status, 503, "{path}");
    assert_eq!(answer.header("retry-after"), Some("5"), "{path}");
    // Its place is for those who poll.
    assert_eq!(answer.header("connection"), Some("close"), "{path}");
    raw.rest().await;
}

#[tokio::test]
async fn a_full_broker_goes_on_serving_who_polls_and_lets_nobody_else_in() {
    for limit in ["max_connections", "max_connections_per_ip"] {
        let (broker, poller, clients) = full(limit).await;
        for _ in 0..10 {
            is_refused(&broker, POLLING).await;
            is_refused(&broker, WEBSOCKET).await;
            let posted = served(&broker, "POST", &poller, r#"42["hello"]"#).await;
            assert_eq!(posted, ok(), "{limit}");
            broker.execute(SEND).await;
            let (_, polled) = served(&broker, "GET", &poller, "").await;
            assert_eq!(polled, r#"42["news",1]"#, "{limit}");
        }
        drop(clients);
        Poller::enter(&broker).await;
    }
}

#[tokio::test]
async fn of_a_full_broker_a_websocket_takes_over_from_polls_and_then_nobody_may_stand() {
    let (broker, poller, _clients) = full("max_connections").await;
    let mut raw = poller.websocket(&broker).await;
    raw.write(masked(1, b"2probe")).await;
    assert_eq!(raw.frame().await, (0x81, b"3probe".to_vec()));
    raw.write(masked(1, b"5")).await;
    broker.execute(SEND).await;
    assert_eq!(raw.frame().await, (0x81, br#"42["news",1]"#.to_vec()));

    // It is refused before it has said anything.
    let mut raw = Raw::connect(broker.addr()).await;
    assert!(raw.rest().await.starts_with(b"HTTP/1.1 503"));
}

#[tokio::test]
async fn so_many_sockets_may_stand_and_their_places_come_back() {
    let (broker, poller, _clients) = full("max_connections").await;
    let mut silent = Vec::new();
    let refused = loop {
        let mut raw = Raw::connect(broker.addr()).await;
        // Whoever stands is given time to say something.
        match tokio::time::timeout(Duration::from_millis(500), raw.rest()).await {
            Ok(answer) => break answer,
            Err(_) => silent.push(raw),
        }
        assert!(silent.len() <= 4);
    };
    assert!(refused.starts_with(b"HTTP/1.1 503"));
    drop(silent);
    let posted = served(&broker, "POST", &poller, r#"42["hello"]"#).await;
    assert_eq!(posted, ok());
}
