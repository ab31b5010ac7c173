use broker_testkit::client::{Client, Raw};

use super::*;

async fn start() -> (SocketAddr, Handle) {
    let application = Application::start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let broker = application.broker.clone();
    let routes = application.routes();
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    // It ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (addr, broker)
}

async fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let answer = Raw::connect(addr).await.request("GET", path, &[], "").await;
    (answer.status, answer.body)
}

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

/// The id of a session of Engine.IO, from its first packet.
fn sid(open: &str) -> String {
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_that_begins_by_polling_is_greeted_counted_and_goes_on_by_a_websocket() {
    let (addr, broker) = start().await;
    let (status, open) = get(addr, POLL).await;
    assert_eq!(status, 200, "{open}");
    let session = format!("{POLL}&sid={}", sid(&open));
    let mut raw = Raw::connect(addr).await;
    assert_eq!(raw.request("POST", &session, &[], "40").await.body, "ok");
    let mut heard = String::new();
    while !heard.contains("greeting") {
        heard += &get(addr, &session).await.1;
    }
    assert!(heard.starts_with(r#"40{"sid":""#), "{heard}");
    assert_eq!(get(addr, "/count").await, (200, r#"{"count":1}"#.into()));

    let upgrade = format!("/socket.io/?EIO=4&transport=websocket&sid={}", sid(&open));
    let mut client = Client::connect_with(addr, &upgrade, &[]).await;
    client.say("2probe").await;
    assert_eq!(client.text().await, "3probe");
    client.say("5").await;
    client.say(r#"42["chat message","good morning"]"#).await;
    assert_eq!(client.text().await, r#"42["chat message","good morning"]"#);

    let told = get(addr, "/broadcast/good%20night%2C%20%E4%B8%96%E7%95%8C").await;
    assert_eq!(told, (200, r#"{"message":"good night, 世界"}"#.into()));
    assert_eq!(
        client.text().await,
        r#"42["chat message","good night, 世界"]"#
    );
    client.close(Some(1000), "").await;
    broker.drain().await;
    assert_eq!(get(addr, "/count").await.1, r#"{"count":0}"#);
}

#[tokio::test]
async fn what_is_no_request_of_socket_io_is_refused_in_its_words() {
    let (addr, broker) = start().await;
    let (status, body) = get(addr, &format!("{POLL}&sid=nobody")).await;
    assert_eq!(
        (status, &*body),
        (400, r#"{"code":1,"message":"Session ID unknown"}"#)
    );
    let (status, _) = get(addr, "/socket.io/").await;
    assert_eq!(status, 426);
    broker.shutdown().await;
}
