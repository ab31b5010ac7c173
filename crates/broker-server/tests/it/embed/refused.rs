use broker_server::Rejected;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw};
use http::StatusCode;
use serde_json::json;

use super::*;

/// What whoever asks in this way is answered: the status, and the line that says why.
async fn refusal(broker: &Broker, headers: &[(&str, &str)]) -> (u16, String) {
    let app = Application::adopting(broker, json!({})).await;
    let mut raw = Raw::connect(app.addr).await;
    let answer = raw.request("GET", "/", headers, "").await;
    (answer.status, answer.body.trim_end().to_owned())
}

const GOOD: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[tokio::test]
async fn a_bad_handshake_is_refused_as_on_the_public_port() {
    let broker = broker("", &Scripted::silent());
    let with = |place: usize, value| {
        let mut headers = GOOD;
        headers[place].1 = value;
        headers
    };
    for (headers, status) in [
        (with(2, "8"), 426),
        (with(3, "short"), 400),
        (with(1, "close"), 400),
    ] {
        assert_eq!(refusal(&broker, &headers).await.0, status, "{headers:?}");
    }
    let (status, line) = refusal(&broker, &[]).await;
    assert_eq!(
        (status, &*line),
        (426, "the Upgrade header does not name websocket")
    );
    let counters = broker.handle.counters();
    assert_eq!(counters.rejected(Rejected::Version), 1);
    assert_eq!(counters.rejected(Rejected::BadHandshake), 3);
}

#[tokio::test]
async fn the_application_refuses_whom_it_likes_and_the_broker_never_hears_of_it() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let handle = broker.handle.clone();
    let app = Application::start(move |request| {
        let broker = handle.clone();
        async move {
            if request.headers().contains_key("cookie") {
                return broker.adopt(request, SessionInfo::default()).await;
            }
            let mut response = Response::new("log in first".into());
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            response
        }
    })
    .await;
    let mut raw = Raw::connect(app.addr).await;
    let answer = raw.upgrade("/", &[]).await;
    assert_eq!((answer.status, &*answer.body), (401, "log in first"));
    // The connection is the application's still.
    let answer = raw.upgrade("/", &[("cookie", "a=b")]).await;
    assert_eq!(answer.status, 101);
    until_connected(&broker, 1).await;
    let told = backend
        .told_until("the connect", |told| !told.is_empty())
        .await;
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn the_limits_on_connections_hold_and_a_place_is_free_again_when_its_client_has_gone() {
    for limit in ["max_connections = 1", "max_connections_per_ip = 1"] {
        let broker = broker(&format!("limits.{limit}"), &Scripted::silent());
        let app = Application::adopting(&broker, json!({})).await;
        let mut client = Client::connect(app.addr, "/").await;
        until_connected(&broker, 1).await;
        let refused = Raw::connect(app.addr).await.upgrade("/", &[]).await;
        assert_eq!(refused.status, 503, "{limit}");
        client.close(Some(1000), "").await;
        client.closed().await;
        drop(client);
        until_connected(&broker, 0).await;
        let again = async {
            while Raw::connect(app.addr).await.upgrade("/", &[]).await.status != 101 {
                tokio::task::yield_now().await;
            }
        };
        broker_testkit::soon("a place", again).await;
    }
}

#[tokio::test]
async fn the_path_has_to_be_an_endpoint_of_the_brokers_and_listed_origins_hold() {
    let text = "endpoint = [{ path = '/chat', dialect = 'wsbroker' }]\n\
        access.origins = ['https://example.org']";
    let broker = broker(text, &Scripted::silent());
    let app = Application::adopting(&broker, json!({})).await;
    let mut status = Vec::new();
    for (path, origin) in [
        ("/", "https://example.org"),
        ("/chat", "https://example.com"),
        ("/chat", "https://example.org"),
    ] {
        let mut raw = Raw::connect(app.addr).await;
        status.push(raw.upgrade(path, &[("origin", origin)]).await.status);
    }
    assert_eq!(status, [404, 403, 101]);
}

#[tokio::test]
async fn what_the_application_knows_counts_for_max_session() {
    let broker = broker("limits.max_session = '1KiB'", &Scripted::silent());
    let app = Application::adopting(&broker, json!({"long": "x".repeat(1000)})).await;
    let answer = Raw::connect(app.addr).await.upgrade("/", &[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.body.trim_end(),
        "what is known of the client is over the limit max_session"
    );
}

#[tokio::test]
async fn a_request_whose_server_keeps_its_connections_is_refused_by_name() {
    let broker = broker("", &Scripted::silent());
    let mut request = Request::builder().uri("/").header("host", "localhost");
    for (name, value) in GOOD {
        request = request.header(name, value);
    }
    let request = request.body(()).unwrap();
    let response = broker.handle.adopt(request, SessionInfo::default()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(broker.handle.report().await.connections, 0);
}
