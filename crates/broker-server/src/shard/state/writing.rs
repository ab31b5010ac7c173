//! From a message to its receivers' sockets.

use std::io;

use broker_core::{Message, Notice, SessionHandle, Timestamp};
use broker_dialect::EncodeError;
use broker_transport::Flushed;

use super::State;
use crate::config::SlowConsumer;
use crate::shard::connection::{Waiting, Way};
use crate::shard::farewell::{Ending, SLOW_CONSUMER};
use crate::shard::frames::{Frames, Saying};
use crate::shard::intake::Lack;
use crate::shard::lines::Line;
use crate::shard::lobby::Kept;

/// A message for no more recipients than this is no fan-out, and goes out before those that are.
const FAN_OUT: usize = 16;

/// What has become of something for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queued {
    Yes,
    /// There was no room.
    No,
    /// The recipient hears nothing, yet or any more, or its dialect has no words for this.
    NotHeard,
}

fn line_of(recipients: &[SessionHandle]) -> Line {
    if recipients.len() > FAN_OUT {
        Line::FanOut
    } else {
        Line::Prompt
    }
}

impl State {
    /// Queues a message for its recipients; returns how many of them do not get it, for want of room or since they have
    /// just been closed.
    pub(in crate::shard) fn deliver(
        &mut self,
        now: Timestamp,
        message: &Message,
        recipients: &[SessionHandle],
    ) -> usize {
        let mut frames = Frames::of(Saying::Message(message));
        let line = line_of(recipients);
        let mut dropped = 0;
        let mut unspeakable = None;
        for &session in recipients {
            match self.queue(now, session, line, &mut frames) {
                Ok(Queued::Yes) => {}
                Ok(Queued::No) => dropped += 1,
                // A namespace that its client has still to be let into has a connection already.
                Ok(Queued::NotHeard) => {
                    let limit = self.settings.max_send_queue;
                    let kept = self.lobby.keep(session, message, limit);
                    dropped += usize::from(kept != Kept::Yes);
                    if kept == Kept::NoRoom {
                        self.meet_slow_consumer(now, session);
                    }
                }
                Err(error) => {
                    unspeakable.get_or_insert_with(|| error.to_string());
                    dropped += 1;
                }
            }
        }
        if let Some(why) = unspeakable {
            let what = format!("a message for clients: {why}; it is not sent");
            self.complain(now, None, &what);
        }
        dropped
    }

    /// Queues what the broker has to say to these. Who is just being closed does not hear it.
    pub(in crate::shard) fn notify(
        &mut self,
        now: Timestamp,
        notice: &Notice,
        recipients: &[SessionHandle],
    ) {
        let mut frames = Frames::of(Saying::Notice(notice));
        let line = line_of(recipients);
        for &session in recipients {
            if let Err(error) = self.queue(now, session, line, &mut frames) {
                let what = format!("an answer to the client: {error}; it is not sent");
                self.complain(now, Some(session), &what);
            }
        }
    }

    /// Queues something for one recipient.
    ///
    /// # Errors
    /// When the recipient's dialect cannot say it.
    fn queue<'f>(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        line: Line,
        frames: &'f mut Frames<'_>,
    ) -> Result<Queued, &'f EncodeError> {
        let Some((namespace, connection)) = self.table.carrying(session) else {
            return Ok(Queued::NotHeard);
        };
        let audience = connection.dialect.audience(namespace);
        let Some(audience) = audience.filter(|_| connection.websocket.is_open()) else {
            return Ok(Queued::NotHeard);
        };
        let limit = self.settings.max_send_queue;
        let kind = connection.dialect.kind();
        let queued = match &mut connection.way {
            Way::Polls(polling) => {
                let words = frames.words(kind, &audience)?;
                words.map(|words| (polling.push(words, limit), words.asks()))
            }
            Way::Socket(_) => {
                let window = connection.websocket.window();
                let framed = frames.framed(kind, &audience, window, &mut self.deflater)?;
                let outbound = &mut connection.outbound;
                framed.map(|framed| (outbound.push(framed.frames, limit), framed.asks))
            }
        };
        let Some((queued, asks)) = queued else {
            return Ok(Queued::NotHeard);
        };
        if queued.is_err() {
            self.on_behalf_of(now, session, |state| state.meet_slow_consumer(now, session));
            return Ok(Queued::No);
        }
        if let (Some(namespace), Some(ack)) = (namespace, asks) {
            connection.dialect.expect(namespace, ack);
        }
        let carrier = connection.session;
        self.lines.enter(line, carrier, &mut connection.writing);
        Ok(Queued::Yes)
    }

    pub(super) fn meet_slow_consumer(&mut self, now: Timestamp, session: SessionHandle) {
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
                if let Some((_, connection)) = self.table.carrying(session) {
                    connection.discard();
                    let carrier = connection.session;
                    return self.close(now, carrier, SLOW_CONSUMER);
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
        if connection.polling().is_some() {
            return self.answer_poll(now, session);
        }
        // It may have been written to as one of the other line, and what blocks it then is being waited for.
        if connection.writing.is_blocked() || connection.outbound.is_empty() {
            return;
        }
        let Way::Socket(writer) = &connection.way else {
            return;
        };
        let writer = writer.clone();
        match connection.outbound.flush(&writer) {
            Ok(flushed) => {
                if !connection.outbound.is_over(limit) {
                    connection.read_on(now, Lack::Queue);
                }
                if flushed == Flushed::Blocked {
                    connection.writing.block(now);
                    self.blocked.push((session, writer));
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
