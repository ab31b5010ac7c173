//! A connection, as a hook sees it.

use std::sync::Arc;

use broker_core::json;
use broker_core::{
    Aim, Command, Entry, Failure, Handshake, Info, Message, SessionId, Verb, close_code,
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::wish::{self, AskError};
use crate::backend::Backend;
use crate::control::Control;

/// A connection, as a hook sees it: its session info and handshake to read, and things to ask for.
///
/// What is asked for becomes commands, in the order of asking. Changes of the session info are seen at once by the hook
/// itself and by the HTTP backend that is told of the event after it, and by everyone else when the commands run.
#[derive(Debug)]
pub struct Connection<'a> {
    id: SessionId,
    attempt: u32,
    info: Arc<str>,
    handshake: &'a Handshake,
    around: Around<'a>,
    asked: Vec<Entry>,
}

/// What stands on either side of a hook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) broker: Option<&'a Arc<dyn Control>>,
    pub(super) next: Option<&'a Arc<dyn Backend>>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        id: SessionId,
        attempt: u32,
        info: &Arc<str>,
        handshake: &'a Handshake,
        around: Around<'a>,
    ) -> Connection<'a> {
        Connection {
            id,
            attempt,
            info: Arc::clone(info),
            handshake,
            around,
            asked: Vec::new(),
        }
    }

    pub(super) fn into_parts(self) -> (Arc<str>, Vec<Entry>) {
        (self.info, self.asked)
    }

    /// The connection's public name, in the session info as `wskey`.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Which try the event is at, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The whole session info: a JSON object.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.info
    }

    /// One field of the session info, as JSON text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Box<str>> {
        let members = json::members(&self.info).ok()??;
        members.last(name).map(Into::into)
    }

    /// The path of the handshake's request, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().0
    }

    /// The query of the handshake's request, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target().1
    }

    fn target(&self) -> (&str, Option<&str>) {
        match self.handshake.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&self.handshake.path, None),
        }
    }

    /// The first header of the handshake with this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Every header of the handshake: lower-case name and value, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.handshake
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
    }

    /// The running broker, once there is one.
    #[must_use]
    pub fn broker(&self) -> Option<&Arc<dyn Control>> {
        self.around.broker
    }

    /// Sends a message of the application's own to the HTTP backend behind it and gives the answer as it came.
    ///
    /// # Errors
    /// As [`Backend::ask`]; [`Failure::Unreachable`] where there is no HTTP backend.
    pub async fn ask_backend(&self, message: &RawValue) -> Result<Bytes, Failure> {
        match self.around.next {
            Some(next) => next.ask(message).await,
            None => Err(wish::nobody_to_ask()),
        }
    }

    /// Merges an object into the session info, as the command `session` does. `ip` and `wskey` in it are ignored.
    ///
    /// # Errors
    /// When `data` is no JSON object.
    pub fn set(&mut self, data: &impl Serialize) -> Result<(), AskError> {
        let text = serde_json::to_string(data)?;
        if !text.starts_with('{') {
            return Err(AskError::NotAnObject);
        }
        self.change(text.into(), Vec::new())
    }

    /// Takes a field out of the session info.
    ///
    /// # Errors
    /// When the session info cannot be changed.
    pub fn unset(&mut self, name: &str) -> Result<(), AskError> {
        self.change("{}".into(), vec![name.into()])
    }

    fn change(&mut self, data: Box<str>, unset: Vec<Box<str>>) -> Result<(), AskError> {
        json::check(data.as_bytes())?;
        let members = json::members(&data)?.ok_or(AskError::NotAnObject)?;
        // The limit on session info is the core's, which knows it.
        if let Ok(info) = Info::read(&self.info)?.merged(&members, &unset, usize::MAX) {
            self.info = Arc::clone(info.text());
        }
        self.command(Aim::default(), Verb::Session { data, unset });
        Ok(())
    }

    /// Sends the JSON of a value, as the command `send` does.
    ///
    /// # Errors
    /// When `message` cannot be written as JSON.
    pub fn send(&mut self, message: &impl Serialize) -> Result<(), AskError> {
        let message = Message::Json(serde_json::to_vec(message)?.into());
        self.command(Aim::default(), Verb::Send(message));
        Ok(())
    }

    /// Sends a text frame as it is.
    pub fn send_text(&mut self, text: impl Into<String>) {
        let message = Message::Text(text.into().into());
        self.command(Aim::default(), Verb::Send(message));
    }

    /// Sends a binary frame as it is.
    pub fn send_binary(&mut self, bytes: impl Into<Bytes>) {
        let message = Message::Binary(bytes.into());
        self.command(Aim::default(), Verb::Send(message));
    }

    /// Sends the JSON of a value to all connections whose session info matches; without criteria, or with falsy ones, to
    /// everyone. `criteria` is what `match` holds in the command `send`.
    ///
    /// # Errors
    /// When `message` or `criteria` cannot be written as JSON, or `criteria` cannot be read.
    pub fn broadcast(
        &mut self,
        message: &impl Serialize,
        criteria: &impl Serialize,
    ) -> Result<(), AskError> {
        let (aim, verb) = wish::broadcast(message, criteria)?;
        self.command(aim, verb);
        Ok(())
    }

    /// Starts the close handshake; what is sent afterwards is dropped.
    ///
    /// # Errors
    /// When `code` is neither 1000 nor from 3000 to 4999, or `reason` is longer than 123 bytes.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), AskError> {
        // RFC 6455 §7.4.2 leaves an endpoint these codes; §5.5: a control frame carries at most 125 bytes.
        if !close_code::is_for_applications(code) || reason.len() > close_code::REASON_BYTES_MAX {
            return Err(AskError::Close);
        }
        let reason = reason.into();
        self.command(Aim::default(), Verb::Close { code, reason });
        Ok(())
    }

    /// Asks for any command.
    pub fn command(&mut self, aim: Aim, verb: Verb) {
        self.asked.push(Entry::Run(Command { aim, verb }));
    }
}
