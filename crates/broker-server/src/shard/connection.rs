//! One live connection, which a client has by a WebSocket or by polls, as its shard keeps it.

use std::rc::Rc;
use std::task::Waker;

use broker_core::{Broker, Pace, SessionHandle, SessionId, Timestamp};
use broker_dialect::socketio::engine::Control;
use broker_dialect::{DialectState, Words};
use broker_transport::ws::{Deflater, WebSocket};
use broker_transport::{Outbound, Writer};
use tokio::task::AbortHandle;

use super::Settings;
use super::farewell::Farewell;
use super::frames;
use super::intake::{Intake, Lack};
use super::lines::Writing;
use super::namespaces::Namespaces;
use super::polling::Polling;
use crate::forwarded::Caller;
use crate::load::{Full, Seat};

/// Who is at the other end of a socket.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Where its connection comes from.
    pub(crate) caller: Caller,
    /// Its place in the count of connections, and in the order of connecting.
    pub(crate) seat: Seat,
}

impl Peer {
    /// The same as somebody who takes another place beside it.
    pub(crate) fn beside(&self) -> Result<Peer, Full> {
        Ok(Peer {
            caller: self.caller,
            seat: self.seat.beside()?,
        })
    }
}

/// A connection from its handshake until its WebSocket has ended; what is left then is its reader's to see off.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) session: SessionHandle,
    pub(super) id: SessionId,
    pub(super) websocket: WebSocket,
    pub(super) dialect: DialectState,
    /// The sessions of the namespaces that its client is in or waits for; there are none but with Socket.IO.
    pub(super) namespaces: Namespaces,
    pub(super) outbound: Outbound,
    pub(super) way: Way,
    /// Its reader, to be woken when reading may go on or is over.
    pub(super) reader: Option<Waker>,
    /// Whether it is read.
    pub(super) intake: Intake,
    /// What has been read but not looked at, since the core had no room.
    pub(super) unread: Option<Box<Unread>>,
    /// What its client has used of `messages_per_second`.
    pub(super) pace: Pace,
    /// Whether and when it is written to.
    pub(super) writing: Writing,
    /// When its next timeout is set for.
    pub(super) timer: Option<Timestamp>,
    /// Our close frame, if we have begun to close it.
    pub(super) closing: Option<Box<Closing>>,
}

/// By what the client is reached.
#[derive(Debug)]
pub(super) enum Way {
    /// A WebSocket.
    Socket(Rc<Writer>),
    /// Polls. The state of the WebSocket says no more than whether the connection is open, until one takes over.
    Polls(Box<Polling>),
}

/// Bytes that have been read, and how many of them have been looked at.
#[derive(Debug)]
pub(super) struct Unread {
    bytes: Box<[u8]>,
    from: usize,
}

/// What our close frame says, and what became of it.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) farewell: Farewell,
    /// When it was queued.
    since: Timestamp,
    /// Something that the client said afterwards found no room.
    has_lost: bool,
}

impl Connection {
    pub(super) fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Queues words, whatever the queue holds.
    pub(super) fn say(&mut self, words: &Words, deflater: &mut Deflater) {
        match &mut self.way {
            Way::Polls(polling) => polling.push_words(words),
            Way::Socket(_) => {
                let frames = frames::all(words, self.websocket.window(), deflater);
                self.outbound.push_control(frames);
            }
        }
    }

    /// Whether its client could have been heard of by now: it is read, and nothing waits in front of what it is to answer.
    pub(super) fn is_heard(&self) -> bool {
        self.intake.is_open() && self.outbound.is_empty()
    }

    /// Whether there is something to write.
    pub(super) fn has_queued(&self) -> bool {
        match &self.way {
            Way::Socket(_) => !self.outbound.is_empty(),
            Way::Polls(polling) => !polling.is_empty(),
        }
    }

    /// How many bytes wait to be written.
    pub(super) fn queued_bytes(&self) -> usize {
        match &self.way {
            Way::Socket(_) => self.outbound.bytes(),
            Way::Polls(polling) => polling.bytes(),
        }
    }

