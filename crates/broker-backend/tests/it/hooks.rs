//! An application in the same process: what each hook decides, and when what it asks for takes effect.

mod chat;
mod wishes;

use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::{Backend, Caller, Hooks, InProcess, Respond};
use broker_core::{Entry, Event, Failure};
use serde_json::value::RawValue;

use self::chat::{Broker, Chat, caller, messages, other, recorder};
use crate::events::{WSKEY, connected, disconnected, event, http, message, names};
use crate::server::{Server, ok, together};
use crate::tell::Tell;

#[tokio::test]
async fn a_connect_hook_decides_whether_the_backend_is_told_and_changes_what_it_sees() {
    let (told, next) = recorder([]);
    let backend = InProcess::new(Chat, Some(next)).for_shard();

    let list = backend.tell(connected()).await.unwrap();
    assert_eq!(names(&list), ["session"]);
    assert_eq!(
        *told.lock().unwrap(),
        [(
            r#"{"type":"session-connect"}"#.to_owned(),
            format!(r#"{{"user":"ann","ip":"::1","wskey":"{WSKEY}","seen":{{"path":"/chat"}}}}"#)
        )]
    );

    let elsewhere = Event {
        handshake: Arc::default(),
        ..connected()
    };
    let list = backend.tell(elsewhere).await.unwrap();
    assert_eq!(names(&list), ["session"]);
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_hook_may_swallow_change_or_pass() {
    let (told, next) = recorder([]);
    let backend = InProcess::new(Chat, Some(next));

    let list = backend
        .tell(message(r#"{"type":"swallow"}"#))
        .await
        .unwrap();
    assert!(
        format!("{list:?}").contains(r#"{\"swallowed\":\"\\\"ann\\\"\"}"#),
        "{list:?}"
    );
    assert_eq!(messages(&told), [""; 0]);

    backend.tell(message(r#"{"type":"change"}"#)).await.unwrap();
    backend.tell(message(r#"{"type":"pass"}"#)).await.unwrap();
    assert_eq!(
        messages(&told),
        [r#"{"type":"client-changed"}"#, r#"{"type":"client-pass"}"#]
    );
}

#[tokio::test]
async fn a_disconnect_always_reaches_the_backend() {
    let (told, next) = recorder([]);
    let list = InProcess::new(Chat, Some(next))
        .tell(disconnected())
        .await
        .unwrap();
    let Entry::Run(command) = &list.entries[0] else {
        panic!("{list:?}");
    };
    assert!(command.aim.criteria.as_ref().unwrap().is_everyone());
    assert!(
        format!("{:?}", command.verb).contains(
            r#"{\"gone\":1006,\"who\":\"AHBwcHBwcHBwcHBwcHBwAA\",\"why\":\"say \\\"bye\\\"\"}"#
        ),
        "{command:?}"
    );
    assert_eq!(
        messages(&told),
        [r#"{"type":"session-disconnect","code":1006,"reason":"say \"bye\""}"#]
    );
}

#[tokio::test]
async fn commands_of_hooks_come_before_those_of_the_backend() {
    let server = Server::bind().await;
    let backend = InProcess::new(Chat, Some(Arc::new(http(&server.url()))));
    let answer = ok(r#"[{"type":"log"},{"type":"close"}]"#);
    let (result, _) = together(backend.tell(message("{}")), server.serve(&answer)).await;
    let list = result.unwrap();
    assert_eq!(names(&list), ["send", "log", "close"]);
    // The hooks have taken over `close`, also in what the backend behind them answers.
    assert!(matches!(&list.entries[2], Entry::Other(_)));
}

#[tokio::test]
async fn what_a_hook_asks_for_waits_for_the_try_that_settles_the_event() {
    let broker = Arc::new(Broker::default());
    let (_, next) = recorder([
        Err(Failure::Interrupted("gone".into())),
        Err(Failure::Status {
            code: 404,
            retry_after: None,
        }),
    ]);
    let backend = InProcess::new(Chat, Some(next));
    backend.attach(Arc::<Broker>::clone(&broker));

    // It is going to be tried again, and so is the hook.
    backend.tell(message("{}")).await.unwrap_err();
    assert_eq!(broker.posted(), "[]");

    // It is given up: what was asked for goes out by itself, to the connection by its name.
    backend.tell(message("{}")).await.unwrap_err();
    let posted = broker.posted();
    assert!(posted.contains("noted"), "{posted}");
    assert!(posted.contains(&WSKEY.to_lowercase()), "{posted}");

    let list = backend.tell(message("{}")).await.unwrap();
    assert_eq!(names(&list), ["send"]);
    assert_eq!(broker.posted(), posted);
}

#[tokio::test]
async fn a_panic_in_a_hook_harms_only_its_event() {
    let (told, next) = recorder([]);
    let backend = InProcess::new(Chat, Some(next));
    assert_eq!(
        backend
            .tell(message(r#"{"type":"panic"}"#))
            .await
            .unwrap_err(),
        Failure::Panicked("as they wished".into())
    );
    assert!(told.lock().unwrap().is_empty());
    backend.tell(message("{}")).await.unwrap();
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_panic_in_a_function_harms_only_its_event() {
    let backend = Respond::new(|event: Event| {
        assert!(event.attempt > 1, "first tries are not welcome");
        async move { assert!(event.attempt > 2, "nor are second ones") }
    });
    for (attempt, words) in [
        (1, "first tries are not welcome"),
        (2, "nor are second ones"),
    ] {
        let event = Event {
            attempt,
            ..connected()
        };
        let failure = backend.tell(event).await.unwrap_err();
        assert_eq!(failure, Failure::Panicked(words.into()));
    }
    let event = Event {
        attempt: 3,
        ..connected()
    };
    assert!(backend.tell(event).await.unwrap().entries.is_empty());
}

#[test]
fn own_commands_win_over_the_brokers_and_their_value_is_the_result() {
    let broker = Arc::new(Broker::default());
    let backend = InProcess::new(Chat, None);
    backend.attach(Arc::<Broker>::clone(&broker));
    assert_eq!(backend.own_commands(), ["close".into(), "roll".into()]);

    let run = |name, caller: Option<&Caller>| {
        let result = backend.command(&other(name), caller)?;
        Some(result.map(|value| value.get().to_owned()))
    };
    assert_eq!(run("close", None), Some(Err("only we close".into())));
    assert_eq!(
        run("roll", None),
        Some(Ok(r#"{"by":null,"rolled":4}"#.into()))
    );
    assert_eq!(broker.posted(), "[]");

    let result = run("roll", Some(&caller()));
    assert_eq!(
        result,
        Some(Ok(format!(r#"{{"by":"{WSKEY}","rolled":4}}"#)))
    );
    assert!(broker.posted().contains("rolled"));
    assert!(broker.posted().contains(&WSKEY.to_lowercase()));
}

#[test]
fn unknown_commands_go_to_the_hook_and_a_panic_there_is_their_result() {
    let backend = InProcess::new(Chat, None);
    let run = |name| {
        let result = backend.command(&other(name), None)?;
        Some(result.map(|value| value.get().to_owned()))
    };
    assert_eq!(run("sned"), Some(Ok("\"sned\"".into())));
    assert_eq!(run("unheard"), None);
    assert_eq!(
        run("panic"),
        Some(Err("ended in a panic: not that one".into()))
    );
}

#[tokio::test]
async fn a_message_of_the_hooks_own_is_answered_to_them() {
    let server = Server::bind().await;
    let backend = InProcess::new(Chat, Some(Arc::new(http(&server.url()))));
    let answer = ok("fine");
    let (result, (_peer, request)) = together(
        backend.tell(message(r#"{"type":"ask"}"#)),
        server.serve(&answer),
    )
    .await;
    assert!(request.text().contains("\r\n\r\n[1]\r\n"));
    assert!(request.text().contains(r#"{"type":"direct"}"#));
    let list = result.unwrap();
    assert!(
        format!("{list:?}").contains("Ok(b\\\"fine\\\")"),
        "{list:?}"
    );

    let alone = InProcess::new(Chat, None);
    let question = RawValue::from_string("1".into()).unwrap();
    assert!(matches!(
        alone.ask(&question).await,
        Err(Failure::Unreachable(_))
    ));
}

/// Leaves every hook as it is.
struct Nothing;

#[async_trait]
impl Hooks for Nothing {}

#[tokio::test]
async fn hooks_that_are_left_out_let_everything_pass_unchanged() {
    let (told, next) = recorder([]);
    let backend = InProcess::new(Nothing, Some(next));
    for event in [connected(), message("[1]"), disconnected()] {
        assert!(backend.tell(event).await.unwrap().entries.is_empty());
    }
    assert_eq!(
        messages(&told),
        [
            r#"{"type":"session-connect"}"#,
            "[1]",
            r#"{"type":"session-disconnect","code":1006,"reason":"say \"bye\""}"#
        ]
    );
    let same = event(broker_core::Fact::Connected { entrance: None }).connection;
    assert!(
        told.lock()
            .unwrap()
            .iter()
            .all(|(_, connection)| **connection == *same)
    );
    assert!(backend.own_commands().is_empty());
    assert!(backend.command(&other("roll"), None).is_none());
}
