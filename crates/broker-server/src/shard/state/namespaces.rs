//! The sessions of namespaces: entering, leaving, being put out.

use broker_core::{
    Broker, Entrance, Failure, Opening, Refusal, SessionHandle, SessionId, Timestamp, close_code,
    json,
};
use broker_dialect::Words;
use broker_dialect::socketio::NamespaceIndex;
use http::StatusCode;

use super::State;
use super::acting::{Ear, Move, Moves};
use crate::config::Connect;
use crate::counters::Closed;
use crate::random;
use crate::shard::connection::Connection;
use crate::shard::farewell::{BACKEND_AWAY, Farewell, HOLD_FULL};
use crate::shard::lines::Line;
use crate::shard::lobby::Lobby;

/// What a client is told that the backend does not let in, where the backend does not say more.
const REFUSED: &str = "the backend does not let it in";

/// What one is told that nobody can let into a further namespace at present.
const AWAY: &str = "the backend is away";

impl Ear<'_> {
    /// Opens a session for a namespace that a client wants to enter; whether that was answered.
    pub(super) fn enter(
        &mut self,
        connection: &mut Connection,
        namespace: NamespaceIndex,
        name: Box<str>,
        auth: Box<str>,
    ) -> bool {
        // Nobody enters through a door that is being closed.
        if !connection.websocket.is_open() {
            return false;
        }
        let tells_backend = self.settings.tells_backend;
        let max_session = self.settings.config.limits.max_session.bytes();
        let id = SessionId::new(connection.id.shard(), random::bytes());
        let base = self.broker.session(connection.session);
        let opening = base.and_then(|base| {
            let info = base.info.for_session(id, max_session).ok()?;
            let mut opening = Opening::new(id, info);
            opening.order = base.order;
            opening.handshake = base.handshake.clone();
            Some(opening)
        });
        let Some(mut opening) = opening else {
            let what = "the session is over the limit max_session";
            return self.refuse(connection, namespace, what);
        };
        if auth.len() > max_session {
            return self.refuse(connection, namespace, "auth is over the limit max_session");
        }
        if tells_backend && !self.broker.has_room_for_session() {
            if is_outside(connection, self.lobby) {
                self.close(connection, HOLD_FULL);
                return false;
            }
            return self.refuse(connection, namespace, &HOLD_FULL.reason);
        }
        tracing::debug!(event = "entered", conn = %id, body = &*name, "a namespace, by {}", connection.id);
        opening.entrance = Some(Box::new(Entrance {
            namespace: name,
            auth,
        }));
        opening.is_told = tells_backend;
        opening.is_asked = tells_backend && self.settings.config.backend.connect == Connect::Wait;
        let is_asked = opening.is_asked;
        let session = self.broker.open(self.now, opening, self.effects);
        connection.namespaces.insert(namespace, session);
        self.moves.push(Move::Entered(namespace, session));
        if is_asked {
            self.lobby.expect(session);
            return false;
        }
        let words = connection.dialect.entered(namespace, id);
        if let Some(words) = &words {
            self.reply(connection, words);
        }
        words.is_some()
    }

    fn refuse(
        &mut self,
        connection: &mut Connection,
        namespace: NamespaceIndex,
        why: &str,
    ) -> bool {
        tracing::debug!(event = "refused", conn = %connection.id, "a namespace: {why}");
        let words = connection.dialect.refused(self.now, namespace, why, None);
        if let Some(words) = words {
            self.reply(connection, &words);
        }
        true
    }

    /// Ends the session of a namespace that a client has left.
    pub(super) fn leave(&mut self, connection: &mut Connection, namespace: NamespaceIndex) {
        if let Some(session) = connection.namespaces.remove(namespace) {
            self.moves.push(Move::Left(session));
            let reason = "client namespace disconnect";
            let code = close_code::NORMAL;
            log_left(self.broker, session, code, reason);
            self.broker
                .close(self.now, session, code, reason, self.effects);
        }
    }
}

impl State {
    /// Takes note of which sessions of namespaces a connection has gained and lost.
    pub(super) fn settle(&mut self, carrier: SessionHandle, moves: Moves) {
        for moved in moves {
            match moved {
                Move::Entered(namespace, session) => {
                    self.table.insert_namespace(session, namespace, carrier);
                }
                Move::Left(session) => self.table.remove_namespace(session),
            }
        }
    }

    /// Lets a client into a namespace, as the backend has decided.
    pub(in crate::shard) fn let_in(&mut self, now: Timestamp, session: SessionHandle) {
        let guest = self.lobby.leave(session);
        let id = self.broker.session(session).map(|session| session.id);
        let words = match (self.table.carrying(session), id) {
            (Some((Some(namespace), connection)), Some(id)) => {
                connection.dialect.entered(namespace, id)
            }
            _ => None,
        };
        if let Some(words) = words {
            self.say(session, &words);
        }
        if let Some(guest) = guest {
            self.welcome(now, session, guest);
        }
    }

