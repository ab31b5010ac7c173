//! Doing what a dialect makes of a client's words.

use std::fmt::Display;

use broker_core::{Broker, Effects, SessionHandle, Timestamp, close_code};
use broker_dialect::socketio::NamespaceIndex;
use broker_dialect::{Action, Incoming, Sessions, Words};
use broker_transport::ws::Deflater;
use smallvec::SmallVec;

use crate::counters::Closed;
use crate::shard::Settings;
use crate::shard::complaints::{Complaints, left_out};
use crate::shard::connection::Connection;
use crate::shard::farewell::Farewell;
use crate::shard::lobby::Lobby;

/// What it takes to do what a dialect makes of a client's words.
pub(super) struct Ear<'a> {
    pub(super) now: Timestamp,
    pub(super) deflater: &'a mut Deflater,
    pub(super) broker: &'a mut Broker,
    pub(super) effects: &'a mut Effects,
    pub(super) settings: &'a Settings,
    pub(super) lobby: &'a mut Lobby,
    pub(super) complaints: &'a mut Complaints,
    /// For [`State::settle`].
    pub(super) moves: Moves,
}

/// Sessions of namespaces that a connection has gained and lost, in order.
pub(super) type Moves = SmallVec<[Move; 1]>;

/// The session of a namespace has come or gone.
#[derive(Debug)]
pub(super) enum Move {
    Entered(NamespaceIndex, SessionHandle),
    Left(SessionHandle),
}

/// An [`Ear`] of a shard's state: all but its table, which lends the connection.
macro_rules! ear {
    ($state:expr, $now:expr) => {
        $crate::shard::state::acting::Ear {
            now: $now,
            deflater: &mut $state.deflater,
            broker: &mut $state.broker,
            effects: &mut $state.effects,
            settings: &$state.settings,
            lobby: &mut $state.lobby,
            complaints: &mut $state.troubles.frames,
            moves: Default::default(),
        }
    };
}

pub(super) use ear;

impl Ear<'_> {
    /// Has a connection's dialect read a message, and does what it says; whether that was a reply.
    pub(super) fn hear(&mut self, connection: &mut Connection, incoming: Incoming<'_>) -> bool {
        // While it is closing nothing is kept for later, since the close frame that we wait for comes behind it.
        if !connection.websocket.is_open() && connection.is_paused(self.broker) {
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
    pub(super) fn act(&mut self, connection: &mut Connection, action: Action) -> bool {
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
                self.reply(connection, &reply);
                return true;
            }
            Action::Enter {
                namespace,
                name,
                auth,
            } => return self.enter(connection, namespace, name, auth),
            Action::Leave { namespace } => self.leave(connection, namespace),
            Action::Say {
                namespace,
                message,
                token,
            } => {
                let Some(session) = connection.namespaces.session(namespace) else {
                    return false;
                };
                tracing::debug!(event = "from_client", conn = %connection.id, body = message.text());
                match token {
                    Some(token) => broker.ask(now, session, message, token, effects),
                    None => broker.receive(now, session, message, effects),
                }
            }
            Action::Acknowledge {
                namespace,
                ack,
                args,
            } => {
                if let Some(session) = connection.namespaces.session(namespace) {
                    broker.acknowledge(now, session, ack, args, effects);
                }
            }
            Action::AbandonUpgrade => {
                if let Some(polling) = connection.polling() {
                    polling.probe = None;
                }
            }
            Action::Refuse { code, reason } => {
                let cause = match code {
                    close_code::NORMAL => Closed::ByClient,
                    close_code::TOO_BIG => Closed::MessageTooBig,
                    close_code::NO_PONG => Closed::NoPong,
                    _ => Closed::Dialect,
                };
                self.close(connection, Farewell::new(code, reason, cause));
            }
        }
        false
    }

    /// Begins the close handshake with a connection, if it is open.
    pub(super) fn close(&mut self, connection: &mut Connection, farewell: Farewell) {
        if connection.close(self.now, farewell) {
            connection.tell_closing(self.broker);
        }
    }

    /// Says something to a client, whatever its queue holds.
    pub(super) fn reply(&mut self, connection: &mut Connection, words: &Words) {
        match (connection.dialect.kind().sessions(), words) {
            // Conformance suites, for which endpoints without a backend are there, want to see what was agreed on.
            (Sessions::Untold, Words::Message(message)) => {
                let window = connection.websocket.window();
                let frames = self.deflater.frame_always(message, window);
                connection.outbound.push_control(frames);
            }
            (Sessions::Untold | Sessions::One | Sessions::PerNamespace, _) => {
                connection.say(words, self.deflater);
            }
        }
    }

    /// Lets go of something that a client has said and that makes no sense.
    pub(super) fn pass_over(&mut self, connection: &Connection, why: &dyn Display) {
        self.settings.counters.count_passed_over();
        if let Some(count) = self.complaints.admit(self.now) {
            let more = left_out(count);
            tracing::warn!(event = "passed_over", conn = %connection.id, "a message of the client's is passed over: {why}{more}");
        } else {
            tracing::debug!(event = "passed_over", conn = %connection.id, "a message of the client's is passed over: {why}");
        }
    }
}
