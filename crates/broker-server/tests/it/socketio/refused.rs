//! What is refused, or passed over, and ends nothing.

use broker_server::Rejected;

use super::*;

#[tokio::test]
async fn what_does_not_fit_is_refused_in_the_words_of_engine_io_and_ends_nothing() {
    let endpoint = ENDPOINT.replace("allow_eio3 = true\n", "");
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{endpoint}"), &backend);
    let counters = broker.handle.counters();
    let poller = Poller::enter(&broker).await;
    let of = |query: &str| format!("/socket.io/?{query}");
    let of_session = |query: &str| format!("{}{query}", poller.path);
    let named = |sid: &str| of(&format!("EIO=4&transport=polling&sid={sid}"));
    let nobody = "A".repeat(22);
    // A name of a shard that there is not.
    let nowhere = format!("{}_", "A".repeat(21));
    let transport = (0, "Transport unknown");
    let session = (1, "Session ID unknown");
    let handshake = (2, "Bad handshake method");
    let request = (3, "Bad request");
    let version = (5, "Unsupported protocol version");
    let cases = [
        ("GET", of("EIO=4&transport=pigeon"), transport),
        ("GET", of("EIO=4"), transport),
        ("GET", of("EIO=3&transport=polling"), version),
        ("GET", of("EIO=5&transport=polling"), version),
        ("GET", of("transport=polling"), version),
        ("POST", of("EIO=4&transport=polling"), handshake),
        ("GET", named(&nobody), session),
        ("POST", named(&nobody), session),
        ("GET", named(&nowhere), session),
        ("GET", named("x"), session),
        ("GET", of("EIO=4&transport=websocket"), request),
        ("GET", poller.path.replace("polling", "websocket"), request),
        // JSONP.
        ("GET", of("EIO=4&transport=polling&j=0"), request),
        ("GET", of_session("&j=1"), request),
        ("GET", of_session("&j"), request),
        ("POST", of_session("&j=___eio"), request),
    ];
    for (number, (method, path, (code, words))) in (1..).zip(cases) {
        let mut raw = Raw::connect(broker.addr()).await;
        let answer = raw.request(method, &path, &[], "").await;
        let body = format!(r#"{{"code":{code},"message":"{words}"}}"#);
        assert_eq!((answer.status, &answer.body), (400, &body), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(counters.rejected(Rejected::BadHandshake), number, "{path}");
    }
    assert_eq!(poller.post(&broker, r#"42["still"]"#).await, ok());
    backend.told_of("client-still").await;
}

#[tokio::test]
async fn a_page_of_another_origin_gets_neither_session_nor_answer() {
    let config = format!("access.origins = ['https://good.example']\n{ENDPOINT}");
    let broker = Broker::start(&config, &Scripted::silent());
    let poller = Poller::enter(&broker).await;
    let evil = [("origin", "https://evil.example")];
    for (method, path) in [
        ("OPTIONS", POLLING),
        ("GET", POLLING),
        ("GET", &poller.path),
        ("POST", &poller.path),
    ] {
        let mut raw = Raw::connect(broker.addr()).await;
        let answer = raw.request(method, path, &evil, "").await;
        assert_eq!(answer.status, 403, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let mut raw = Raw::connect(broker.addr()).await;
    let websocket = poller.path.replace("polling", "websocket");
    assert_eq!(raw.upgrade(&websocket, &evil).await.status, 403);
    assert_eq!(broker.handle.counters().rejected(Rejected::Origin), 5);
    assert_eq!(broker.handle.report().await.connections, 1);
    assert_eq!(poller.post(&broker, r#"42["still"]"#).await, ok());
}

#[tokio::test]
async fn an_auth_that_is_too_long_is_refused_and_the_client_may_enter_all_the_same() {
    let config = format!("limits.max_session = '512B'\n{ENDPOINT}");
    let broker = Broker::start(&config, &Scripted::silent());
    let mut client = client_in(&broker, &[]).await;
    client
        .say(&format!(r#"40{{"token":"{}"}}"#, "x".repeat(512)))
        .await;
    let refused = r#"44{"message":"auth is over the limit max_session"}"#;
    assert_eq!(client.text().await, refused);
    client.say("40").await;
    assert!(client.text().await.starts_with("40{"));
}

#[tokio::test]
async fn an_acknowledgement_of_what_was_not_asked_is_passed_over_and_counted() {
    let backend = Scripted::silent();
    let broker = Broker::start(ENDPOINT, &backend);
    let mut client = client_in(&broker, &["/a", "/b"]).await;
    let ask = r#"{"type":"send","match":"*","message":{"type":"ask","args":[],"ack":7}}"#;
    broker.execute(ask).await;
    client.texts(2).await;
    for answer in [
        r#"43/a,8["never asked"]"#,
        r#"43/a,7["first"]"#,
        r#"43/a,7["again"]"#,
        r#"42/a,["done"]"#,
    ] {
        client.say(answer).await;
    }
    backend.told_of("client-done").await;
    let told = backend.told().into_iter().map(|told| told.message);
    let acks: Vec<String> = told.filter(|it| it.contains("session-ack")).collect();
    assert_eq!(acks, [r#"{"type":"session-ack","ack":7,"args":["first"]}"#]);
    assert_eq!(broker.handle.counters().passed_over(), 2);
}
