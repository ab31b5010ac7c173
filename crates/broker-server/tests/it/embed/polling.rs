//! Clients of Socket.IO that poll, and go over to WebSockets, at an application's own server.

use broker_testkit::backend::{Scripted, Told};
use broker_testkit::client::{Client, Raw, masked};

use super::service::behind;
use super::*;

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

/// The path by which a client polls that is in `/`, with its session named in as many bytes as there may be.
async fn enter(app: &Application) -> String {
    let mut raw = Raw::connect(app.addr).await;
    let path = "/socket.io/?EIO=4&transport=polling";
    let handshake = raw.request("GET", path, &[], "").await.body;
    let sid = json(&handshake[1..])["sid"].as_str().unwrap().to_owned();
    let encoded: String = sid.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("{path}&sid={encoded}");
    assert_eq!(raw.request("POST", &path, &[], "40").await.body, "ok");
    let entered = raw.request("GET", &path, &[], "").await.body;
    assert!(entered.starts_with("40{"), "{entered}");
    path
}

#[tokio::test]
async fn of_a_full_broker_who_polls_is_served_and_goes_over_to_a_websocket() {
    let text = "listen.shards = 2\nlimits.max_connections = 1\n\
        endpoint = [{ path = '*', dialect = 'socketio' }]";
    let broker = broker(text, &Scripted::silent());
    let app = behind(&broker, true).await;
    let path = enter(&app).await;
    let mut raw = Raw::connect(app.addr).await;
    let websocket = path.replace("polling", "websocket");
    assert_eq!(raw.upgrade(&websocket, &[]).await.status, 101);
    raw.write(masked(1, b"2probe")).await;
    assert_eq!(raw.frame().await, (0x81, b"3probe".to_vec()));
    raw.write(masked(1, b"5")).await;
    broker
        .execute(r#"{"type":"send","match":"*","message":{"type":"news","args":[1]}}"#)
        .await;
    assert_eq!(raw.frame().await, (0x81, br#"42["news",1]"#.to_vec()));
    // Its place is that of the session.
    let full = Raw::connect(app.addr).await.upgrade(WEBSOCKET, &[]).await;
    assert_eq!(full.status, 503);
    drop(raw);
    until_connected(&broker, 0).await;
    until_let_in(&app, WEBSOCKET).await;
}

#[tokio::test]
async fn where_nobody_polls_the_name_of_a_session_says_nothing_about_the_shard() {
    let backend = Scripted::silent();
    let broker = broker("listen.shards = 2", &backend);
    let app = Application::adopting(&broker, serde_json::json!({})).await;
    let _first = Client::connect(app.addr, "/").await;
    let first = backend.told_of("session-connect").await.session;
    let _second = Client::connect(app.addr, &format!("{WEBSOCKET}&sid={first}")).await;
    let told = backend
        .told_until("the second", |told| told.len() == 2)
        .await;
    let shards: Vec<u16> = { told.iter() }
        .map(|told: &Told| told.session.shard())
        .collect();
    assert_ne!(shards[0], shards[1]);
}
