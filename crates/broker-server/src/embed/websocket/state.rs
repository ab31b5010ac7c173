//! A WebSocket between two waits: what is queued for it, what it waits for, and how it ends.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use broker_core::{Pace, Timestamp, close_code};
use broker_transport::Outbound;
use broker_transport::ws::{self, Due, Inflater, encode};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::SendError;
use super::event::{Closed, Error, Event};

/// How many pings of [`WebSocket::ping`](super::WebSocket::ping) may be unanswered.
pub const PINGS_MAX: usize = 16;

/// Its methods return at once; the time is an argument.
#[derive(Debug)]
pub(super) struct State {
    pub(super) machine: ws::WebSocket,
    pub(super) outbound: Outbound,
    /// How many messages and pings the peer may send in a second.
    per_second: Option<NonZeroU32>,
    /// What it has used of that.
    pace: Pace,
    /// Pings without a pong, oldest first; at most [`PINGS_MAX`].
    pings: VecDeque<Ping>,
    /// How many pings there were, which is what they carry.
    pings_sent: u64,
    /// What our close frame says, if we have begun to close it.
    closing: Option<Closed>,
    /// Nothing can be sent any more.
    has_ended: bool,
    /// Nothing is heard any more, either.
    is_aborted: bool,
    /// When the driver will wake up by itself.
    pub(super) woken_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Ping {
    payload: [u8; 8],
    sent: Instant,
    /// Whoever wants to know, if the application has asked for it.
    waiting: Option<oneshot::Sender<Duration>>,
}

/// How a WebSocket has ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) closed: Closed,
    pub(super) error: Option<Error>,
    /// Whether the socket has failed, so that nobody has to be seen off.
    pub(super) is_lost: bool,
}

/// What has come of some bytes.
#[derive(Debug)]
pub(super) enum Heard {
    Event(Event),
    /// A pong that nobody has asked for, or a message too many.
    Nothing,
    Ended(Ending),
}

impl State {
    pub(super) fn new(machine: ws::WebSocket, per_second: Option<NonZeroU32>) -> State {
        State {
            machine,
            outbound: Outbound::default(),
            per_second,
            pace: Pace::default(),
            pings: VecDeque::new(),
            pings_sent: 0,
            closing: None,
            has_ended: false,
            is_aborted: false,
            woken_at: None,
        }
    }

    /// Begins the close handshake, unless it has begun or all is over.
    pub(super) fn close(&mut self, now: Timestamp, code: u16, reason: &str) {
        if self.has_ended {
            return;
        }
        if let Some(frame) = self.machine.close(now, code, reason) {
            self.outbound.push_control(frame);
            self.closing = Some(Closed {
                code,
                reason: reason.to_owned(),
            });
        }
    }

    /// Takes nothing in any more; whoever waits for a pong learns of it.
    pub(super) fn end(&mut self, ending: Ending) -> Ending {
        self.has_ended = true;
        self.pings.clear();
        match self.closing.clone() {
            // Who closes first gives the reason, however the other side takes it.
            Some(closed) => Ending { closed, ..ending },
            None => ending,
        }
    }

    /// Neither sends nor hears any more.
    pub(super) fn abort(&mut self) {
        self.is_aborted = true;
        self.has_ended = true;
    }

