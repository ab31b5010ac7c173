//! WebSocket connections (RFC 6455), server side: a pure, synchronous state machine.
//!
//! **It knows no socket and no clock.** Bytes, the time and the wish to close come in as arguments; messages, replies
//! and deadlines come out as values. **It holds nothing for a silent connection**: [`WebSocket`] is a few words, and
//! what is kept of an incomplete message grows with what has arrived, never with what a header claims.
//! **It refuses what is wrong as soon as it can be seen**, most of it at a frame's header, with a [`Violation`] that
//! names what the peer did.
//!
//! Frame headers are parsed here and not by tungstenite's `FrameHeader`: that one waits for a whole header before it
//! refuses anything, takes lengths that are not minimal, and leaves masks and control frames to be checked later.
//!
//! Messages and control frames towards the client are made by [`encode`], once for all their receivers. Messages can be
//! compressed both ways, if that was agreed on: [`Inflater`] and [`Deflater`] are the caller's, for all its connections.

mod assembly;
mod body;
mod close;
mod deflate;
pub mod encode;
mod event;
mod frame;
mod text;
mod violation;

use std::sync::Arc;
use std::time::Duration;

use broker_core::Timestamp;
use bytes::Bytes;

use self::assembly::{Arrival, Assembly};
use self::close::PeerClose;
pub use self::deflate::{Deflater, Inflater, Window};
pub use self::event::{Due, Event};
use self::frame::Control;
pub use self::violation::Violation;

/// The limits of a connection, shared by all that were opened under the same configuration: `Settings::default()`, changed
/// where others are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The size in bytes up to which a message is taken, whole or in fragments.
    pub max_message: usize,
    /// The number of frames up to which a fragmented message is taken.
    pub max_fragments: u32,
    /// A fragment of so many bytes or more does not count against `max_fragments`: it is the tiny ones that cost more
    /// than they carry. `u64::MAX` to count all.
    pub uncounted_fragment: u64,
    /// How long a message or a frame may take from its first byte to its last; zero for any time.
    pub message_timeout: Duration,
    /// How long the peer is waited for after our close frame, and again after the last byte for the end of its stream.
    pub close_timeout: Duration,
    /// How long the peer may be silent before it is pinged; zero for never.
    pub ping_interval: Duration,
    /// How long the peer may be silent after a ping before it counts as gone; zero for any time.
    pub pong_timeout: Duration,
}

impl Default for Settings {
    /// Messages of 1 MiB in 1024 fragments, 30 s for each, 5 s for a close, a ping after 25 s and 10 s for its pong.
    fn default() -> Settings {
        Settings {
            max_message: 1 << 20,
            max_fragments: 1024,
            uncounted_fragment: u64::MAX,
            message_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
        }
    }
}

/// One WebSocket connection as its server sees it.
///
/// - **Bytes in**: [`receive`](Self::receive) or [`receive_with`](Self::receive_with) turns what was read into
///   [`Event`]s, one at a time.
/// - **Time**: [`next_deadline`](Self::next_deadline) and [`handle_timeout`](Self::handle_timeout).
/// - **Ending**: [`close`](Self::close) begins the close handshake, whose time runs from
///   [`close_has_left`](Self::close_has_left) on; [`is_open`](Self::is_open) says whether messages
///   may still be sent, [`has_ended`](Self::has_ended) whether the last frame is out.
/// - **Pings**: [`forgo_ping`](Self::forgo_ping) where one that is due makes no sense.
/// - **Back-pressure**: [`pause`](Self::pause) and [`resume`](Self::resume) tell it that nobody reads for a while, so
///   that the peer is not blamed for the silence.
///
/// Reading a connection is this loop, over a buffer and an inflater that belong to the caller and can serve all its
/// connections:
///
/// ```
/// # use std::sync::Arc;
/// # use broker_core::Timestamp;
/// use broker_transport::ws::{Event, Inflater, Settings, WebSocket, encode};
/// # let settings = Arc::new(Settings::default());
/// # let now = Timestamp(0);
/// # let mut read = *b"\x81\x82\0\0\0\0hi\x89\x80\0\0\0\0";
/// # let (mut inbox, mut outbox) = (Vec::new(), Vec::new());
/// # let mut websocket = WebSocket::new(settings, now);
/// # let mut inflater = Inflater::default();
/// let mut input = &mut read[..];
/// while let Some(event) = websocket.receive(now, &mut inflater, &mut input) {
///     match event {
///         Event::Text(text) => inbox.push(text.into_owned()),
///         Event::Binary(_) => {}
///         Event::Ping(payload) => outbox.push(encode::pong(&payload)),
///         Event::Pong(_) => {}
///         Event::Closed { reply, .. } | Event::Failed { reply, .. } => outbox.extend(reply),
///     }
/// }
/// # assert_eq!((inbox.len(), outbox.len()), (1, 1));
/// ```
///
/// Once it [`has_ended`](Self::has_ended), flush what is queued, shut down the writing half of the socket, and read
/// and drop until the peer's end of stream or [`Due::Drop`]: closing a socket with unread bytes resets the
/// connection, and the reset can overtake our last frame (RFC 6455 §7.1.1).
#[derive(Debug)]
pub struct WebSocket {
    settings: Arc<Settings>,
    assembly: Assembly,
    phase: Phase,
    /// The window of what is compressed for the peer; `None` if no compression was agreed on.
    window: Option<Window>,
    /// What the phase's deadline counts from: the last sign of life, the ping, our close, or the end.
    since: Timestamp,
    paused: bool,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Both sides may send.
    Open,
    /// Open, and nothing has come since a ping.
    AwaitingPong,
    /// Our close is queued.
    ClosingSoon,
    /// Our close is out, the peer's is awaited.
    Closing,
    /// The peer's close has come, or the connection has failed: whatever still arrives is ignored.
    Ended,
}

