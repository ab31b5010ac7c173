use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;

use super::*;

async fn start() -> (SocketAddr, Handle) {
    let broker = start_broker().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app(broker.clone()).into_make_service_with_connect_info::<SocketAddr>();
    // It ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, app).await });
    (addr, broker)
}

/// Logs in, connects and waits for the news of it.
async fn enter(addr: SocketAddr, name: &str) -> Client {
    let path = format!("/login/{name}");
    let answer = Raw::connect(addr)
        .await
        .request("POST", &path, &[], "")
        .await;
    let cookie = answer.header("set-cookie").unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let mut client = Client::connect_with(addr, "/chat", &[("cookie", cookie)]).await;
    assert_eq!(client.text().await, format!(r#"{{"came":"{name}"}}"#));
    client
}

#[tokio::test]
async fn whoever_has_logged_in_talks_to_everybody() {
    let (addr, broker) = start().await;
    let mut anna = enter(addr, "anna").await;
    let mut ben = enter(addr, "ben").await;
    assert_eq!(anna.text().await, r#"{"came":"ben"}"#);
    ben.say(r#"{"text":"good morning","from":"anna"}"#).await;
    let said = r#"{"from":"ben","text":"good morning"}"#;
    assert_eq!(
        (anna.text().await, ben.text().await),
        (said.into(), said.into())
    );

    let list = r#"data=[{"type":"send","message":{"text":"we are closing"}}]"#;
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let mut raw = Raw::connect(addr).await;
    let answer = raw.request("POST", "/commands", &kind, list).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(anna.text().await, r#"{"text":"we are closing"}"#);
    assert_eq!(ben.text().await, r#"{"text":"we are closing"}"#);

    ben.close(Some(1000), "").await;
    assert_eq!(anna.text().await, r#"{"left":"ben"}"#);
    soon("the drain", async {
        tokio::join!(broker.drain(), anna.closed())
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_the_application_is_as_ever() {
    let (addr, broker) = start().await;
    let mut raw = Raw::connect(addr).await;
    let page = raw.request("GET", "/", &[], "").await;
    assert!(page.body.contains("/chat"), "the page knows its WebSocket");
    assert_eq!(raw.request("GET", "/other", &[], "").await.status, 404);
    let bad = raw.request("POST", "/login/a%3Bb", &[], "").await;
    assert_eq!(bad.status, 400);
    assert_eq!(raw.upgrade("/chat", &[]).await.status, 401);
    let foreign = [("cookie", "user=anna"), ("origin", "https://example.com")];
    assert_eq!(raw.upgrade("/chat", &foreign).await.status, 403);
    let ours = [("cookie", "user=anna"), ("origin", "http://127.0.0.1:8080")];
    assert_eq!(raw.upgrade("/chat", &ours).await.status, 101);
    broker.shutdown().await;
}