    /// Tells a client that it may not enter a namespace; its session has ended. Where nobody could decide on that, one that is
    /// in no other loses its connection instead: then it comes back by itself, which whoever is told no does not.
    pub(in crate::shard) fn turn_away(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        refusal: &Refusal,
    ) {
        let page = self
            .lobby
            .leave(session)
            .and_then(|guest| guest.into_page());
        let body = page
            .as_ref()
            .map(|page| String::from_utf8_lossy(&page.body));
        let told = explained(refusal, body.as_deref());
        let Some((Some(namespace), connection)) = self.table.carrying(session) else {
            return;
        };
        connection.namespaces.remove(namespace);
        let carrier = connection.session;
        if told.is_none() && is_outside(connection, &self.lobby) {
            self.table.remove_namespace(session);
            return self.close(now, carrier, BACKEND_AWAY);
        }
        let (message, details) = told.unwrap_or_else(|| (AWAY.to_owned(), None));
        let words = connection
            .dialect
            .refused(now, namespace, &message, details.as_deref());
        self.table.remove_namespace(session);
        if let Some(words) = words {
            self.say(carrier, &words);
        }
    }

    /// Puts a client out of a namespace; its session ends with that code and reason.
    pub(super) fn put_out(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        (namespace, carrier): (NamespaceIndex, SessionHandle),
        farewell: &Farewell,
    ) {
        // A client of Socket.IO comes back by itself when its connection is lost, but not when it is put out.
        if farewell.cause == Closed::HoldFull {
            return self.close(now, carrier, farewell.clone());
        }
        let Some(connection) = self.table.get_mut(carrier) else {
            return;
        };
        let words = connection.dialect.put_out(now, namespace);
        connection.namespaces.remove(namespace);
        if let Some(words) = words {
            self.say(session, &words);
        }
        self.table.remove_namespace(session);
        let Farewell { code, reason, .. } = farewell;
        log_left(&self.broker, session, *code, reason);
        self.broker
            .close(now, session, *code, reason, &mut self.effects);
        // What it was not read for may have been lacking in this namespace alone.
        self.resume(now, carrier);
    }

    /// Ends the sessions of all namespaces of a connection that ends.
    pub(super) fn end_namespaces(
        &mut self,
        now: Timestamp,
        sessions: Vec<SessionHandle>,
        code: u16,
        reason: &str,
    ) {
        for session in sessions {
            self.lobby.leave(session);
            self.table.remove_namespace(session);
            self.broker
                .close(now, session, code, reason, &mut self.effects);
        }
    }

    /// Queues words for the connection that carries a session, whatever its queue holds, unless it is closing: a client has to
    /// know where it stands.
    fn say(&mut self, session: SessionHandle, words: &Words) {
        let Some((_, connection)) = self.table.carrying(session) else {
            return;
        };
        if connection.websocket.is_open() {
            connection.say(words, &mut self.deflater);
            let carrier = connection.session;
            self.lines
                .enter(Line::Prompt, carrier, &mut connection.writing);
        }
    }
}

fn log_left(broker: &Broker, session: SessionHandle, code: u16, reason: &str) {
    if let Some(session) = broker.session(session) {
        tracing::debug!(event = "left", conn = %session.id, status = code, "{reason}");
    }
}

/// Whether a client is in no namespace, however many it waits for.
fn is_outside(connection: &Connection, lobby: &Lobby) -> bool {
    let mut sessions = connection.namespaces.sessions();
    sessions.all(|session| lobby.has(session))
}

/// The message and the details of a refusal, if the backend has decided on it: a JSON body is the details, and its `message`
/// the message; any other body is the message.
fn explained(refusal: &Refusal, body: Option<&str>) -> Option<(String, Option<String>)> {
    let status = match refusal {
        Refusal::Backend(Failure::Status { code, .. }) if (400..500).contains(code) => *code,
        Refusal::Closed => return Some((REFUSED.to_owned(), None)),
        Refusal::Backend(_) | Refusal::Away(_) => return None,
    };
    let body = body.map(str::trim).filter(|body| !body.is_empty());
    let named = || {
        let status = StatusCode::from_u16(status).ok();
        let reason = status.and_then(|status| status.canonical_reason());
        reason.unwrap_or(REFUSED).to_owned()
    };
    Some(match body {
        None => (named(), None),
        Some(body) if json::check(body.as_bytes()).is_ok() => {
            let members = json::members(body).ok().flatten().unwrap_or_default();
            let message = members.last("message").and_then(json::string);
            let message = message.map_or_else(named, |message| message.into_owned());
            (message, Some(body.to_owned()))
        }
        Some(body) => (body.to_owned(), None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, body: &str, expected: Option<(&str, Option<&str>)>) {
        let refusal = Refusal::Backend(Failure::Status {
            code,
            retry_after: None,
        });
        let explained = explained(&refusal, Some(body));
        let explained = explained.as_ref();
        let told = explained.map(|(message, details)| (&**message, details.as_deref()));
        assert_eq!(told, expected);
    }

    #[test]
    fn a_refusal_says_what_the_backend_says() {
        check(403, "", Some(("Forbidden", None)));
        check(401, " no token\n", Some(("no token", None)));
        let details = r#"{"message":"no","left":2}"#;
        check(403, details, Some(("no", Some(details))));
        check(403, r#"["a"]"#, Some(("Forbidden", Some(r#"["a"]"#))));
        check(503, "down for maintenance", None);
        let closed = Some((REFUSED.to_owned(), None));
        assert_eq!(explained(&Refusal::Closed, None), closed);
    }
}
