//! Connections that are polled, and the WebSockets that take over from polls.

use std::rc::Rc;

use broker_core::{SessionHandle, SessionId, Timestamp};
use broker_dialect::socketio::engine::payload::Body;
use broker_dialect::socketio::engine::{Probe, RequestError};
use broker_dialect::{Incoming, Words};
use broker_transport::ws::{Event, WebSocket, Window, encode};
use broker_transport::{Outbound, Writer};
use tokio::sync::oneshot;

use super::State;
use crate::load::Seat;
use crate::shard::connection::{Connection, Waiting, Way};
use crate::shard::farewell::Ending;
use crate::shard::lines::Line;

impl State {
    /// Notes by what name a connection is polled.
    pub(in crate::shard) fn note_polled(&mut self, id: SessionId, session: SessionHandle) {
        self.polled.insert(id, session);
    }

    /// The connection that is polled by this name.
    pub(in crate::shard) fn polled(
        &mut self,
        id: SessionId,
    ) -> Result<SessionHandle, RequestError> {
        let session = self.polled.get(&id).copied();
        session.ok_or(RequestError::UnknownSession)
    }

    /// Takes a poll, which is answered once there is something to say. Two at once end the session, as in the original.
    pub(in crate::shard) fn poll(
        &mut self,
        now: Timestamp,
        id: SessionId,
    ) -> Result<(SessionHandle, oneshot::Receiver<Body>), RequestError> {
        let session = self.polled(id)?;
        let Some(connection) = self.table.get_mut(session) else {
            return Err(RequestError::UnknownSession);
        };
        let (Some(dialect), Way::Polls(polling)) =
            (connection.dialect.socketio(), &mut connection.way)
        else {
            return Err(RequestError::BadRequest);
        };
        if polling.is_polled() {
            self.end(now, session, Ending::out_of_turn("it polled twice at once"));
            return Err(RequestError::BadRequest);
        }
        let polled = polling.wait();
        if !dialect.may_poll_wait() {
            polling.release(dialect);
        }
        self.answer_poll(now, session);
        Ok((session, polled))
    }

    /// Answers the poll that waits, if there is something to say. With the last word a connection that is closing ends.
    pub(super) fn answer_poll(&mut self, now: Timestamp, session: SessionHandle) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        if let (Some(dialect), Way::Polls(polling)) =
            (connection.dialect.socketio(), &mut connection.way)
        {
            polling.answer(dialect);
            let has_said_all = polling.is_empty();
            if has_said_all && !connection.websocket.is_open() {
                self.end(now, session, Ending::lost(""));
            }
        }
    }

    /// A client's request was cut off, or the WebSocket that it has gone over to.
    pub(in crate::shard) fn lose_client(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        why: &'static str,
    ) {
        self.end(now, session, Ending::lost(why));
    }

    /// A WebSocket has come by the name of a connection that is polled; gives the connection, if it may try to take over.
    pub(in crate::shard) fn begin_upgrade(
        &mut self,
        now: Timestamp,
        id: SessionId,
    ) -> Option<SessionHandle> {
        let session = self.polled(id).ok()?;
        let connection = self.table.get_mut(session)?;
        connection.dialect.socketio()?.begin_upgrade(now).ok()?;
        self.schedule(session);
        Some(session)
    }

    /// Remembers the task that serves a WebSocket which is to take over; it ends with the connection.
    pub(in crate::shard) fn probe_with(&mut self, session: SessionHandle, waiting: Waiting) {
        let connection = self.table.get_mut(session);
        if let Some(polling) = connection.and_then(Connection::polling) {
            polling.probe = Some(waiting);
        }
    }

    /// The state of a WebSocket that is to take over from the polls of a session.
    pub(in crate::shard) fn new_websocket(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        window: Option<Window>,
    ) -> Option<WebSocket> {
        let connection = self.table.get_mut(session)?;
        let settings = connection.websocket.settings().clone();
        Some(WebSocket::new(settings, now).with_compression(window))
    }

    /// Hears a WebSocket out that is to take over, and queues what it is answered; says how far it has come. What it has
    /// said behind that stays in `bytes`.
    pub(in crate::shard) fn probe(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        websocket: &mut WebSocket,
        bytes: &mut &mut [u8],
        answers: &mut Outbound,
    ) -> Probed {
        let Some(connection) = self.table.get_mut(session) else {
            return Probed::OfNoUse;
        };
        let (Some(dialect), Way::Polls(polling)) =
            (connection.dialect.socketio(), &mut connection.way)
        else {
            return Probed::OfNoUse;
        };
        let mut probed = Probed::GoesOn;
        while probed == Probed::GoesOn
            && let Some(event) = websocket.receive(now, &mut self.inflater, bytes)
        {
            let message = match &event {
                Event::Text(text) => Incoming::Text(text),
                Event::Binary(payload) => Incoming::Binary(payload),
                Event::Ping(payload) => {
                    answers.push_control(encode::pong(payload));
                    continue;
                }
                Event::Pong(_) => continue,
                Event::Closed { .. } | Event::Failed { .. } => {
                    probed = Probed::OfNoUse;
                    continue;
                }
            };
            match dialect.receive_probe(now, message) {
                Probe::Answer(control) => {
                    polling.release(dialect);
                    let packet = control.encoded();
                    let text = String::from_utf8_lossy(packet.text_packet());
                    answers.push_control(encode::text(&text));
                }
                Probe::Upgraded => probed = Probed::Upgraded,
                Probe::Abandon => probed = Probed::OfNoUse,
            }
        }
        self.schedule(session);
        probed
    }

    /// The WebSocket that was to take over is gone.
    pub(in crate::shard) fn abandon_upgrade(&mut self, session: SessionHandle) {
        if let Some(connection) = self.table.get_mut(session)
            && let Some(dialect) = connection.dialect.socketio()
        {
            dialect.abandon_upgrade();
        }
    }

    /// A WebSocket takes over: what waits goes by it. The seat of the connection, whose reader has to be begun.
    pub(in crate::shard) fn take_over(
        &mut self,
        session: SessionHandle,
        websocket: WebSocket,
        writer: Writer,
    ) -> Option<Seat> {
        let connection = self.table.get_mut(session)?;
        let dialect = connection.dialect.socketio()?;
        let revision = dialect.revision();
        let Way::Polls(polling) = &mut connection.way else {
            return None;
        };
        // One that is being closed says its last word by polling.
        if !connection.websocket.is_open() {
            return None;
        }
        polling.release(dialect);
        let waiting = polling.take();
        let way = std::mem::replace(&mut connection.way, Way::Socket(Rc::new(writer)));
        connection.websocket = websocket;
        for packet in waiting {
            connection.say(&Words::Packet(packet, revision), &mut self.deflater);
        }
        if !connection.intake.is_open() {
            connection.websocket.pause();
        }
        self.polled.remove(&connection.id);
        // A body that waits to be taken in has come too late.
        connection.wake_reader();
        if !connection.outbound.is_empty() {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
        }
        self.schedule(session);
        match way {
            Way::Polls(polling) => Some(polling.into_seat()),
            Way::Socket(_) => None,
        }
    }
}

/// How far a WebSocket has come that is to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probed {
    /// Its client has more to say first.
    GoesOn,
    /// It takes over now.
    Upgraded,
    OfNoUse,
}
