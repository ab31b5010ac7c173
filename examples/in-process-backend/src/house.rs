//! Every hook that there is: a house whose guests have names, hear each other, and are counted.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use broker_server::backend::{Connection, Hooks, MessageOnward, Onward};
use broker_server::core::{ClientMessage, OtherCommand};
use serde_json::value::RawValue;
use serde_json::{Value, json, value::to_raw_value};

#[derive(Debug, Default)]
pub(crate) struct House {
    said: AtomicU64,
}

#[async_trait]
impl Hooks for House {
    /// Whoever has no name is sent away; the name of everybody else stays with the connection.
    async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
        let name = connection
            .query()
            .and_then(|query| query.strip_prefix("name="));
        let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        match name {
            Some(name) => {
                let _ = connection.set(&json!({ "name": name }));
                let _ = connection.send(&json!({ "welcome": name, "to": connection.path() }));
            }
            None => {
                let _ = connection.close(3001, "a name is needed");
            }
        }
        Onward::Stop
    }

    /// What is said is for everybody, or for those of one name. `ClientMessage` is what the client sent, whatever it is.
    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        self.said.fetch_add(1, Ordering::Relaxed);
        let message: Value = serde_json::from_str(message.text()).unwrap_or_default();
        let heard = json!({ "from": name(connection), "text": message["text"] });
        let asked = match message["to"].as_str() {
            Some(to) => connection.broadcast(&heard, &json!({ "name": to })),
            None => connection.broadcast(&heard, &()),
        };
        if let Err(error) = asked {
            connection.send_text(error.to_string());
        }
        MessageOnward::Stop
    }

    /// The connection itself hears nothing any more, the others do.
    async fn on_client_disconnect(&self, code: u16, _: &str, connection: &mut Connection<'_>) {
        let gone = json!({ "gone": name(connection), "code": code });
        let _ = connection.broadcast(&gone, &());
    }

    fn own_commands(&self) -> Vec<Box<str>> {
        vec!["statistics".into()]
    }

    /// `{"type":"statistics"}`, whoever gives it; its result is the value.
    fn on_own_command(
        &self,
        _: &OtherCommand,
        _: Option<&mut Connection<'_>>,
    ) -> Result<Box<RawValue>, Box<str>> {
        let said = self.said.load(Ordering::Relaxed);
        to_raw_value(&json!({ "said": said })).map_err(|error| error.to_string().into())
    }

    /// A command that nobody knows: this house takes anything that is called a greeting.
    fn on_backend_message(
        &self,
        command: &OtherCommand,
        _: Option<&mut Connection<'_>>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        let greeted = command.name.strip_prefix("greet-")?;
        let greeting = to_raw_value(&format!("good day, {greeted}"));
        Some(greeting.map_err(|error| error.to_string().into()))
    }
}

fn name(connection: &Connection<'_>) -> Value {
    let name = connection.field("name");
    name.and_then(|name| serde_json::from_str(&name).ok())
        .unwrap_or_default()
}