impl WebSocket {
    /// A connection whose handshake has just been answered.
    #[must_use]
    pub fn new(settings: Arc<Settings>, now: Timestamp) -> Self {
        WebSocket {
            settings,
            assembly: Assembly::default(),
            phase: Phase::Open,
            window: None,
            since: now,
            paused: false,
        }
    }

    /// The same connection with compression, if a window for it was agreed on in the handshake.
    #[must_use]
    pub fn with_compression(mut self, window: Option<Window>) -> Self {
        self.window = window;
        self
    }

    /// What limits it.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The window of what may be compressed for the peer; `None` if no compression was agreed on.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.window
    }

    /// Whether messages may be sent: no close frame has gone out (RFC 6455 §5.5.1).
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.phase {
            Phase::Open | Phase::AwaitingPong => true,
            Phase::ClosingSoon | Phase::Closing | Phase::Ended => false,
        }
    }

    /// Whether both sides are done, by the close handshake or a failure.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Takes the next event out of `input`, which holds bytes as they came from the socket and is moved past those
    /// that were used. `None` means that all were used. `inflater` holds nothing between two calls.
    ///
    /// Any byte is a sign of life. After the end all bytes are ignored (RFC 6455 §5.5.1, §7.1.7). Deadlines may have
    /// become earlier afterwards.
    pub fn receive<'a, 'i: 'a>(
        &mut self,
        now: Timestamp,
        inflater: &'a mut Inflater,
        input: &mut &'i mut [u8],
    ) -> Option<Event<'a>> {
        self.receive_with(now, || inflater, input)
    }

    /// The same with an inflater that is asked for only once a compressed message is whole, and may be in use until then.
    pub fn receive_with<'a, 'i: 'a>(
        &mut self,
        now: Timestamp,
        inflater: impl FnOnce() -> &'a mut Inflater,
        input: &mut &'i mut [u8],
    ) -> Option<Event<'a>> {
        if !input.is_empty() && self.is_open() {
            self.phase = Phase::Open;
            self.since = now;
        }
        if self.has_ended() {
            *input = &mut [];
            return None;
        }
        match self.next_event(now, inflater, input) {
            Ok(event) => event,
            Err(violation) => Some(Event::Failed {
                reply: self.fail(now, &violation),
                violation,
            }),
        }
    }

    fn next_event<'a, 'i: 'a>(
        &mut self,
        now: Timestamp,
        inflater: impl FnOnce() -> &'a mut Inflater,
        input: &mut &'i mut [u8],
    ) -> Result<Option<Event<'a>>, Violation> {
        let deflates = self.window.is_some();
        let arrival = self.assembly.advance(&self.settings, deflates, now, input);
        let Some(arrival) = arrival? else {
            return Ok(None);
        };
        Ok(Some(match arrival {
            Arrival::Message(payload) => payload.into(),
            Arrival::Deflated(data, payload) => inflater()
                .message(data, &payload, self.settings.max_message)?
                .into(),
            Arrival::Control(Control::Ping, payload) => Event::Ping(payload),
            Arrival::Control(Control::Pong, payload) => Event::Pong(payload),
            Arrival::Control(Control::Close, payload) => {
                let PeerClose { code, reason } = PeerClose::parse(&payload)?;
                // A close frame is answered by one, unless ours went first (RFC 6455 §5.5.1).
                let reply = self.is_open().then(|| encode::close_reply(code));
                self.end(now);
                Event::Closed {
                    code,
                    reason,
                    reply,
                }
            }
        }))
    }

    /// Begins the close handshake: returns the close frame to send, or nothing if one has gone out already.
    ///
    /// Messages are still received until the peer's close (RFC 6455 §5.5.1, §7.1.2). That is waited for without a
    /// deadline until the frame [has left](Self::close_has_left), which is the driver's to see to.
    /// `code` must be one that may stand in a close frame; a reason is cut at 123 bytes.
    pub fn close(&mut self, now: Timestamp, code: u16, reason: &str) -> Option<Bytes> {
        if !self.is_open() {
            return None;
        }
        self.phase = Phase::ClosingSoon;
        self.since = now;
        Some(encode::close(code, reason))
    }

    /// Tells that the frame of [`close`](Self::close) has left: the peer has `close_timeout` to answer it.
    pub fn close_has_left(&mut self, now: Timestamp) {
        if self.phase == Phase::ClosingSoon {
            self.phase = Phase::Closing;
            self.since = now;
        }
    }

    /// Tells that the ping which [`handle_timeout`](Self::handle_timeout) asked for is not sent, so that no pong is due.
    pub fn forgo_ping(&mut self) {
        if self.phase == Phase::AwaitingPong {
            self.phase = Phase::Open;
        }
    }

    /// Tells that reading stops, by choice of ours. Pings go on, since they keep the ways through the network open,
    /// but the peer's silence and its half-sent message are not held against it.
    pub fn pause(&mut self) {
        self.paused = true;
        self.forgo_ping();
    }

    /// Tells that reading goes on. The peer's time begins anew.
    pub fn resume(&mut self, now: Timestamp) {
        self.paused = false;
        self.assembly.restart_clock(now);
        if self.is_open() {
            self.since = now;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` for never.
    ///
    /// It may become earlier by any other call. A driver that merely finds it later than it was can leave its timer
    /// alone: a call that comes early does nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open => earlier(
                self.after_since(self.settings.ping_interval),
                self.message_deadline(),
            ),
            Phase::AwaitingPong => earlier(
                self.after_since(self.settings.pong_timeout),
                self.message_deadline(),
            ),
            Phase::ClosingSoon => None,
            Phase::Closing | Phase::Ended => Some(self.since.after(self.settings.close_timeout)),
        }
    }

    /// Says what is to be done since the deadline has passed, if it has. Bytes that have arrived by then should have
    /// been [received](Self::receive) before, so that nobody is dropped for a delay of ours.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Option<Due> {
        if self.next_deadline()? > now {
            return None;
        }
        let violation = match self.phase {
            Phase::ClosingSoon => return None,
            Phase::Closing | Phase::Ended => return Some(Due::Drop),
            Phase::Open | Phase::AwaitingPong
                if self
                    .message_deadline()
                    .is_some_and(|deadline| deadline <= now) =>
            {
                Violation::SlowMessage
            }
            Phase::Open => {
                self.since = now;
                if !self.paused && !self.settings.pong_timeout.is_zero() {
                    self.phase = Phase::AwaitingPong;
                }
                return Some(Due::Ping);
            }
            Phase::AwaitingPong => Violation::NoPong,
        };
        Some(Due::Failed {
            reply: self.fail(now, &violation),
            violation,
        })
    }

    /// The time by which what has begun to arrive must be complete.
    fn message_deadline(&self) -> Option<Timestamp> {
        let timeout = self.settings.message_timeout;
        if self.paused || timeout.is_zero() {
            return None;
        }
        Some(self.assembly.since()?.after(timeout))
    }

    fn after_since(&self, timeout: Duration) -> Option<Timestamp> {
        (!timeout.is_zero()).then(|| self.since.after(timeout))
    }

    /// Fails the connection (RFC 6455 §7.1.7).
    fn fail(&mut self, now: Timestamp, violation: &Violation) -> Option<Bytes> {
        let reply = self
            .is_open()
            .then(|| encode::close(violation.close_code(), &violation.to_string()));
        self.end(now);
        reply
    }

    fn end(&mut self, now: Timestamp) {
        self.phase = Phase::Ended;
        self.since = now;
        self.assembly = Assembly::default();
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests;
