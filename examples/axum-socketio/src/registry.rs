//! Who is there, and what they are told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use broker_server::backend::{Connection, Hooks, MessageOnward, Onward};
use broker_server::core::ClientMessage;
use serde_json::{Value, json};

/// The clients that are connected, by the id that is `socket.id` in their pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry(Arc<Mutex<HashSet<String>>>);

impl Registry {
    pub(crate) fn count(&self) -> usize {
        self.change(|clients| clients.len())
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Hooks for Registry {
    async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
        let id = connection.id().to_string();
        let greeting = json!({ "type": "greeting", "args": [format!("Hello, {id}!")] });
        // A `Value` can always be written.
        let _ = connection.send(&greeting);
        self.change(|clients| clients.insert(id));
        Onward::Stop
    }

    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        let said: Value = serde_json::from_str(message.text()).unwrap_or_default();
        if said["type"] == "chat message" {
            let heard = json!({ "type": "chat message", "args": said["args"] });
            let _ = connection.broadcast(&heard, &());
        }
        MessageOnward::Stop
    }

    async fn on_client_disconnect(&self, _: u16, _: &str, connection: &mut Connection<'_>) {
        let id = connection.id().to_string();
        self.change(|clients| clients.remove(&id));
    }
}
