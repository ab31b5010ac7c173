//! Clients that vanish, and applications that forget them, between the handshake and the connection.

use broker_testkit::backend::{Scripted, Told};
use broker_testkit::client::{Client, Raw};
use http::StatusCode;
use serde_json::json;
use tokio::sync::Notify;

use super::*;

async fn nothing_is_left(broker: &Broker) {
    broker
        .until("nothing is left", |report| report.sessions == 0)
        .await;
}

/// What the application was told of, but for messages.
fn comings_and_goings(told: &[Told]) -> Vec<&str> {
    let messages = told.iter().map(|told| &*told.message);
    messages
        .map(|message| {
            let is_going = message.contains("session-disconnect");
            if is_going { "gone" } else { "came" }
        })
        .collect()
}

#[tokio::test]
async fn a_client_that_vanishes_before_its_response_is_sent_ends_its_session() {
    let text = "backend.connect = 'wait'\nlimits.max_connections = 1";
    let backend = Scripted::silent();
    let broker = broker(text, &backend);
    let (is_answered, may_go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let app = Application::start({
        let broker = broker.handle.clone();
        let (is_answered, may_go_on) = (is_answered.clone(), may_go_on.clone());
        move |request| {
            let (broker, is_answered) = (broker.clone(), is_answered.clone());
            let may_go_on = may_go_on.clone();
            async move {
                let response = broker.adopt(request, SessionInfo::default()).await;
                is_answered.notify_one();
                may_go_on.notified().await;
                response
            }
        }
    })
    .await;
    let vanishing = {
        let mut raw = Raw::connect(app.addr).await;
        tokio::spawn(async move { raw.upgrade("/", &[]).await })
    };
    broker_testkit::soon("a response", is_answered.notified()).await;
    vanishing.abort();
    let told = backend.told_until("both", |told| told.len() == 2).await;
    assert_eq!(comings_and_goings(&told), ["came", "gone"]);
    nothing_is_left(&broker).await;

    // Its place is free.
    may_go_on.notify_one();
    let _client = Client::connect(app.addr, "/").await;
    until_connected(&broker, 1).await;
}

#[tokio::test]
async fn an_application_that_answers_otherwise_after_all_keeps_its_client_and_leaves_no_session() {
    for connect in ["wait", "notify"] {
        let text = format!(
            "backend.connect = '{connect}'\nlimits.handshake_timeout = '50ms'\nlimits.max_connections = 1"
        );
        let broker = broker(&text, &Scripted::silent());
        let handle = broker.handle.clone();
        let app = Application::start(move |request| {
            let broker = handle.clone();
            async move {
                if request.uri().path() == "/in" {
                    return broker.adopt(request, SessionInfo::default()).await;
                }
                let adopted = broker.adopt(request, SessionInfo::default()).await;
                assert_eq!(adopted.status(), 101);
                let mut response = Response::new("no, after all".into());
                *response.status_mut() = StatusCode::FORBIDDEN;
                response
            }
        })
        .await;
        let mut raw = Raw::connect(app.addr).await;
        assert_eq!(raw.upgrade("/", &[]).await.status, 403, "{connect}");
        nothing_is_left(&broker).await;
        // Its place is free once nobody waits for its connection, which stays open.
        until_let_in(&app, "/in").await;
    }
}

#[tokio::test]
async fn a_client_that_vanishes_while_the_backend_decides_is_told_of_once() {
    let backend = Scripted::silent();
    let broker = broker("backend.connect = 'wait'", &backend);
    backend.slow_down();
    let app = Application::adopting(&broker, json!({})).await;
    let vanishing = {
        let mut raw = Raw::connect(app.addr).await;
        tokio::spawn(async move { raw.upgrade("/", &[]).await })
    };
    backend
        .told_until("the connect", |told| told.len() == 1)
        .await;
    vanishing.abort();
    // The session is closed while its event is with the backend still, which learns of its end afterwards.
    let gone = async {
        while broker.handle.report().await.events_held < 2 {
            tokio::task::yield_now().await;
        }
    };
    broker_testkit::soon("the end", gone).await;
    backend.wake();
    nothing_is_left(&broker).await;
    assert_eq!(comings_and_goings(&backend.told()), ["came", "gone"]);
}
