//! From a message to its receivers' sockets.

use std::io;

use broker_core::{Message, SessionHandle, Timestamp};
use broker_transport::Flushed;

use super::State;
use crate::config::SlowConsumer;
use crate::shard::connection::{Ending, Waiting};
use crate::shard::frames::Frames;

/// A message for no more recipients than this is no fan-out, and goes out before those that are.
const FAN_OUT: usize = 16;

/// Told to a client that does not read what it is sent.
const SLOW_CONSUMER: (u16, &str) = (4100, "slow consumer");

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
        let is_fan_out = recipients.len() > FAN_OUT;
        let mut dropped = 0;
        for &session in recipients {
            let Some(connection) = self
                .table
                .get_mut(session)
                .filter(|connection| connection.websocket.is_open())
            else {
                dropped += 1;
                continue;
            };
            let frame = frames.frame(
                connection.dialect.kind(),
                connection.websocket.window(),
                &mut self.deflater,
            );
            if connection
                .outbound
                .push(frame, self.settings.max_send_queue)
                .is_ok()
            {
                if !is_fan_out {
                    self.mark_prompt(session);
                } else if !connection.is_dirty && connection.blocked.is_none() {
                    connection.is_dirty = true;
                    self.dirty.push_back(session);
                }
            } else {
                dropped += 1;
                self.on_behalf_of(now, session, |state| state.meet_slow_consumer(now, session));
            }
        }
        dropped
    }

    fn meet_slow_consumer(&mut self, now: Timestamp, session: SessionHandle) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        match self.settings.config.limits.slow_consumer {
            SlowConsumer::Drop => {
                tracing::debug!(event = "trouble", conn = %connection.id, "slow consumer: a message was dropped");
            }
            SlowConsumer::Close => {
                tracing::warn!(event = "trouble", conn = %connection.id, "slow consumer: closing its connection");
                connection.outbound.discard();
                self.close(now, session, SLOW_CONSUMER.0, SLOW_CONSUMER.1);
            }
        }
    }

    /// Ends a connection whose socket has taken nothing for `write_timeout`.
    pub(super) fn give_up_on_slow(&mut self, now: Timestamp, session: SessionHandle) {
        let (code, reason) = SLOW_CONSUMER;
        self.end(
            now,
            session,
            Ending {
                code,
                reason: reason.into(),
                is_lost: true,
            },
        );
    }

    /// Carries on with commands under way, and writes to at most `slice` connections; says whether more is to be done.
    pub(in crate::shard) fn pump(&mut self, now: Timestamp, slice: usize) -> bool {
        if self.broker.is_busy() {
            self.broker.resume(&mut self.effects);
        }
        for written in 0..slice {
            // Whoever gets a word of its own comes first, but leaves half of a slice to fan-outs.
            let next = if written < slice / 2 {
                self.next_prompt().or_else(|| self.next_dirty())
            } else {
                self.next_dirty().or_else(|| self.next_prompt())
            };
            let Some(session) = next else {
                break;
            };
            self.on_behalf_of(now, session, |state| state.flush(now, session));
        }
        self.has_work()
    }

    fn next_prompt(&mut self) -> Option<SessionHandle> {
        let session = self.prompt.pop_front()?;
        if let Some(connection) = self.table.get_mut(session) {
            connection.is_prompt = false;
        }
        Some(session)
    }

    fn next_dirty(&mut self) -> Option<SessionHandle> {
        let session = self.dirty.pop_front()?;
        if let Some(connection) = self.table.get_mut(session) {
            connection.is_dirty = false;
        }
        Some(session)
    }

    pub(in crate::shard) fn has_work(&self) -> bool {
        self.broker.is_busy() || !self.dirty.is_empty() || !self.prompt.is_empty()
    }

    /// Notes that something of its own waits to be written to a connection.
    pub(super) fn mark_prompt(&mut self, session: SessionHandle) {
        if let Some(connection) = self.table.get_mut(session)
            && !connection.is_prompt
            && connection.blocked.is_none()
        {
            connection.is_prompt = true;
            self.prompt.push_back(session);
        }
    }

    fn flush(&mut self, now: Timestamp, session: SessionHandle) {
        let limit = self.settings.max_send_queue;
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        // It may have been written to as one of the other line, and what blocks it then is being waited for.
        if connection.blocked.is_some() || connection.outbound.is_empty() {
            return;
        }
        match connection.outbound.flush(&connection.writer) {
            Ok(flushed) => {
                if connection.is_choked && !connection.outbound.is_over(limit) {
                    connection.is_choked = false;
                    connection.read_on(now);
                }
                if flushed == Flushed::Blocked {
                    connection.blocked = Some(now);
                    self.blocked.push((session, connection.writer.clone()));
                    self.schedule(session);
                }
            }
            Err(error) => self.end(now, session, Ending::lost(error.to_string())),
        }
    }

    /// Remembers who waits for a connection's socket to take something again.
    pub(in crate::shard) fn wait_with(&mut self, session: SessionHandle, waiting: Waiting) {
        if let Some(connection) = self.table.get_mut(session) {
            connection.waiting = Some(waiting);
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
        connection.blocked = None;
        connection.waiting = None;
        match outcome {
            Ok(()) => self.flush(now, session),
            Err(error) => self.end(now, session, Ending::lost(error.to_string())),
        }
    }
}
