//! What is done with what people say: everybody hears it.

use async_trait::async_trait;
use broker_server::backend::{Connection, Hooks, MessageOnward, Onward};
use broker_server::core::ClientMessage;
use serde_json::{Value, json};

pub(crate) struct Chat;

#[async_trait]
impl Hooks for Chat {
    async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
        tell_all(connection, json!({ "came": user(connection) }));
        Onward::Stop
    }

    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        let said: Value = serde_json::from_str(message.text()).unwrap_or_default();
        if let Some(text) = said["text"].as_str() {
            tell_all(
                connection,
                json!({ "from": user(connection), "text": text }),
            );
        }
        MessageOnward::Stop
    }

    async fn on_client_disconnect(&self, _: u16, _: &str, connection: &mut Connection<'_>) {
        tell_all(connection, json!({ "left": user(connection) }));
    }
}

/// Who it is, by the word of the application when it handed the client over.
fn user(connection: &Connection<'_>) -> Value {
    let user = connection.field("user");
    user.and_then(|user| serde_json::from_str(&user).ok())
        .unwrap_or_default()
}

fn tell_all(connection: &mut Connection<'_>, message: Value) {
    // A `Value` can always be written, and no criteria always be read.
    let _ = connection.broadcast(&message, &());
}
