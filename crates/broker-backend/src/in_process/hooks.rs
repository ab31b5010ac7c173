//! What an application in the same process can take part in.

use async_trait::async_trait;
use broker_core::{ClientMessage, OtherCommand};
use serde_json::value::RawValue;

use super::connection::Connection;

/// An application in the same process: one method for each thing that happens, each of which may be left out.
///
/// What a hook asks of its [`Connection`] takes effect before the connection's next event, together with the answer of
/// the HTTP backend behind it, whose commands come after its own.
///
/// A hook runs once for each *try*: if the HTTP backend behind it has to be asked again, so is the hook
/// ([`Connection::attempt`] says so). What it asked for takes effect once, with the try that settles the event.
///
/// A panic in a hook costs the event it was for and nothing else.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// A client connected. Answers whether the HTTP backend is told.
    async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
        let _ = connection;
        Onward::Pass
    }

    /// A client sent a message; it has no prefix yet. Answers whether the HTTP backend is told, and of what.
    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        let _ = (message, connection);
        MessageOnward::Pass
    }

    /// A connection ended, with a close code of RFC 6455 §7.4 and a reason. The HTTP backend is always told too.
    ///
    /// What is sent to the connection itself is dropped; [`Connection::broadcast`] works.
    async fn on_client_disconnect(&self, code: u16, reason: &str, connection: &mut Connection<'_>) {
        let _ = (code, reason, connection);
    }

    /// Types of commands that [`on_own_command`](Hooks::on_own_command) carries out; they win over the broker's own.
    /// Asked once, at the start.
    fn own_commands(&self) -> Vec<Box<str>> {
        Vec::new()
    }

    /// Carries out a command of one of [`own_commands`](Hooks::own_commands). Its value, or what is wrong, is the
    /// command's result. It runs on the connection's shard, so it must not block.
    ///
    /// The connection is that of the event whose answer brought the command; a command from elsewhere has none.
    fn on_own_command(
        &self,
        command: &OtherCommand,
        connection: Option<&mut Connection<'_>>,
    ) -> Result<Box<RawValue>, Box<str>> {
        let _ = (command, connection);
        Err("is not carried out".into())
    }

    /// Carries out a command that neither the broker nor [`own_commands`](Hooks::own_commands) knows, as
    /// [`on_own_command`](Hooks::on_own_command) does. Without an answer the command is refused as unknown.
    fn on_backend_message(
        &self,
        command: &OtherCommand,
        connection: Option<&mut Connection<'_>>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        let _ = (command, connection);
        None
    }
}

/// Whether the HTTP backend is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// It is.
    Pass,
    /// It is not.
    Stop,
}

/// Whether the HTTP backend is told of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageOnward {
    /// As the client sent it.
    Pass,
    /// Of this message instead; its `type` gets the prefix `client-` as the client's would have.
    PassAs(ClientMessage),
    /// It is not.
    Stop,
}
