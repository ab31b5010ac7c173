//! What the driver asks of an application.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use broker_core::{Call, Failure, Handshake, OtherCommand, SessionId};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::answer::{Answer, Unanswered};
use crate::control::Control;

/// An application that is told of events and answers with commands.
///
/// - *Set-up*, once: [`attach`](Backend::attach), then [`for_shard`](Backend::for_shard) for each shard;
///   [`own_commands`](Backend::own_commands) and [`wanted_headers`](Backend::wanted_headers) do not change afterwards.
/// - *Events*: [`call`](Backend::call), from the shard on which the instance was made.
/// - *Commands of the application's own*: [`command`](Backend::command).
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync {
    /// The instance for one shard, with a connection pool of its own.
    ///
    /// It is called on the shard's thread, within its runtime.
    fn for_shard(&self) -> Arc<dyn Backend>;

    /// Tells one event, or several at once, as one try: no back-off and no retry.
    ///
    /// The one exception is within the try: a request that went out on a kept connection which the application was just
    /// closing is sent once more, with the same id.
    ///
    /// # Errors
    /// [`Failure::is_retryable`] tells the core whether to try again.
    async fn call(&self, call: Call) -> Result<Answer, Unanswered>;

    /// Sends a message of the embedder's own, with the connection `{"type":"direct"}`, and gives the answer as it came.
    ///
    /// # Errors
    /// As [`call`](Backend::call); [`Failure::Unreachable`] where there is nobody to send it to.
    async fn ask(&self, message: &RawValue) -> Result<Bytes, Failure> {
        let _ = message;
        Err(Failure::Unreachable("no backend takes messages".into()))
    }

    /// Types of commands that [`command`](Backend::command) carries out; they win over the broker's own.
    fn own_commands(&self) -> &[Box<str>] {
        &[]
    }

    /// Tells which types of commands an application in front of this one carries out, before any shard is made: in
    /// answers they are no longer the broker's own.
    fn reserve(&self, types: &[Box<str>]) {
        let _ = types;
    }

    /// Carries out a command that is not the broker's. Its value, or what is wrong, becomes the command's result.
    ///
    /// `caller` is the session whose event brought the command, none for one from elsewhere. No answer at all means that
    /// the command is unknown. It runs on the shard's thread, so it must not block.
    fn command(
        &self,
        command: &OtherCommand,
        caller: Option<&Caller>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        let _ = (command, caller);
        None
    }

    /// Which of a handshake's headers the driver keeps for [`Handshake::headers`].
    fn wanted_headers(&self) -> WantedHeaders<'_> {
        WantedHeaders::Named(&[])
    }

    /// Whether it is told, before anything else, that the broker has started ([`Fact::Started`](broker_core::Fact::Started)).
    fn hears_of_start(&self) -> bool {
        false
    }

    /// Hands over the running broker, for applications that use it by themselves.
    fn attach(&self, control: Arc<dyn Control>) {
        let _ = control;
    }
}

/// The session on whose behalf a command runs.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its public name.
    pub id: SessionId,
    /// Its session info: a JSON object.
    pub connection: Arc<str>,
    /// How its connection was opened.
    pub handshake: Arc<Handshake>,
}

/// Which headers of a handshake are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedHeaders<'a> {
    /// Those of these names (lower-case); often none, since what is kept costs memory for each connection.
    Named(&'a [Box<str>]),
    /// All of them.
    All,
}

impl WantedHeaders<'_> {
    /// Whether the header of this lower-case name is kept.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        match self {
            WantedHeaders::Named(names) => names.iter().any(|wanted| **wanted == *name),
            WantedHeaders::All => true,
        }
    }
}
