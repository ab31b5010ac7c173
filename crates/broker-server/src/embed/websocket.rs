//! A WebSocket of an application's own, without a broker.

mod acceptor;
mod audience;
mod driver;
mod event;
mod shared;
mod state;

use std::sync::Arc;
use std::time::Duration;

use broker_dialect::Outgoing;
use bytes::Bytes;

pub use self::acceptor::{Acceptor, Handshake, Refused};
pub use self::audience::{EVENTS_QUEUED, Events, Handlers};
pub use self::event::{Closed, Error, Event};
use self::shared::Shared;
pub use self::state::PINGS_MAX;

/// One WebSocket (RFC 6455), server side. Clones are handles to the same one; dropping them does not end it.
///
/// - **Sending**: [`send_text`](Self::send_text), [`send_binary`](Self::send_binary) and [`ping`](Self::ping) return at
///   once. What the socket does not take waits in a queue that is bounded by `limits.max_send_queue`;
///   [`writable`](Self::writable) waits until there is room in it.
/// - **Hearing**: by the [`Handlers`] or the [`Events`] that it was [made with](Handshake).
/// - **Ending**: [`close`](Self::close) holds the close handshake (RFC 6455 §7.1.2), [`abort`](Self::abort) does without.
///
/// It is served by a task on the runtime that it was made on. What is sent before the connection is there waits for it.
#[derive(Clone, Debug)]
pub struct WebSocket {
    shared: Arc<Shared>,
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// A close frame has gone out, or the connection has ended.
    #[error("the connection is closing or has ended")]
    Ended,
    /// The peer does not read as fast as it is written to.
    #[error("the send queue is over the limit max_send_queue")]
    Full,
    /// [`PINGS_MAX`] pings of the application's have no pong yet.
    #[error("too many pings are unanswered")]
    TooManyPings,
}

/// Why a close handshake was not begun: no close frame may say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// RFC 6455 §7.4: the code is one that must not stand in a close frame, or that nobody has defined.
    #[error("no close frame may carry the code {0}")]
    Code(u16),
    /// RFC 6455 §5.5: a control frame carries at most 125 bytes.
    #[error("a close reason has at most 123 bytes")]
    Reason,
}

impl WebSocket {
    /// Queues a text message.
    ///
    /// # Errors
    /// When the queue is over its limit, or the connection is closing.
    pub fn send_text(&self, text: impl Into<String>) -> Result<(), SendError> {
        self.shared.send(&Outgoing::Text(text.into().into()))
    }

    /// Queues a binary message.
    ///
    /// # Errors
    /// When the queue is over its limit, or the connection is closing.
    pub fn send_binary(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.shared.send(&Outgoing::Binary(bytes.into()))
    }

    /// Sends a ping (RFC 6455 §5.5.2). Its pong is heard as [`Event::Pong`]; how long it took is also what the returned
    /// future gives, which need not be waited for.
    ///
    /// # Errors
    /// At once as for [`send_text`](Self::send_text), and where too many pings are unanswered; the future's
    /// [`SendError::Ended`] says that the connection has ended before the pong came.
    pub fn ping(
        &self,
    ) -> Result<impl Future<Output = Result<Duration, SendError>> + Send + use<>, SendError> {
        let answered = self.shared.ping()?;
        Ok(async move { answered.await.map_err(|_| SendError::Ended) })
    }

    /// Waits until the send queue is below its limit.
    ///
    /// # Errors
    /// When the connection is closing or has ended.
    pub async fn writable(&self) -> Result<(), SendError> {
        self.shared.writable().await
    }

    /// Begins the close handshake, behind all that is queued. Messages are heard until the peer has answered it, for which
    /// it has `limits.close_timeout`. One that is closing already, or has ended, stays as it is.
    ///
    /// # Errors
    /// When `code` is not one of 1000-1003, 1007-1014 and 3000-4999, or `reason` is longer than 123 bytes.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), CloseError> {
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(CloseError::Code(code));
        }
        if reason.len() > 123 {
            return Err(CloseError::Reason);
        }
        self.shared.close(code, reason);
        Ok(())
    }

    /// Drops the connection at once, with all that is queued and without a close frame. [`Event::Close`] says 1006.
    pub fn abort(&self) {
        self.shared.abort();
    }
}
