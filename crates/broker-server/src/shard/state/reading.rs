//! From a client's bytes to what the core makes of them.

use std::num::NonZeroU32;
use std::task::Waker;

use broker_core::{Broker, Effects, SessionHandle, Timestamp};
use broker_dialect::{Action, Incoming};
use broker_transport::ws::{Deflater, Due, Event, encode};

use super::State;
use crate::counters::Closed;
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
        let mut ending = None;
        let mut has_replied = false;
        while let Some(event) = connection
            .websocket
            .receive(now, &mut self.inflater, &mut bytes)
        {
            if is_over_pace(now, connection, &event, self.settings.messages_per_second()) {
                if connection.close(now, TOO_MANY_MESSAGES) {
                    self.broker.begin_closing(session);
                }
                continue;
            }
            match event {
                Event::Text(text) => {
                    let incoming = Incoming::Text(&text);
                    has_replied |= say(
                        now,
                        connection,
                        incoming,
                        &mut self.deflater,
                        &mut self.broker,
                        &mut self.effects,
                    );
                }
                Event::Binary(payload) => {
                    let incoming = Incoming::Binary(&payload);
                    has_replied |= say(
                        now,
                        connection,
                        incoming,
                        &mut self.deflater,
                        &mut self.broker,
                        &mut self.effects,
                    );
                }
                Event::Ping(payload) => {
                    let pong = encode::pong(&payload);
                    connection.outbound.push_pong(pong, limit);
                }
                Event::Pong => {}
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
            if connection.websocket.is_open() && self.broker.is_paused(session) {
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
        let State {
            table,
            broker,
            effects,
            deflater,
            lines,
            ..
        } = self;
        if let Some(connection) = table.get_mut(session) {
            let mut actions = Vec::new();
            connection
                .dialect
                .handle_timeout(now, &mut |action| actions.push(action));
            for action in actions {
                act(now, connection, action, deflater, broker, effects);
            }
            if !connection.outbound.is_empty() {
                lines.enter(Line::Prompt, session, &mut connection.writing);
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

/// Has a connection's dialect read a message, and does what it says; whether that was a reply.
fn say(
    now: Timestamp,
    connection: &mut Connection,
    incoming: Incoming<'_>,
    deflater: &mut Deflater,
    broker: &mut Broker,
    effects: &mut Effects,
) -> bool {
    // While it is closing nothing is kept for later, since the close frame that we wait for comes behind it.
    if !connection.websocket.is_open() && broker.is_paused(connection.session) {
        connection.lose();
        return false;
    }
    let mut actions = smallvec::SmallVec::<[Action; 1]>::new();
    connection
        .dialect
        .receive(now, incoming, &mut |action| actions.push(action));
    let mut has_replied = false;
    for action in actions {
        has_replied |= act(now, connection, action, deflater, broker, effects);
    }
    has_replied
}

/// Does what a dialect says; whether it was to reply.
fn act(
    now: Timestamp,
    connection: &mut Connection,
    action: Action,
    deflater: &mut Deflater,
    broker: &mut Broker,
    effects: &mut Effects,
) -> bool {
    match action {
        Action::Message(message) => {
            tracing::debug!(event = "from_client", conn = %connection.id, body = message.text());
            broker.receive(now, connection.session, message, effects);
        }
        // No message follows our close frame (RFC 6455 §5.5.1).
        Action::Reply(_) if !connection.websocket.is_open() => {}
        Action::Reply(reply) => {
            let window = connection.websocket.window();
            // Conformance suites, for which endpoints without a backend are there, want to see what was agreed on.
            let frame = if connection.dialect.kind().tells_backend() {
                deflater.frame(&reply, window)
            } else {
                deflater.frame_always(&reply, window)
            };
            connection.outbound.push_control(frame);
            return true;
        }
        Action::Refuse { code, reason } => {
            if connection.close(now, Farewell::new(code, reason, Closed::Dialect)) {
                broker.begin_closing(connection.session);
            }
        }
    }
    false
}
