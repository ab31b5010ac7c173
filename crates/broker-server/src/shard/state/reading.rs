//! From a client's bytes to what the core makes of them.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::task::Waker;

use broker_core::{Broker, Effects, SessionHandle, Timestamp};
use broker_dialect::{Action, Incoming};
use broker_transport::ws::{Deflater, Due, Event, encode};

use super::State;
use crate::counters::Closed;
use crate::shard::Settings;
use crate::shard::complaints::{Complaints, left_out};
use crate::shard::connection::{Connection, Unread};
use crate::shard::farewell::{Ending, Farewell, TOO_MANY_MESSAGES};
use crate::shard::intake::Lack;
use crate::shard::lines::Line;

/// What a connection's reader has to do next.
#[derive(Debug)]
pub(in crate::shard) enum Turn {
    /// [Go on](State::receive_unread) with what was read before.
    GoOn,
    /// Read, into the shard's buffer.
    Read(Vec<u8>),
    /// Wait to be woken.
    Wait,
    /// The WebSocket has ended: see off what is left of it, if anything.
    SeeOff(Option<Box<Connection>>),
}

impl State {
    /// Says what the reader of a connection has to do, and remembers how to wake it.
    pub(in crate::shard) fn turn(&mut self, session: SessionHandle, reader: &Waker) -> Turn {
        let Some(connection) = self.table.get_mut(session) else {
            return Turn::SeeOff(self.table.take_ended(session).flatten());
        };
        if !connection
            .reader
            .as_ref()
            .is_some_and(|known| known.will_wake(reader))
        {
            connection.reader = Some(reader.clone());
        }
        if self.outbox.is_full() && connection.dialect.kind().relays() && connection.is_read() {
            connection.stop_reading(Lack::Outbox);
            self.outbox.pause(session);
        }
        if !connection.is_read() {
            return Turn::Wait;
        }
        if connection.unread.is_some() {
            return Turn::GoOn;
        }
        Turn::Read(std::mem::take(&mut self.read_buffer))
    }

    /// Takes the buffer back that [`Turn::Read`] lent.
    pub(in crate::shard) fn return_buffer(&mut self, buffer: Vec<u8>) {
        self.read_buffer = buffer;
    }

    /// Takes what a client has sent through its WebSocket and its dialect to the core. Where the core has no room any
    /// more, the rest is kept.
    pub(in crate::shard) fn receive(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        bytes: &mut [u8],
    ) {
        let left = self.take_in(now, session, bytes);
        if left > 0
            && let Some(connection) = self.table.get_mut(session)
        {
            let rest = &bytes[bytes.len() - left..];
            connection.unread = Some(Box::new(Unread::new(rest)));
        }
    }

    /// The same with what has been kept.
    pub(in crate::shard) fn receive_unread(&mut self, now: Timestamp, session: SessionHandle) {
        let connection = self.table.get_mut(session);
        let Some(mut unread) = connection.and_then(|connection| connection.unread.take()) else {
            return;
        };
        let left = self.take_in(now, session, unread.rest());
        if unread.keep(left)
            && let Some(connection) = self.table.get_mut(session)
        {
            connection.unread = Some(unread);
        }
    }

    /// Says how many bytes were left, for want of room in the core.
    fn take_in(&mut self, now: Timestamp, session: SessionHandle, mut bytes: &mut [u8]) -> usize {
        let limit = self.settings.max_send_queue;
        let Some(connection) = self.table.get_mut(session) else {
            return 0;
        };
        let mut ear = Ear {
            now,
            deflater: &mut self.deflater,
            broker: &mut self.broker,
            effects: &mut self.effects,
            settings: &self.settings,
            complaints: &mut self.troubles.frames,
        };
        let mut ending = None;
        let mut has_replied = false;
        while let Some(event) = connection
            .websocket
            .receive(now, &mut self.inflater, &mut bytes)
        {
            if is_over_pace(now, connection, &event, ear.settings.messages_per_second()) {
                if connection.close(now, TOO_MANY_MESSAGES) {
                    ear.broker.begin_closing(session);
                }
                continue;
            }
            match event {
                Event::Text(text) => {
                    has_replied |= ear.hear(connection, Incoming::Text(&text));
                }
                Event::Binary(payload) => {
                    has_replied |= ear.hear(connection, Incoming::Binary(&payload));
                }
                Event::Ping(payload) => {
                    let pong = encode::pong(&payload);
                    connection.outbound.push_pong(pong, limit);
                }
                Event::Pong(_) => {}
                Event::Closed {
                    code,
                    reason,
                    reply,
                } => {
                    reply
                        .into_iter()
                        .for_each(|frame| connection.outbound.push_control(frame));
                    ending = Some(Ending::by_client(code, reason));
                }
                Event::Failed { violation, reply } => {
                    reply
                        .into_iter()
                        .for_each(|frame| connection.outbound.push_control(frame));
                    ending = Some(Ending::failed(&violation));
                }
            }
            if connection.websocket.is_open() && ear.broker.is_paused(session) {
                break;
            }
        }
        // What one read brings may go beyond the limit; nothing more is read until there is room.
        if has_replied && connection.outbound.is_over(limit) {
            connection.stop_reading(Lack::Queue);
        }
        if !connection.outbound.is_empty() {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
        }
        let left = bytes.len();
        match ending {
            Some(ending) => self.end(now, session, ending),
            None => self.schedule(session),
        }
        left
    }

    /// Stops reading a connection whose messages find no room.
    pub(in crate::shard) fn pause(&mut self, session: SessionHandle) {
        if let Some(connection) = self.table.get_mut(session) {
            connection.stop_reading(Lack::Hold);
        }
    }

