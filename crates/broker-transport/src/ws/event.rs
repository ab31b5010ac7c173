//! What a connection tells its driver.

use std::borrow::Cow;

use bytes::Bytes;

use super::Violation;
use super::body::Payload;

/// What the peer sent.
///
/// Payloads are lent from the input where they arrived in one piece, and owned where they had to be put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole text message.
    Text(Cow<'a, str>),
    /// A whole binary message.
    Binary(Cow<'a, [u8]>),
    /// A ping, to be answered by [`encode::pong`](super::encode::pong) with the same payload (RFC 6455 §5.5.2). Pongs count against the
    /// send queue like anything else; while that is full, only the last ping needs an answer (§5.5.3).
    Ping(Cow<'a, [u8]>),
    /// A pong with this payload, whether asked for or not.
    Pong(Cow<'a, [u8]>),
    /// The peer's close frame. The connection has ended; nothing follows.
    Closed {
        /// The peer's close code, 1005 where its frame has none.
        code: u16,
        /// The peer's reason, at most 123 bytes.
        reason: String,
        /// The close frame to answer with; none if ours went first.
        reply: Option<Bytes>,
    },
    /// The peer broke the protocol or a limit. The connection has ended; nothing follows.
    Failed {
        /// What the peer did.
        violation: Violation,
        /// The close frame that says so; none if one went before.
        reply: Option<Bytes>,
    },
}

impl Event<'_> {
    /// Whether it counts where the peer may only send so many in a second: as a message does, and a ping, since each is
    /// answered.
    #[must_use]
    pub fn is_message_or_ping(&self) -> bool {
        matches!(self, Event::Text(_) | Event::Binary(_) | Event::Ping(_))
    }

    /// The same with payloads of its own, to be kept for longer than the input.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Event::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
            Event::Binary(payload) => Event::Binary(Cow::Owned(payload.into_owned())),
            Event::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
            Event::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
            Event::Closed {
                code,
                reason,
                reply,
            } => Event::Closed {
                code,
                reason,
                reply,
            },
            Event::Failed { violation, reply } => Event::Failed { violation, reply },
        }
    }
}

impl<'a> From<Payload<'a>> for Event<'a> {
    fn from(payload: Payload<'a>) -> Event<'a> {
        match payload {
            Payload::Text(text) => Event::Text(text),
            Payload::Binary(bytes) => Event::Binary(bytes),
        }
    }
}

/// What is to be done since a deadline has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send [`encode::PING`](super::encode::PING).
    Ping,
    /// The peer broke a time limit. The connection has ended, as by [`Event::Failed`].
    Failed {
        /// What the peer did, or failed to do.
        violation: Violation,
        /// The close frame that says so; none if one went before.
        reply: Option<Bytes>,
    },
    /// Drop the socket: the peer was waited for long enough.
    Drop,
}
