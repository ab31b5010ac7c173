use broker_server::embed::Service;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;

use super::*;

/// An application that has the broker answer everything, and says where its clients come from or does not.
pub(super) async fn behind(broker: &Broker, names_peer: bool) -> Application {
    let service: Service = broker.handle.service();
    Application::start(move |mut request| {
        if !names_peer {
            request.extensions_mut().remove::<Peer>();
        }
        if let Some(user) = request.headers().get("x-user") {
            let known = serde_json::json!({"user": user.to_str().unwrap()});
            let known = SessionInfo::new(&known).unwrap();
            request.extensions_mut().insert(known);
        }
        let answered = hyper::service::Service::call(&service, request);
        async move {
            let Ok(response) = answered.await;
            response
        }
    })
    .await
}

#[tokio::test]
async fn clients_and_commands_come_by_the_service() {
    let backend = Scripted::silent();
    let broker = broker("access.allow = ['127.0.0.1']", &backend);
    let app = behind(&broker, true).await;
    let mut client = Client::connect_with(app.addr, "/", &[("x-user", "anna")]).await;
    until_connected(&broker, 1).await;
    let mut raw = Raw::connect(app.addr).await;
    let list = r#"data=[{"type":"send","message":"hi","match":{"user":"anna"}},{"type":"count"}]"#;
    let answer = raw.request("POST", "/any/path", &[], list).await;
    assert_eq!((answer.status, &*answer.body), (200, "[null,1]"));
    assert_eq!(client.text().await, r#""hi""#);
    assert_eq!(raw.request("GET", "/", &[], "").await.status, 426);
    assert_eq!(raw.request("PUT", "/", &[], "").await.status, 405);
    assert_eq!(raw.request("POST", "/", &[], "[nonsense").await.status, 400);
}

#[tokio::test]
async fn whoever_is_not_named_needs_a_token_for_commands_and_is_unknown() {
    let backend = Scripted::silent();
    let text = "access.allow = ['127.0.0.1']\naccess.tokens = ['secret']\n\
        access.trusted_proxies = ['127.0.0.1']";
    let broker = broker(text, &backend);
    let app = behind(&broker, false).await;
    let mut raw = Raw::connect(app.addr).await;
    let list = r#"[{"type":"count"}]"#;
    let answer = raw.request("POST", "/", &[], list).await;
    assert_eq!((answer.status, &*answer.body), (403, "access denied"));
    let token = [("authorization", "Bearer secret")];
    assert_eq!(raw.request("POST", "/", &token, list).await.body, "[0]");
    let forged = [("x-forwarded-for", "9.9.9.9")];
    let _client = Client::connect_with(app.addr, "/", &forged).await;
    let told = backend.told_of("session-connect").await;
    assert_eq!(json(&told.connection)["ip"], "unknown");
}

#[tokio::test]
async fn clients_that_poll_come_by_the_service_and_two_bodies_at_once_end_their_session() {
    let broker = broker(
        "listen.shards = 2\nendpoint = [{ path = '*', dialect = 'socketio' }]",
        &Scripted::silent(),
    );
    let app = behind(&broker, true).await;
    let mut raw = Raw::connect(app.addr).await;
    let path = "/socket.io/?EIO=4&transport=polling";
    let handshake = raw.request("GET", path, &[], "").await.body;
    let sid = json(&handshake[1..])["sid"].as_str().unwrap().to_owned();
    let path = format!("{path}&sid={sid}");
    assert_eq!(raw.request("POST", &path, &[], "40").await.body, "ok");
    let entered = raw.request("GET", &path, &[], "").await;
    assert!(entered.body.starts_with("40{"), "{}", entered.body);

    let mut first = Raw::connect(app.addr).await;
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n");
    first.write(head + "4").await;
    // Until the first has arrived, the second is one by itself.
    let refusal = async {
        loop {
            let answer = raw.request("POST", &path, &[], r#"42["whole"]"#).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let refused = soon("a refusal", refusal).await;
    let bad_request = r#"{"code":3,"message":"Bad request"}"#;
    assert_eq!((refused.status, &*refused.body), (400, bad_request));
    first.write("2x").await;
    assert_eq!(first.answer().await.status, 400);
    until_connected(&broker, 0).await;
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn it_is_a_service_of_tower_too() {
    let broker = broker("", &Scripted::silent());
    let mut service = broker.handle.service();
    let request = Request::builder().uri("/").body(Full::<Bytes>::default());
    let Ok(response) = tower_service::Service::call(&mut service, request.unwrap()).await;
    assert_eq!(response.status(), 426);
}
