//! The application of these tests, what is behind it and what it runs in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use broker_backend::{Backend, Caller, Connection, Control, Hooks, MessageOnward, Onward, Respond};
use broker_core::{ClientMessage, CommandList, Event, Failure, OtherCommand};
use serde_json::json;
use serde_json::value::RawValue;

use crate::events::connected;

/// What the backend behind the hooks was told: message, session info.
pub(crate) type Told = Arc<Mutex<Vec<(String, String)>>>;

/// A backend that remembers what it was told and gives these results, then empty lists.
pub(crate) fn recorder(
    results: impl Into<VecDeque<Result<CommandList, Failure>>>,
) -> (Told, Arc<dyn Backend>) {
    let told = Told::default();
    let results = Arc::new(Mutex::new(results.into()));
    let backend = Respond::new({
        let told = Arc::clone(&told);
        move |event: Event| {
            let mut message = Vec::new();
            event.fact.write_message(&mut message);
            let message = String::from_utf8(message).unwrap();
            told.lock()
                .unwrap()
                .push((message, event.connection.to_string()));
            let result = results.lock().unwrap().pop_front();
            async move { result.unwrap_or_else(|| Ok(CommandList::default())) }
        }
    });
    (told, Arc::new(backend))
}

pub(crate) fn messages(told: &Told) -> Vec<String> {
    let told = told.lock().unwrap();
    told.iter().map(|(message, _)| message.clone()).collect()
}

/// A running broker that remembers what was posted.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    pub(crate) posted: Mutex<Vec<CommandList>>,
}

#[async_trait]
impl Control for Broker {
    fn post(&self, commands: CommandList) {
        self.posted.lock().unwrap().push(commands);
    }

    async fn execute(&self, commands: CommandList) -> Box<RawValue> {
        let count = commands.entries.len();
        self.post(commands);
        serde_json::value::to_raw_value(&vec![(); count]).unwrap()
    }
}

impl Broker {
    pub(crate) fn posted(&self) -> String {
        format!("{:?}", self.posted.lock().unwrap())
    }
}

/// Does what the message says.
pub(crate) struct Chat;

#[async_trait]
impl Hooks for Chat {
    async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
        connection
            .set(&json!({"seen": {"path": connection.path()}}))
            .unwrap();
        match connection.query() {
            Some("room=1") => Onward::Pass,
            _ => Onward::Stop,
        }
    }

    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        // Shows that a hook may wait.
        tokio::task::yield_now().await;
        match message.text() {
            r#"{"type":"swallow"}"# => {
                connection
                    .send(&json!({"swallowed": connection.field("user")}))
                    .unwrap();
                MessageOnward::Stop
            }
            r#"{"type":"change"}"# => {
                MessageOnward::PassAs(ClientMessage::parse(r#"{"type":"changed"}"#).unwrap())
            }
            r#"{"type":"panic"}"# => panic!("as {} wished", "they"),
            r#"{"type":"ask"}"# => {
                let question = RawValue::from_string("[1]".into()).unwrap();
                let answer = connection.ask_backend(&question).await;
                connection.send_text(format!("{answer:?}"));
                MessageOnward::Stop
            }
            _ => {
                connection.send_text("noted");
                MessageOnward::Pass
            }
        }
    }

    async fn on_client_disconnect(&self, code: u16, reason: &str, connection: &mut Connection<'_>) {
        let gone = json!({"gone": code, "why": reason, "who": connection.id().to_string()});
        connection.broadcast(&gone, &()).unwrap();
    }

    fn own_commands(&self) -> Vec<Box<str>> {
        vec!["close".into(), "roll".into()]
    }

    fn on_own_command(
        &self,
        command: &OtherCommand,
        connection: Option<&mut Connection<'_>>,
    ) -> Result<Box<RawValue>, Box<str>> {
        match &*command.name {
            "close" => Err("only we close".into()),
            _ => {
                let who = connection.map(|connection| {
                    connection.send_text("rolled");
                    connection.id().to_string()
                });
                Ok(serde_json::value::to_raw_value(&json!({"rolled": 4, "by": who})).unwrap())
            }
        }
    }

    fn on_backend_message(
        &self,
        command: &OtherCommand,
        _: Option<&mut Connection<'_>>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        match &*command.name {
            "panic" => panic!("not that one"),
            "unheard" => None,
            _ => Some(Ok(
                RawValue::from_string(format!("{:?}", command.name)).unwrap()
            )),
        }
    }
}

pub(crate) fn caller() -> Caller {
    let event = connected();
    Caller {
        id: event.id.session,
        connection: event.connection,
        handshake: event.handshake,
    }
}

pub(crate) fn other(name: &str) -> OtherCommand {
    OtherCommand {
        name: name.into(),
        text: format!(r#"{{"type":"{name}"}}"#).into(),
    }
}
