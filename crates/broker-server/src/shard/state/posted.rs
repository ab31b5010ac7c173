//! Bodies that clients post who poll: taken in packet by packet, as there is room.

use std::task::{Poll, Waker};

use broker_core::{SessionHandle, SessionId, Timestamp};
use broker_dialect::Action;
use broker_dialect::socketio::engine::RequestError;
use broker_dialect::socketio::engine::payload::{PayloadError, Posted};
use smallvec::SmallVec;

use super::State;
use super::acting::{Ear, ear};
use crate::shard::connection::Connection;
use crate::shard::farewell::{Ending, Farewell, SLOW_CONSUMER, TOO_MANY_MESSAGES};
use crate::shard::lines::Line;

/// Why a request of a client that polls is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PollError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the body is too long")]
    TooLong,
}

impl State {
    /// Expects a body, of which only the head may have come. Two at once end the session, as in the original.
    pub(in crate::shard) fn begin_post(
        &mut self,
        now: Timestamp,
        id: SessionId,
    ) -> Result<SessionHandle, RequestError> {
        let session = self.polled(id)?;
        let connection = self.table.get_mut(session);
        let Some(polling) = connection.and_then(Connection::polling) else {
            return Err(RequestError::BadRequest);
        };
        if std::mem::replace(&mut polling.is_posting, true) {
            self.end(now, session, Ending::out_of_turn("it posted twice at once"));
            return Err(RequestError::BadRequest);
        }
        Ok(session)
    }

    /// Expects no body any more: it was taken in, or was refused without harm.
    pub(in crate::shard) fn end_post(&mut self, session: SessionHandle) {
        let connection = self.table.get_mut(session);
        if let Some(polling) = connection.and_then(Connection::polling) {
            polling.is_posting = false;
        }
    }

    /// Takes what is left of a body to the core. Where the core has no room for more, the rest waits until `waker` is
    /// woken: the client hears that its body was taken once all of it was, and says no more meanwhile.
    pub(in crate::shard) fn poll_post(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        posted: &mut Posted,
        waker: &Waker,
    ) -> Poll<Result<(), PollError>> {
        let Some(connection) = self.table.get_mut(session) else {
            return Poll::Ready(Err(RequestError::UnknownSession.into()));
        };
        if connection.polling().is_none() {
            // A WebSocket has taken over meanwhile, and nothing comes behind what it brings.
            return Poll::Ready(Err(RequestError::BadRequest.into()));
        }
        if !connection.is_read() {
            connection.reader = Some(waker.clone());
            return Poll::Pending;
        }
        let mut ear = ear!(self, now);
        let taken = loop {
            if connection.is_paused(ear.broker) {
                if connection.websocket.is_open() {
                    connection.reader = Some(waker.clone());
                    break Poll::Pending;
                }
                connection.lose();
                break Poll::Ready(Err(RequestError::UnknownSession.into()));
            }
            match ear.take_packet(connection, posted) {
                Some(Ok(())) => {}
                Some(Err(error)) => break Poll::Ready(Err(error)),
                None => break Poll::Ready(Ok(())),
            }
        };
        if connection.has_queued() {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
        }
        let is_over = !connection.websocket.is_open();
        let moves = ear.moves;
        self.settle(session, moves);
        if taken.is_ready() {
            self.end_post(session);
        }
        if is_over {
            // Whoever polls hears that it is over; nobody is waited for.
            self.answer_poll(now, session);
            self.end(now, session, Ending::lost(""));
        } else {
            self.schedule(session);
        }
        taken
    }
}

impl Ear<'_> {
    /// Does what the next packet of a body asks for, if there is one.
    fn take_packet(
        &mut self,
        connection: &mut Connection,
        posted: &mut Posted,
    ) -> Option<Result<(), PollError>> {
        let now = self.now;
        let dialect = connection.dialect.socketio()?;
        let mut actions = SmallVec::<[Action; 1]>::new();
        let received = dialect.receive_posted(now, posted, &mut |action| actions.push(action))?;
        let per_second = self.settings.messages_per_second();
        if actions.iter().any(counts)
            && per_second.is_some_and(|per_second| !connection.pace.admit(now, per_second))
        {
            return Some(Err(self.give_up(connection, TOO_MANY_MESSAGES)));
        }
        for action in actions {
            self.act(connection, action);
        }
        // Replies are queued whatever the limit, and whoever asks for more and fetches nothing is given up.
        if connection.queued_bytes() > 2 * self.settings.max_send_queue {
            return Some(Err(self.give_up(connection, SLOW_CONSUMER)));
        }
        Some(match received {
            Ok(()) => Ok(()),
            Err(PayloadError::TooLong { .. }) => Err(PollError::TooLong),
            Err(_) => Err(RequestError::BadRequest.into()),
        })
    }

    /// Closes a connection that goes on in spite of its limits; what the client is told of the rest of its body.
    fn give_up(&mut self, connection: &mut Connection, farewell: Farewell) -> PollError {
        self.close(connection, farewell);
        RequestError::UnknownSession.into()
    }
}

/// Whether an action is one of `messages_per_second`.
fn counts(action: &Action) -> bool {
    matches!(
        action,
        Action::Say { .. } | Action::Acknowledge { .. } | Action::Enter { .. }
    )
}
