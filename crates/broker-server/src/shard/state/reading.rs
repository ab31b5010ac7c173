//! From a client's bytes to what the core makes of them.

use std::num::NonZeroU32;
use std::task::Waker;

use broker_core::{SessionHandle, Timestamp};
use broker_dialect::Incoming;
use broker_transport::ws::{Due, Event, encode};

use super::State;
use super::acting::ear;
use crate::shard::connection::{Connection, Unread};
use crate::shard::farewell::{Ending, TOO_MANY_MESSAGES};
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
        // One that is closing is read on all the same, and is not to be woken for it.
        if connection.dialect.kind().relays()
            && self.settings.transit.is_full()
            && connection.is_read()
            && connection.websocket.is_open()
        {
            connection.stop_reading(Lack::Transit);
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
        let mut ear = ear!(self, now);
        let mut ending = None;
        let mut has_replied = false;
        while let Some(event) = connection
            .websocket
            .receive(now, &mut self.inflater, &mut bytes)
        {
            if is_over_pace(now, connection, &event, ear.settings.messages_per_second()) {
                ear.close(connection, TOO_MANY_MESSAGES);
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
            if connection.websocket.is_open() && connection.is_paused(ear.broker) {
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
        let moves = ear.moves;
        self.settle(session, moves);
        match ending {
            Some(ending) => self.end(now, session, ending),
            None => self.schedule(session),
        }
        left
    }

    /// Stops reading a connection whose messages find no room.
    pub(in crate::shard) fn pause(&mut self, session: SessionHandle) {
        if let Some((_, connection)) = self.table.carrying(session) {
            connection.stop_reading(Lack::Hold);
        }
    }

    /// Reads a connection again whose messages find room.
    pub(in crate::shard) fn resume(&mut self, now: Timestamp, session: SessionHandle) {
        if let Some((_, connection)) = self.table.carrying(session)
            && !connection.is_paused(&self.broker)
        {
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
            let is_heard = connection.is_heard();
            let mut actions = Vec::new();
            connection
                .dialect
                .handle_timeout(now, is_heard, &mut |action| actions.push(action));
            self.act(now, session, actions);
        }
    }
}

/// Whether something comes faster than `messages_per_second`.
fn is_over_pace(
    now: Timestamp,
    connection: &mut Connection,
    event: &Event<'_>,
    per_second: Option<NonZeroU32>,
) -> bool {
    event.is_message_or_ping()
        && per_second.is_some_and(|per_second| !connection.pace.admit(now, per_second))
}
