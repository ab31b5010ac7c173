//! What is heard of a WebSocket.

use std::io;
use std::time::Duration;

use broker_transport::ws::Violation;
use bytes::Bytes;

/// What happens on a WebSocket. The last is always [`Closed`](Event::Closed), and there is exactly one.
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
    /// The end: the code and the reason of whoever closed first. 1005 is a close frame without a code, 1006 an end
    /// without a close frame (RFC 6455 §7.1.5).
    Closed(u16, String),
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
