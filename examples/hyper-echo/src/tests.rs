use std::net::SocketAddr;

use broker_testkit::client::{Client, Heard, Raw};

use super::*;

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    // It ends with the test's runtime.
    tokio::spawn(serve(listener));
    addr
}

#[tokio::test]
async fn whatever_is_said_comes_back() {
    let mut client = Client::connect(start().await, "/echo").await;
    client.say("hello").await;
    assert_eq!(client.text().await, "hello");
    client.say_binary(vec![1, 2, 3]).await;
    assert_eq!(client.next().await, Heard::Binary(vec![1, 2, 3].into()));
    client.say("ping").await;
    assert!(client.text().await.starts_with("pong after "));
    client.say("bye").await;
    assert_eq!(client.rest().await, (vec![], 1000, "bye".to_owned()));
}

#[tokio::test]
async fn ordinary_requests_get_ordinary_answers() {
    let addr = start().await;
    let mut raw = Raw::connect(addr).await;
    let page = raw.request("GET", "/", &[], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("/echo"), "the page knows its WebSocket");
    assert_eq!(raw.request("GET", "/echo", &[], "").await.status, 426);
    assert_eq!(raw.request("GET", "/other", &[], "").await.status, 404);
    let bad = raw.request("GET", "/echo", &[("upgrade", "websocket")], "");
    assert_eq!(bad.await.status, 400);
    let good = Raw::connect(addr).await.upgrade("/echo", &[]).await;
    assert_eq!(
        (good.status, good.header("server")),
        (101, Some("hyper-echo"))
    );
}
