//! Everything a connection shows to a hook and does for it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use broker_backend::{
    AskError, Backend, Connection, Hooks, InProcess, MessageOnward, WantedHeaders,
};
use broker_core::{ClientMessage, CommandList, Entry, LogLevel, Verb};
use serde_json::json;

use super::chat::Broker;
use crate::events::{WSKEY, message, names};
use crate::tell::Tell;

/// Tries everything a connection offers and keeps what came of it.
struct Curious(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Hooks for Curious {
    async fn on_client_message(
        &self,
        _: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        let mut notes = vec![
            connection.id().to_string(),
            connection.attempt().to_string(),
            connection.path().to_owned(),
            format!("{:?}", connection.query()),
            format!("{:?}", connection.header("X-A")),
            connection.headers().count().to_string(),
            format!("{:?}", connection.field("nothing")),
        ];
        connection
            .set(&json!({"a": {"b": [1, 2]}, "ip": "forged"}))
            .unwrap();
        connection.set(&json!({"a": {"b": [9], "c": 1.0}})).unwrap();
        connection.unset("user").unwrap();
        connection.unset("wskey").unwrap();
        notes.push(connection.session().to_owned());
        connection.send_binary(vec![0, 255]);
        connection.close(4000, "enough").unwrap();
        let refused: Vec<AskError> = [
            connection.set(&json!([1])).unwrap_err(),
            connection.close(1005, "").unwrap_err(),
            connection.close(1000, &"x".repeat(124)).unwrap_err(),
            connection
                .broadcast(&1, &json!({"a": {"$like": 1}}))
                .unwrap_err(),
        ]
        .into();
        notes.extend(refused.iter().map(AskError::to_string));
        let broker = connection.broker().unwrap();
        broker
            .broadcast(&json!({"hi": 1}), &json!({"room": 7}))
            .unwrap();
        broker.log(LogLevel::Warn, "line\nbreak");
        let results = broker.execute(CommandList::default()).await;
        notes.push(results.get().to_owned());
        *self.0.lock().unwrap() = notes;
        MessageOnward::Pass
    }
}

#[tokio::test]
async fn a_connection_shows_its_session_and_handshake_and_takes_every_wish() {
    let notes = Arc::default();
    let broker = Arc::new(Broker::default());
    let backend = InProcess::new(Curious(Arc::clone(&notes)), None);
    assert_eq!(backend.wanted_headers(), WantedHeaders::All);
    backend.attach(Arc::<Broker>::clone(&broker));

    let list = backend.tell(message("1")).await.unwrap();
    assert_eq!(
        *notes.lock().unwrap(),
        [
            WSKEY,
            "1",
            "/chat",
            r#"Some("room=1")"#,
            r#"Some("1")"#,
            "3",
            "None",
            &format!(r#"{{"ip":"::1","wskey":"{WSKEY}","a":{{"b":[9,2],"c":1.0}}}}"#),
            "session info is changed by a JSON object",
            "a close code is 1000 or from 3000 to 4999, a reason at most 123 bytes",
            "a close code is 1000 or from 3000 to 4999, a reason at most 123 bytes",
            "criteria: unknown operator `$like`",
            "[]",
        ]
    );
    assert_eq!(
        names(&list),
        ["session", "session", "session", "session", "send", "close"]
    );
    assert!(list.is_local_to(0, 2));

    let posted = broker.posted.lock().unwrap();
    let verbs: Vec<_> = posted.iter().flat_map(names).collect();
    assert_eq!(verbs, ["send", "log"]);
    let Entry::Run(log) = &posted[1].entries[0] else {
        panic!("{posted:?}");
    };
    assert!(
        matches!(&log.verb, Verb::Log { text, level: LogLevel::Warn } if **text == *r#""line\nbreak""#)
    );
}
