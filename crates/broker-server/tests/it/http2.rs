//! HTTP/2 on the public port: WebSockets as streams, and ordinary requests.

mod hostile;

use std::sync::Arc;

use broker_server::{Identity, Server};
use broker_testkit::authority::{Authority, Offer};
use broker_testkit::backend::Scripted;
use broker_testkit::client::Client;
use broker_testkit::http2::{Http2, connect, reset};
use broker_testkit::soon;
use bytes::Bytes;
use h2::client::Builder;
use http::{Method, Request, StatusCode};
use tokio::net::TcpStream;

use crate::broker::{Broker, config};

const ECHO: &str = "endpoint = [{ path = '*', dialect = 'echo' }]\n";

async fn http2(broker: &Broker) -> Http2 {
    Http2::over(TcpStream::connect(broker.addr()).await.unwrap()).await
}

fn get(path: &str) -> Request<()> {
    request(Method::GET, path, &[])
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://localhost{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn sessions(broker: &Broker, count: usize) {
    broker
        .until("the sessions", |report| report.connections == count)
        .await;
}

#[tokio::test]
async fn several_websockets_and_requests_share_a_connection() {
    let broker = Broker::alone("access.allow = ['127.0.0.1']");
    let mut http2 = http2(&broker).await;
    let mut one = http2.client("/", &[("cookie", "room=a")]).await;
    let mut two = http2.client("/", &[("cookie", "room=b")]).await;
    sessions(&broker, 2).await;
    let body = r#"[{"type":"send","text":"for b","match":{"room":"b"}},{"type":"send","text":"for all"},{"type":"count"}]"#;
    let post = request(Method::POST, "/", &[("content-type", "application/json")]);
    let answer = http2.request(post, body).await.unwrap();
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "[null,null,2]")
    );
    assert!(answer.headers.contains_key("date"));
    assert_eq!(two.texts(2).await, ["for b", "for all"]);
    assert_eq!(one.text().await, "for all");
    one.close(Some(1000), "").await;
    assert_eq!(one.closed().await, 1000);
    sessions(&broker, 1).await;
    let answer = http2.request(get("/"), "").await.unwrap();
    assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test]
async fn long_messages_pass_both_ways_whatever_the_windows_are() {
    let broker = Broker::alone(ECHO);
    for window in [1000, 65_535, 1 << 20] {
        let mut settings = Builder::new();
        settings.initial_window_size(window);
        let socket = TcpStream::connect(broker.addr()).await.unwrap();
        let mut http2 = Http2::with(&settings, socket).await;
        let mut client = http2.client("/", &[]).await;
        for len in [0, 1, 16 * 1024, 300_000] {
            let text = "x".repeat(len);
            client.say(&text).await;
            assert!(client.text().await == text, "{len} bytes, window {window}");
        }
    }
}

#[tokio::test]
async fn over_tls_it_is_agreed_on_in_the_handshake() {
    let authority = Authority::new();
    let issued = authority.issue();
    let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes());
    let server = Server::from_config(config(ECHO)).with_identity(identity.unwrap());
    let handle = server.start().unwrap();
    let broker = Broker { handle };
    let offer = Offer {
        protocols: &["h2", "http/1.1"],
        ..Offer::default()
    };
    let socket = TcpStream::connect(broker.addr()).await.unwrap();
    let stream = authority.over(socket, offer).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut http2 = Http2::over(stream).await;
    let mut client = http2.client("/", &[]).await;
    for len in [1, 100_000] {
        let text = "x".repeat(len);
        client.say(&text).await;
        assert!(client.text().await == text);
    }
}

#[tokio::test]
async fn the_answer_agrees_on_a_subprotocol_and_has_no_key() {
    let broker = Broker::alone("websocket.subprotocols = ['chat']");
    let mut http2 = http2(&broker).await;
    let offer = [("sec-websocket-protocol", "other, chat")];
    let stream = http2.stream(connect("/", &offer)).await.unwrap();
    assert_eq!(stream.headers["sec-websocket-protocol"], "chat");
    assert!(!stream.headers.contains_key("sec-websocket-accept"));
}

#[tokio::test]
async fn what_is_no_good_handshake_is_refused_and_the_connection_goes_on() {
    let text = "access.origins = ['https://good.example']\nendpoint = [{ path = '/chat' }]\n";
    let broker = Broker::alone(text);
    let mut http2 = http2(&broker).await;
    let mut other_protocol = connect("/chat", &[]);
    let protocol = h2::ext::Protocol::from_static("connect-udp");
    other_protocol.extensions_mut().insert(protocol);
    let mut other_version = connect("/chat", &[]);
    let version = http::HeaderValue::from_static("8");
    other_version
        .headers_mut()
        .insert("sec-websocket-version", version);
    let mut proxy = request(Method::CONNECT, "", &[]);
    *proxy.uri_mut() = "localhost:80".parse().unwrap();
    let long = format!("/{}", "x".repeat(9000));
    for (request, status) in [
        (other_protocol, 501),
        (other_version, 426),
        (proxy, 405),
        (connect("/elsewhere", &[]), 404),
        (connect("/chat", &[("origin", "https://evil.example")]), 403),
        (connect("/chat", &[("sec-websocket-protocol", "a b")]), 400),
        (connect("/chat", &[("host", "other.example")]), 400),
        (connect(&long, &[]), 414),
    ] {
        let shown = format!("{request:?}");
        let refused = http2.stream(request).await.unwrap_err();
        assert_eq!(refused, status, "{shown}");
    }
    let origin = [("origin", "https://good.example")];
    http2.stream(connect("/chat", &origin)).await.unwrap();
    sessions(&broker, 1).await;
}