    /// Drops what waits to be written, as far as nothing of it has left.
    pub(super) fn discard(&mut self) {
        self.outbound.discard();
        if let Way::Polls(polling) = &mut self.way {
            polling.discard();
        }
    }

    /// The polls by which the client is reached, if it is.
    pub(super) fn polling(&mut self) -> Option<&mut Polling> {
        match &mut self.way {
            Way::Socket(_) => None,
            Way::Polls(polling) => Some(polling),
        }
    }

    /// Whether the core has no room for more of what its client says, in whatever session.
    pub(super) fn is_paused(&self, broker: &Broker) -> bool {
        broker.is_paused(self.session)
            || self
                .namespaces
                .sessions()
                .any(|session| broker.is_paused(session))
    }

    /// Tells the core that we have begun to close it.
    pub(super) fn tell_closing(&self, broker: &mut Broker) {
        broker.begin_closing(self.session);
        for session in self.namespaces.sessions() {
            broker.begin_closing(session);
        }
    }

    /// Whether it is read. One that is closing is, whatever is lacking: its client's close frame is waited for, which
    /// comes behind all that the client has said before (RFC 6455 §7.1.2).
    pub(super) fn is_read(&self) -> bool {
        self.intake.is_open() || !self.websocket.is_open()
    }

    /// Reads no more for want of something.
    pub(super) fn stop_reading(&mut self, lack: Lack) {
        self.intake.shut(lack);
        self.websocket.pause();
    }

    /// Reads again since something is there, unless something else is lacking.
    pub(super) fn read_on(&mut self, now: Timestamp, lack: Lack) {
        if self.intake.open(lack) {
            self.websocket.resume(now);
            self.dialect.read_on(now);
            self.wake_reader();
        }
    }

    /// Queues our close frame, unless one went before; says whether it did.
    pub(super) fn close(&mut self, now: Timestamp, farewell: Farewell) -> bool {
        let Some(frame) = self.websocket.close(now, farewell.code, &farewell.reason) else {
            return false;
        };
        match &mut self.way {
            Way::Socket(_) => self.outbound.push_control(frame),
            Way::Polls(polling) => {
                polling.push_control(Control::Close.encoded());
                self.websocket.close_has_left(now);
            }
        }
        self.closing = Some(Box::new(Closing {
            farewell,
            since: now,
            has_lost: false,
        }));
        self.wake_reader();
        true
    }

    /// Lets go of something that its client says while it is closing; the first is told to the log.
    pub(super) fn lose(&mut self) {
        if let Some(closing) = &mut self.closing
            && !std::mem::replace(&mut closing.has_lost, true)
        {
            tracing::warn!(
                event = "trouble",
                conn = %self.id,
                "what the client still says while it is closed finds no room, and is lost"
            );
        }
    }

    /// When it has something due: its WebSocket, its dialect, or the end of our patience with its socket.
    pub(super) fn next_deadline(&self, settings: &Settings) -> Option<Timestamp> {
        [
            self.websocket.next_deadline(),
            self.dialect.next_deadline(),
            self.patience_ends(settings),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// When it will have taken nothing of what it is sent for too long. Where there is no `write_timeout` it may take as
    /// long as it likes, but not for our close frame.
    pub(super) fn patience_ends(&self, settings: &Settings) -> Option<Timestamp> {
        let since = self.writing.blocked_since()?;
        match (settings.write_timeout, &self.closing) {
            (Some(timeout), _) => Some(since.after(timeout)),
            (None, Some(closing)) => Some(since.max(closing.since).after(settings.close_timeout())),
            (None, None) => None,
        }
    }
}

impl Unread {
    pub(super) fn new(bytes: &[u8]) -> Unread {
        Unread {
            bytes: bytes.into(),
            from: 0,
        }
    }

    /// What has not been looked at.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        &mut self.bytes[self.from..]
    }

    /// Notes that so many bytes are left; says whether there are any.
    pub(super) fn keep(&mut self, left: usize) -> bool {
        self.from = self.bytes.len() - left;
        left > 0
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
