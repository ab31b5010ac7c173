//! From a message to its receivers' sockets.

use std::io;

use broker_core::{Message, SessionHandle, Timestamp};
use broker_transport::Flushed;
use bytes::Bytes;

use super::State;
use crate::config::SlowConsumer;
use crate::shard::connection::Waiting;
use crate::shard::farewell::{Ending, SLOW_CONSUMER};
use crate::shard::frames::Frames;
use crate::shard::intake::Lack;
use crate::shard::lines::Line;
use crate::shard::lobby::Kept;

/// A message for no more recipients than this is no fan-out, and goes out before those that are.
const FAN_OUT: usize = 16;

impl State {
    /// Queues a message for its recipients; returns how many of them do not get it, for want of room or since they have
    /// just been closed.
    pub(in crate::shard) fn deliver(
        &mut self,
        now: Timestamp,
        message: &Message,
        recipients: &[SessionHandle],
    ) -> usize {
        let mut frames = Frames::of(message);
        let line = if recipients.len() > FAN_OUT {
            Line::FanOut
        } else {
            Line::Prompt
        };
        let mut dropped = 0;
        for &session in recipients {
            let Some(connection) = self
                .table
                .get_mut(session)
                .filter(|connection| connection.websocket.is_open())
            else {
                let limit = self.settings.max_send_queue;
                let kept = self.lobby.keep(session, message, limit);
                dropped += usize::from(kept != Kept::Yes);
                if kept == Kept::NoRoom {
                    self.meet_slow_consumer(now, session);
                }
                continue;
            };
            let frame = frames.frame(
                connection.dialect.kind(),
                connection.websocket.window(),
                &mut self.deflater,
            );
            let is_queued = connection
                .outbound
                .push(frame, self.settings.max_send_queue)
                .is_ok();
            if is_queued {
                self.lines.enter(line, session, &mut connection.writing);
            } else {
                dropped += 1;
                self.on_behalf_of(now, session, |state| state.meet_slow_consumer(now, session));
            }
        }
        dropped
    }

    /// Queues a frame for one connection, unless there is no room for it.
    pub(super) fn queue(&mut self, now: Timestamp, session: SessionHandle, frame: Bytes) {
        let limit = self.settings.max_send_queue;
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        if connection.outbound.push(frame, limit).is_ok() {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
        } else {
            self.meet_slow_consumer(now, session);
        }
    }

    fn meet_slow_consumer(&mut self, now: Timestamp, session: SessionHandle) {
        let Some(conn) = self.broker.session(session).map(|session| session.id) else {
            return;
        };
        let action = self.settings.config.limits.slow_consumer;
        self.settings.counters.count_slow_consumer(action);
        match action {
            SlowConsumer::Drop => {
                tracing::debug!(event = "trouble", %conn, "slow consumer: a message was dropped");
            }
            SlowConsumer::Close => {
                tracing::warn!(event = "trouble", %conn, "slow consumer: closing its connection");
                if let Some(connection) = self.table.get_mut(session) {
                    connection.outbound.discard();
                    return self.close(now, session, SLOW_CONSUMER);
                }
                self.lobby.discard(session);
                self.lobby.close(session, &SLOW_CONSUMER);
            }
        }
    }

    /// Ends a connection whose socket has taken nothing for `write_timeout`.
    pub(super) fn give_up_on_slow(&mut self, now: Timestamp, session: SessionHandle) {
        let connection = self.table.get_mut(session);
        // One that is closing has been counted, or is closed for another reason.
        if connection.is_some_and(|connection| connection.closing.is_none()) {
            let counters = &self.settings.counters;
            counters.count_slow_consumer(SlowConsumer::Close);
        }
        self.end(now, session, Ending::stuck());
    }

    /// Carries on with commands under way, and writes to at most `slice` connections; says whether more is to be done.
    pub(in crate::shard) fn pump(&mut self, now: Timestamp, slice: usize) -> bool {
        if self.broker.is_busy() {
            self.broker.resume(now, &mut self.effects);
        }
        for written in 0..slice {
            // Whoever gets a word of its own comes first, but leaves half of a slice to fan-outs.
            let first = if written < slice / 2 {
                Line::Prompt
            } else {
                Line::FanOut
            };
            let Some((line, session)) = self.lines.next(first) else {
                break;
            };
            if let Some(connection) = self.table.get_mut(session) {
                connection.writing.leave(line);
                self.on_behalf_of(now, session, |state| state.flush(now, session));
            }
        }
        self.has_work()
    }

    pub(in crate::shard) fn has_work(&self) -> bool {
        self.broker.is_busy() || !self.lines.is_empty()
    }

    fn flush(&mut self, now: Timestamp, session: SessionHandle) {
        let limit = self.settings.max_send_queue;
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        // It may have been written to as one of the other line, and what blocks it then is being waited for.
        if connection.writing.is_blocked() || connection.outbound.is_empty() {
            return;
        }
        match connection.outbound.flush(&connection.writer) {
            Ok(flushed) => {
                if !connection.outbound.is_over(limit) {
                    connection.read_on(now, Lack::Queue);
                }
                if flushed == Flushed::Blocked {
                    connection.writing.block(now);
                    self.blocked.push((session, connection.writer.clone()));
                    self.schedule(session);
                } else if !connection.websocket.is_open() {
                    connection.websocket.close_has_left(now);
                    self.schedule(session);
                }
            }
            Err(error) => self.end(now, session, Ending::lost(error.to_string())),
        }
    }

    /// Remembers who waits for a connection's socket to take something again.
    pub(in crate::shard) fn wait_with(&mut self, session: SessionHandle, waiting: Waiting) {
        if let Some(connection) = self.table.get_mut(session) {
            connection.writing.wait_with(waiting);
        }
    }

    /// Goes on writing to a connection whose socket takes something again, or has failed.
    pub(in crate::shard) fn unblock(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        outcome: io::Result<()>,
    ) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        connection.writing.unblock();
        match outcome {
            Ok(()) => self.flush(now, session),
            Err(error) => self.end(now, session, Ending::lost(error.to_string())),
        }
    }
}