    /// Reads a connection again whose messages find room.
    pub(in crate::shard) fn resume(&mut self, now: Timestamp, session: SessionHandle) {
        if let Some(connection) = self.table.get_mut(session) {
            connection.read_on(now, Lack::Hold);
        }
    }

    /// Does what is due for one connection.
    pub(super) fn handle_connection_timeout(&mut self, now: Timestamp, session: SessionHandle) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        if connection
            .patience_ends(&self.settings)
            .is_some_and(|end| end <= now)
        {
            return self.give_up_on_slow(now, session);
        }
        match connection.websocket.handle_timeout(now) {
            None => {}
            // Frames that wait are a sign of life of ours, and a ping behind them could not be answered in time. Whether
            // the peer is there shows in whether it takes them.
            Some(Due::Ping) if !connection.outbound.is_empty() => connection.websocket.forgo_ping(),
            Some(Due::Ping) => {
                connection.outbound.push_control(encode::PING);
                self.lines
                    .enter(Line::Prompt, session, &mut connection.writing);
            }
            Some(Due::Failed { violation, reply }) => {
                reply
                    .into_iter()
                    .for_each(|frame| connection.outbound.push_control(frame));
                self.end(now, session, Ending::failed(&violation));
            }
            Some(Due::Drop) => self.end(
                now,
                session,
                Ending::lost("the close frame was not answered"),
            ),
        }
        if let Some(connection) = self.table.get_mut(session) {
            let mut ear = Ear {
                now,
                deflater: &mut self.deflater,
                broker: &mut self.broker,
                effects: &mut self.effects,
                settings: &self.settings,
                complaints: &mut self.troubles.frames,
            };
            let mut actions = Vec::new();
            connection
                .dialect
                .handle_timeout(now, &mut |action| actions.push(action));
            for action in actions {
                ear.act(connection, action);
            }
            if !connection.outbound.is_empty() {
                self.lines
                    .enter(Line::Prompt, session, &mut connection.writing);
            }
        }
    }
}

/// Whether something comes faster than `messages_per_second`. Pings count too, since each is answered.
fn is_over_pace(
    now: Timestamp,
    connection: &mut Connection,
    event: &Event<'_>,
    per_second: Option<NonZeroU32>,
) -> bool {
    let counts = matches!(event, Event::Text(_) | Event::Binary(_) | Event::Ping(_));
    counts && per_second.is_some_and(|per_second| !connection.pace.admit(now, per_second))
}

/// What it takes to do what a dialect makes of a client's words.
struct Ear<'a> {
    now: Timestamp,
    deflater: &'a mut Deflater,
    broker: &'a mut Broker,
    effects: &'a mut Effects,
    settings: &'a Settings,
    complaints: &'a mut Complaints,
}

impl Ear<'_> {
    /// Has a connection's dialect read a message, and does what it says; whether that was a reply.
    fn hear(&mut self, connection: &mut Connection, incoming: Incoming<'_>) -> bool {
        // While it is closing nothing is kept for later, since the close frame that we wait for comes behind it.
        if !connection.websocket.is_open() && self.broker.is_paused(connection.session) {
            connection.lose();
            return false;
        }
        let mut actions = smallvec::SmallVec::<[Action; 1]>::new();
        connection
            .dialect
            .receive(self.now, incoming, &mut |action| actions.push(action));
        let mut has_replied = false;
        for action in actions {
            has_replied |= self.act(connection, action);
        }
        has_replied
    }

    /// Does what a dialect says; whether it was to reply.
    fn act(&mut self, connection: &mut Connection, action: Action) -> bool {
        let (now, session) = (self.now, connection.session);
        let (broker, effects) = (&mut *self.broker, &mut *self.effects);
        match action {
            Action::Message(message) => {
                tracing::debug!(event = "from_client", conn = %connection.id, body = message.text());
                broker.receive(now, session, message, effects);
            }
            Action::Register(name) => {
                if let Err(error) = broker.register(now, session, name, effects) {
                    self.pass_over(connection, &error);
                }
            }
            Action::Unregister => broker.unregister(now, session, effects),
            Action::Relay(relay) => {
                tracing::debug!(event = "relayed", conn = %connection.id, matched = relay.to.len());
                broker.relay(now, session, relay, effects);
            }
            Action::Answer { ack, message } => {
                if let Err(error) = broker.answer(now, session, ack, message, effects) {
                    self.pass_over(connection, &error);
                }
            }
            Action::PassOver(why) => self.pass_over(connection, &why),
            // No message follows our close frame (RFC 6455 §5.5.1).
            Action::Reply(_) if !connection.websocket.is_open() => {}
            Action::Reply(reply) => {
                let window = connection.websocket.window();
                // Conformance suites, for which endpoints without a backend are there, want to see what was agreed on.
                let frame = if connection.dialect.kind().tells_backend() {
                    self.deflater.frame(&reply, window)
                } else {
                    self.deflater.frame_always(&reply, window)
                };
                connection.outbound.push_control(frame);
                return true;
            }
            Action::Refuse { code, reason } => {
                if connection.close(now, Farewell::new(code, reason, Closed::Dialect)) {
                    broker.begin_closing(session);
                }
            }
        }
        false
    }

    /// Lets go of something that a client has said and that makes no sense.
    fn pass_over(&mut self, connection: &Connection, why: &dyn Display) {
        self.settings.counters.count_passed_over();
        if let Some(count) = self.complaints.admit(self.now) {
            let more = left_out(count);
            tracing::warn!(event = "passed_over", conn = %connection.id, "a message of the client's is passed over: {why}{more}");
        } else {
            tracing::debug!(event = "passed_over", conn = %connection.id, "a message of the client's is passed over: {why}");
        }
    }
}
