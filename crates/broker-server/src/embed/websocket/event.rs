//! What is heard of a WebSocket.

use std::io;
use std::time::Duration;

use broker_transport::ws::Violation;
use bytes::Bytes;

/// What happens on a WebSocket. The last is always [`Close`](Event::Close), and there is exactly one.
#[derive(Debug)]
pub enum Event {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Bytes),
    /// A ping with this payload, of at most 125 bytes. It has been answered.
    Ping(Bytes),
    /// The answer to a ping of ours, and how long it took: one of [`WebSocket::ping`](super::WebSocket::ping), or one
    /// that went out after `websocket.ping_interval` of silence.
    Pong(Duration),
    /// What has gone wrong. The connection ends.
    Error(Error),
    /// The end.
    Close(Closed),
}

/// How a WebSocket has ended: what whoever closed first has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The code (RFC 6455 §7.4): 1005 for a close frame without one, 1006 for an end without a close frame.
    pub code: u16,
    /// The reason, often empty; at most 123 bytes.
    pub reason: String,
}

/// What can go wrong on a WebSocket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer broke the protocol or a limit; the close frame has told it so.
    #[error("the peer {0}")]
    Peer(#[from] Violation),
    /// The connection has failed, or took nothing for `limits.write_timeout`.
    #[error("the connection has failed: {0}")]
    Failed(#[from] io::Error),
    /// The connection never came: the client has gone before the response was sent, or the response was not sent as it
    /// was given.
    #[error("the connection never came: {0}")]
    NoConnection(#[source] hyper::Error),
    /// The connection did not come within `limits.handshake_timeout`.
    #[error("the connection did not come within handshake_timeout")]
    TooLate,
}