#[tokio::test]
async fn requests_are_limited_as_over_http_1() {
    let broker = Broker::alone("access.allow = ['127.0.0.1']\nlimits.max_body = '1KiB'");
    let mut http2 = http2(&broker).await;
    let post = || request(Method::POST, "/", &[]);
    let long = " ".repeat(2000);
    let many: Vec<(&str, &str)> = (0..65).map(|_| ("x", "1")).collect();
    let answer = http2.request(post(), long).await.unwrap();
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    for request in [
        request(Method::GET, "/", &many),
        request(Method::GET, "/", &[("x", &"y".repeat(17 * 1024))]),
    ] {
        let answer = http2.request(request, "").await.unwrap();
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let answer = http2.request(request(Method::PUT, "/", &[]), "").await;
    assert_eq!(answer.unwrap().status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = http2.request(request(Method::HEAD, "/", &[]), "").await;
    let answer = answer.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (405, ""));
    let answer = http2.request(post(), r#"[{"type":"count"}]"#).await;
    assert_eq!(answer.unwrap().body, "[0]");
}

#[tokio::test]
async fn cookies_that_come_in_crumbs_are_put_together() {
    let broker = Broker::alone("");
    let mut http2 = http2(&broker).await;
    let crumbs = [("cookie", "user=ann"), ("cookie", "room=lobby")];
    let _client = http2.client("/", &crumbs).await;
    sessions(&broker, 1).await;
    let receipts = broker
        .receipts(r#"{"type":"list","fields":["user","room"]}"#)
        .await;
    let info = receipts[0]["connections"].to_string();
    assert_eq!(info, r#"[{"room":"lobby","user":"ann"}]"#);
}

#[tokio::test]
async fn every_stream_is_a_connection_for_limits_and_for_the_order() {
    let broker = Broker::alone("listen.shards = 2\nlimits.max_connections = 3");
    let mut http2 = http2(&broker).await;
    let one = http2.stream(connect("/", &[("cookie", "n=1")])).await;
    let one = one.unwrap();
    let _two = http2.stream(connect("/", &[("cookie", "n=2")])).await;
    let refused = http2.stream(connect("/", &[])).await.unwrap_err();
    assert_eq!(refused, StatusCode::SERVICE_UNAVAILABLE);
    let receipts = broker.receipts(r#"{"type":"list","fields":["n"]}"#).await;
    let listed = receipts[0]["connections"].to_string();
    assert_eq!(listed, r#"[{"n":"1"},{"n":"2"}]"#);
    reset(one);
    sessions(&broker, 1).await;
    let three = async {
        while http2.stream(connect("/", &[])).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon("a place", three).await;
}

#[tokio::test]
async fn a_stream_that_ends_without_a_close_frame_is_told_as_1006() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &backend);
    let mut http2 = http2(&broker).await;
    for is_orderly in [true, false] {
        let mut stream = http2.stream(connect("/", &[])).await.unwrap();
        backend.told_of("session-connect").await;
        if is_orderly {
            stream.sent.send_data(Bytes::new(), true).unwrap();
        } else {
            reset(stream);
        }
        let told = backend.told_of("session-disconnect").await;
        assert!(told.message.contains(r#""code":1006"#), "{}", told.message);
    }
}

#[tokio::test]
async fn a_drain_closes_every_stream_and_ends_the_connection_in_order() {
    let broker = Broker::alone("");
    let (mut http2, quiet) = (http2(&broker).await, http2(&broker).await);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..3 {
        clients.push(http2.client("/", &[]).await);
    }
    sessions(&broker, 3).await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    for mut client in clients {
        assert_eq!(client.closed().await, 1012);
    }
    soon("the end", drain).await.unwrap();
    for connection in [http2.connection, quiet.connection] {
        let ended = soon("the end of a connection", connection).await.unwrap();
        assert!(ended.is_ok(), "{ended:?}");
    }
}

#[tokio::test]
async fn an_end_at_once_tells_every_stream() {
    let broker = Broker::alone("");
    let mut http2 = http2(&broker).await;
    let mut client = http2.client("/", &[]).await;
    sessions(&broker, 1).await;
    broker.handle.shutdown().await;
    assert_eq!(client.closed().await, 1001);
}

#[tokio::test]
async fn a_connection_without_streams_is_told_to_go_and_one_with_a_stream_is_not() {
    let broker = Broker::alone("limits.handshake_timeout = '1s'");
    let mut busy = http2(&broker).await;
    let mut client = busy.client("/", &[]).await;
    let mut quiet = http2(&broker).await;
    quiet.request(get("/"), "").await.unwrap();
    let ended = soon("the end", quiet.connection).await.unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    broker
        .execute(r#"{"type":"send","text":"still here"}"#)
        .await;
    assert_eq!(client.text().await, "still here");
    drop(Arc::new(busy));
}
