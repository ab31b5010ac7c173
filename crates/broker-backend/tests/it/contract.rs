//! What every backend does alike, run over HTTP, over a function in the process, and over hooks in front of HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::{Backend, Hooks, InProcess, Respond};
use broker_core::{CommandList, Event, Failure, Reading};
use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::events::{connected, disconnected, http, message, names};
use crate::server::{Server, bare, ok};
use crate::tell::Tell;

/// What the application of these tests does with an event's `message`.
fn application(message: &str) -> Result<String, Failure> {
    match message {
        r#"{"type":"session-connect"}"# => {
            Ok(r#"[{"type":"session","data":{"n":1}},{"type":"log"}]"#.into())
        }
        r#"{"type":"client-quiet"}"# => Ok(String::new()),
        r#"{"type":"client-away"}"# => Err(Failure::Status {
            code: 503,
            retry_after: None,
        }),
        r#"{"type":"client-bad"}"# => Err(Failure::Status {
            code: 400,
            retry_after: None,
        }),
        other => Ok(format!(r#"{{"type":"send","message":{other}}}"#)),
    }
}

/// A backend with that application behind it; the task ends with the test.
struct Rig {
    backend: Arc<dyn Backend>,
    server: Option<JoinHandle<()>>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn over_http() -> Rig {
    let server = Server::bind().await;
    let backend = http(&server.url()).for_shard();
    let serving = async move {
        loop {
            let mut peer = server.accept().await;
            tokio::spawn(async move {
                loop {
                    let request = peer.request().await;
                    let message = request.text().split("\r\n").nth(3).unwrap();
                    let answer = match application(message) {
                        Ok(list) => ok(&list),
                        Err(Failure::Status { code, .. }) => bare(&format!("{code} No"), ""),
                        Err(other) => panic!("{other}"),
                    };
                    peer.say(answer).await;
                }
            });
        }
    };
    Rig {
        backend,
        server: Some(tokio::spawn(serving)),
    }
}

fn in_process() -> Rig {
    let backend = Respond::new(|event: Event| async move {
        let mut message = Vec::new();
        event.fact.write_message(&mut message);
        let list = application(std::str::from_utf8(&message).unwrap())?;
        let reading = Reading::lenient(10);
        Ok::<CommandList, Failure>(CommandList::parse(&Bytes::from(list), reading).unwrap())
    });
    Rig {
        backend: backend.for_shard(),
        server: None,
    }
}

struct NoHooks;

#[async_trait]
impl Hooks for NoHooks {}

async fn behind_hooks() -> Rig {
    let mut rig = over_http().await;
    let hooks = InProcess::new(NoHooks, Some(Arc::clone(&rig.backend)));
    rig.backend = hooks.for_shard();
    rig
}

async fn honours_the_contract(rig: Rig) {
    let backend = &rig.backend;

    // Commands come back in order; saying nothing is no command.
    let list = backend.tell(connected()).await.unwrap();
    assert_eq!(names(&list), ["session", "log"]);
    let list = backend.tell(message(r#"{"type":"quiet"}"#)).await.unwrap();
    assert!(names(&list).is_empty());
    let list = backend.tell(disconnected()).await.unwrap();
    assert_eq!(names(&list), ["send"]);

    // A failure is its event's alone, and it is the core that tries again.
    let away = || message(r#"{"type":"away"}"#);
    let failure = backend.tell(away()).await.unwrap_err();
    assert!(failure.is_retryable(), "{failure}");
    let failure = backend
        .tell(message(r#"{"type":"bad"}"#))
        .await
        .unwrap_err();
    assert!(!failure.is_retryable(), "{failure}");
    let list = backend.tell(connected()).await.unwrap();
    assert_eq!(names(&list), ["session", "log"]);

    // Events under way at the same time do not get in each other's way.
    let calls = (0..20).map(|number| {
        let backend = Arc::clone(backend);
        tokio::spawn(async move {
            let text = format!(r#"{{"type":"n","n":{number}}}"#);
            (number, backend.tell(message(&text)).await.unwrap())
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let (number, list) = call.await.unwrap();
        assert!(
            format!("{list:?}").contains(&format!("\\\"n\\\":{number}}}")),
            "{list:?}"
        );
    }

    // Another shard's instance is as good.
    let list = backend.for_shard().tell(connected()).await.unwrap();
    assert_eq!(names(&list), ["session", "log"]);
    assert!(matches!(
        backend.tell(away()).await,
        Err(Failure::Status { code: 503, .. })
    ));
}

#[tokio::test]
async fn http_honours_the_contract() {
    honours_the_contract(over_http().await).await;
}

#[tokio::test]
async fn a_function_honours_the_contract() {
    honours_the_contract(in_process()).await;
}

#[tokio::test]
async fn hooks_that_do_nothing_honour_the_contract_of_what_is_behind_them() {
    honours_the_contract(behind_hooks().await).await;
}
