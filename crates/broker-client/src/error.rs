//! What can go wrong, and whose fault it is.

use std::io;
use std::time::Duration;

use crate::destination::{ASKED_BYTES_MAX, DESTINATIONS_MAX, ID_BYTES_MAX};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The caller's address is neither `ws://HOST[:PORT][/PATH]` nor, with the feature `tls`, `wss://…`.
    #[error("not an address of a WebSocket server: {0}")]
    Address(&'static str),
    /// The caller's id is empty, and no server registers that.
    #[error("the id is empty")]
    EmptyId,
    /// The caller's id is longer than [`ID_BYTES_MAX`].
    #[error("the id has more than {ID_BYTES_MAX} bytes")]
    LongId,
    /// Nobody answers at the address.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// Whoever answers cannot prove by TLS to be the server.
    #[error("no TLS with the server: {0}")]
    Tls(#[source] io::Error),
    /// The server has answered the handshake with this HTTP status; 404 where nothing listens on that path.
    #[error("the server has refused the connection with status {status}")]
    Refused {
        /// The status, anything but 101.
        status: u16,
    },
    /// Whoever answers does not speak WebSocket (RFC 6455 §4.2.2), or was cut off.
    #[error("the handshake has failed: {0}")]
    Handshake(String),
    /// It has taken longer than [`Limits::handshake_timeout`](crate::Limits::handshake_timeout).
    #[error("the server has not admitted the client within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The system has no randomness, without which requests have no ids.
    #[error("the system has no randomness: {0}")]
    NoRandomness(String),
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The caller's message cannot be written as JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// It is for more clients than one message may be for.
    #[error(transparent)]
    TooManyDestinations(#[from] TooManyDestinations),
    /// The connection has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why an answer was not sent.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The caller's message cannot be written as JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// The connection has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// A message for more than [`DESTINATIONS_MAX`] ids, which was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is for {count} ids, and for more than {max} no broker takes one", max = DESTINATIONS_MAX)]
pub struct TooManyDestinations {
    /// How many ids it is for.
    pub count: usize,
}

/// Why the server was not asked to register an id.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The caller's id is empty, and no server registers that.
    #[error("the id is empty")]
    EmptyId,
    /// The caller's id is longer than [`ID_BYTES_MAX`].
    #[error("the id has more than {ID_BYTES_MAX} bytes")]
    LongId,
    /// The connection has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The caller's message cannot be written as JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// It is for more clients than one message may be for.
    #[error(transparent)]
    TooManyDestinations(#[from] TooManyDestinations),
    /// The message is too long for so many clients: the product is over [`ASKED_BYTES_MAX`]. It was not sent.
    #[error(
        "the message has {bytes} bytes and asks {count} ids, and more than {max} bytes for all of them no broker takes",
        max = ASKED_BYTES_MAX
    )]
    TooLong {
        /// The length of the message as JSON.
        bytes: usize,
        /// How many ids it is for.
        count: usize,
    },
    /// As many requests as [`Limits::pending_requests_max`](crate::Limits::pending_requests_max) wait already; this one was not
    /// sent.
    #[error("{limit} requests wait for their answers already")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The first answer is JSON that a [`serde_json::Value`] cannot hold, which other clients can send: half a surrogate pair, a
    /// number beyond all bounds, or a value nested 128 deep.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// Nobody has answered in the time that the caller gave.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The connection has ended before an answer came.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The system has no randomness, without which requests have no ids; this one was not sent.
    #[error("the system has no randomness: {0}")]
    NoRandomness(String),
}

/// How a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection has ended with {code}: {reason}")]
pub struct Closed {
    /// The code of the server's close frame (RFC 6455 §7.4): 1000 after [`Client::close`](crate::Client::close), 1005 for a
    /// frame without one, 1006 where there was no frame.
    pub code: u16,
    /// The server's reason, often empty; with 1006, what has happened to the connection.
    pub reason: String,
}

impl Closed {
    pub(crate) fn lost(reason: impl Into<String>) -> Closed {
        Closed {
            code: 1006,
            reason: reason.into(),
        }
    }
}

/// What the server said that is not in the protocol. Nothing else follows from it: the connection goes on.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// A text that is not JSON, or that holds JSON which a [`serde_json::Value`] cannot: half a surrogate pair, a number beyond
    /// all bounds, or a value nested 128 deep. A message in it is lost. An answer is told to its request, as
    /// [`RequestError::Unreadable`].
    #[error("the server sent what is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON that is no object with a string as `action`.
    #[error("the server sent JSON without an action")]
    NoAction,
    /// An action that clients do not know; only the beginning of a long one is kept.
    #[error("the server sent the unknown action {0:?}")]
    UnknownAction(String),
    /// A known action without something that belongs to it.
    #[error("the server sent the action {action:?} without {field:?}")]
    Missing {
        /// The action.
        action: &'static str,
        /// The field that is absent, or of a kind that means nothing.
        field: &'static str,
    },
    /// An answer to what this client has never asked; only the beginning of a long id is kept. Answers that come too late are
    /// passed over without an error.
    #[error("the server sent an answer to {ack:?}, which was never asked")]
    NeverAsked {
        /// The id of the supposed request.
        ack: String,
    },
    /// A binary message, which the protocol does not have.
    #[error("the server sent a binary message")]
    Binary,
}
