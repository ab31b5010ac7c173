//! One live WebSocket connection, as its shard keeps it.

use std::rc::Rc;
use std::task::Waker;

use broker_core::{SessionHandle, SessionId, Timestamp};
use broker_dialect::DialectState;
use broker_transport::ws::WebSocket;
use broker_transport::{Outbound, Writer};
use tokio::task::AbortHandle;

use crate::forwarded::Caller;
use crate::load::Seat;

/// Who is at the other end of a socket.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where its connection comes from.
    pub(crate) caller: Caller,
    /// Its place in the order of connecting.
    pub(crate) order: u64,
    /// Its place in the count of connections.
    pub(crate) seat: Seat,
}

/// A connection from its handshake until its WebSocket has ended; what is left then is its reader's to see off.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) session: SessionHandle,
    pub(super) id: SessionId,
    pub(super) websocket: WebSocket,
    pub(super) dialect: DialectState,
    pub(super) outbound: Outbound,
    pub(super) writer: Rc<Writer>,
    /// Its reader, to be woken when reading may go on or is over.
    pub(super) reader: Option<Waker>,
    /// What has been read but not looked at, since the core had no room.
    pub(super) unread: Box<[u8]>,
    /// The core has no room for its messages.
    pub(super) is_held: bool,
    /// Its own queue has no room for replies to it.
    pub(super) is_choked: bool,
    /// It is in the line of those that are part of a fan-out.
    pub(super) is_dirty: bool,
    /// It is in the line of those that get a word of their own.
    pub(super) is_prompt: bool,
    /// Since when its socket takes nothing; it is waited for to take something again.
    pub(super) blocked: Option<Timestamp>,
    /// The wait for that. It ends with the connection, so that nothing keeps the socket of one that is given up.
    pub(super) waiting: Option<Waiting>,
    /// When its next timeout is set for.
    pub(super) timer: Option<Timestamp>,
    /// Code and reason of the close frame that went out, if we began it.
    pub(super) closing: Option<Box<(u16, Box<str>)>>,
}

impl Connection {
    pub(super) fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Reads no more until its own queue has room.
    pub(super) fn choke(&mut self) {
        self.is_choked = true;
        self.websocket.pause();
    }

    /// Reads again, unless there is another reason not to.
    pub(super) fn read_on(&mut self, now: Timestamp) {
        if !self.is_held && !self.is_choked {
            self.websocket.resume(now);
            self.wake_reader();
        }
    }

    /// When it has something due: its WebSocket, its dialect, or the end of our patience with its socket.
    pub(super) fn next_deadline(
        &self,
        write_timeout: Option<std::time::Duration>,
    ) -> Option<Timestamp> {
        let unblocked_by = self
            .blocked
            .zip(write_timeout)
            .map(|(since, timeout)| since.after(timeout));
        [
            self.websocket.next_deadline(),
            self.dialect.next_deadline(),
            unblocked_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// A task that waits on a connection's behalf; dropping this ends it.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) AbortHandle);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a connection has ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// The close code that the backend is told.
    pub(super) code: u16,
    /// The reason that goes with it.
    pub(super) reason: Box<str>,
    /// Whether there is nobody left to send to.
    pub(super) is_lost: bool,
}

impl Ending {
    pub(super) fn new(code: u16, reason: impl Into<Box<str>>) -> Ending {
        Ending {
            code,
            reason: reason.into(),
            is_lost: false,
        }
    }

    /// The peer has vanished, or has closed its socket without a close frame (RFC 6455 §7.1.5).
    pub(super) fn lost(reason: impl Into<Box<str>>) -> Ending {
        Ending {
            code: 1006,
            reason: reason.into(),
            is_lost: true,
        }
    }
}