    /// Takes the next event out of `input`; nothing means that all of it was used.
    pub(super) fn receive<'a, 'i: 'a>(
        &mut self,
        now: Timestamp,
        inflater: impl FnOnce() -> &'a mut Inflater,
        input: &mut &'i mut [u8],
        limit: usize,
    ) -> Option<Heard> {
        if self.is_aborted {
            return Some(Heard::Ended(Ending::lost(None)));
        }
        let event = self.machine.receive_with(now, inflater, input)?;
        if event.is_message_or_ping()
            && let Some(per_second) = self.per_second
            && !self.pace.admit(now, per_second)
        {
            self.close(now, close_code::TOO_MANY_MESSAGES, "too many messages");
            return Some(Heard::Nothing);
        }
        Some(self.hear(event, limit))
    }

    /// Queues our answer to the end of the WebSocket, if it has one.
    fn answer(&mut self, reply: Option<Bytes>) {
        if let Some(frame) = reply {
            self.outbound.push_control(frame);
        }
    }

    pub(super) fn may_send(&self, limit: usize) -> Result<(), SendError> {
        if self.has_ended || !self.machine.is_open() {
            return Err(SendError::Ended);
        }
        if self.outbound.is_over(limit) {
            return Err(SendError::Full);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, frame: Bytes, limit: usize) -> Result<(), SendError> {
        self.may_send(limit)?;
        self.outbound
            .push(frame, limit)
            .map_err(|_| SendError::Full)
    }

    /// Sends a ping of the application's.
    pub(super) fn ping(
        &mut self,
        waiting: oneshot::Sender<Duration>,
        limit: usize,
    ) -> Result<(), SendError> {
        if !self.make_room_for_ping() {
            return Err(SendError::TooManyPings);
        }
        self.push_ping(Some(waiting), limit)
    }

    /// Sends the ping that is due after a silence.
    fn ping_silent_peer(&mut self, limit: usize) -> Result<(), SendError> {
        if !self.make_room_for_ping()
            && let Some(latest) = self.pings.back()
        {
            // The application waits for all of them. Whatever pong comes is one to the latest or to some before it.
            return self.push(encode::ping(&latest.payload), limit);
        }
        self.push_ping(None, limit)
    }

    /// Whether one more ping can be waited for. The oldest that the application has not asked for makes room for it.
    fn make_room_for_ping(&mut self) -> bool {
        if self.pings.len() >= PINGS_MAX
            && let Some(unasked) = self.pings.iter().position(|ping| ping.waiting.is_none())
        {
            self.pings.remove(unasked);
        }
        self.pings.len() < PINGS_MAX
    }

    fn push_ping(
        &mut self,
        waiting: Option<oneshot::Sender<Duration>>,
        limit: usize,
    ) -> Result<(), SendError> {
        let payload = self.pings_sent.to_be_bytes();
        self.push(encode::ping(&payload), limit)?;
        self.pings_sent += 1;
        self.pings.push_back(Ping {
            payload,
            sent: Instant::now(),
            waiting,
        });
        Ok(())
    }

    /// How long the answer to a ping took. It answers all that went before it, too (RFC 6455 §5.5.3).
    fn answered(&mut self, payload: &[u8]) -> Option<Duration> {
        let place = self.pings.iter().position(|ping| ping.payload == payload)?;
        let now = Instant::now();
        let mut round_trip = None;
        for ping in self.pings.drain(..=place) {
            let took = now.duration_since(ping.sent);
            round_trip = Some(took);
            if let Some(waiting) = ping.waiting {
                // Whoever pinged may not want to know.
                let _ = waiting.send(took);
            }
        }
        round_trip
    }

    fn hear(&mut self, event: ws::Event<'_>, limit: usize) -> Heard {
        let event = match event {
            ws::Event::Text(text) => Event::Text(text.into_owned()),
            ws::Event::Binary(bytes) => Event::Binary(bytes.into_owned().into()),
            ws::Event::Ping(payload) => {
                self.outbound.push_pong(encode::pong(&payload), limit);
                Event::Ping(payload.into_owned().into())
            }
            ws::Event::Pong(payload) => match self.answered(&payload) {
                Some(round_trip) => Event::Pong(round_trip),
                None => return Heard::Nothing,
            },
            ws::Event::Closed {
                code,
                reason,
                reply,
            } => {
                self.answer(reply);
                return Heard::Ended(Ending {
                    closed: Closed { code, reason },
                    error: None,
                    is_lost: false,
                });
            }
            ws::Event::Failed { violation, reply } => {
                self.answer(reply);
                return Heard::Ended(Ending::failed(violation));
            }
        };
        Heard::Event(event)
    }

    pub(super) fn do_what_is_due(&mut self, now: Timestamp, limit: usize) -> Option<Ending> {
        match self.machine.handle_timeout(now)? {
            Due::Ping => {
                // Where there is no room for it, there is something else on its way that the peer has to take.
                if self.ping_silent_peer(limit).is_err() {
                    self.machine.forgo_ping();
                }
                None
            }
            Due::Failed { violation, reply } => {
                self.answer(reply);
                Some(Ending::failed(violation))
            }
            Due::Drop => Some(Ending::lost(None)),
        }
    }
}

impl Ending {
    /// An end without a close frame of the peer's.
    pub(super) fn lost(error: Option<Error>) -> Ending {
        Ending {
            closed: Closed {
                code: close_code::LOST,
                reason: String::new(),
            },
            error,
            is_lost: true,
        }
    }

    fn failed(violation: ws::Violation) -> Ending {
        Ending {
            closed: Closed {
                code: violation.close_code(),
                reason: violation.to_string(),
            },
            error: Some(Error::Peer(violation)),
            is_lost: false,
        }
    }
}

#[cfg(test)]
mod tests;
