//! Socket.IO as a dialect of the broker's: what its packets ask of the core, and the core's words in packets.

use std::borrow::Cow;
use std::collections::VecDeque;

use broker_core::{
    ClientMessage, Message, Notice, RequestToken, SessionId, Timestamp, close_code, json,
};

use super::{Connection, NamespaceIndex, connection, encode};
use crate::socketio::engine::payload::{self, Body, PayloadError, Posted};
use crate::socketio::engine::{Encoded, Probe, Revision, UpgradeError};
use crate::{Action, Audience, Dialect, EncodeError, Incoming, Outgoing, Sessions, Start, Words};

/// How many acknowledgements of one connection may be waited for; of more, the oldest are not waited for any longer.
pub const AWAITED_ACKS_MAX: usize = 1024;

/// A connection of the dialect. Boxed, since connections of other dialects have next to no state.
#[derive(Debug)]
pub struct Socketio(Box<State>);

#[derive(Debug)]
struct State {
    connection: Connection,
    /// What the client was asked to acknowledge and has not, oldest first. An acknowledgement of anything else is made up.
    awaited: Awaited,
}

impl Dialect for Socketio {
    const NAME: &'static str = "socketio";
    const SESSIONS: Sessions = Sessions::PerNamespace;

    fn open(start: &Start<'_>, act: &mut impl FnMut(Action)) -> Socketio {
        let settings = start.options.socketio.clone();
        let (mut entering, mut awaited) = (Vec::new(), Awaited::default());
        let connection = Connection::open(
            start.now,
            start.revision,
            start.transport,
            settings,
            &mut |action| {
                translate(action, start.revision, &mut awaited, &mut |action| {
                    entering.push(action);
                });
            },
        );
        let greeting = connection.open_packet(&start.id.to_string());
        act(Action::Reply(Words::Packet(greeting, start.revision)));
        entering.into_iter().for_each(act);
        Socketio(Box::new(State {
            connection,
            awaited,
        }))
    }

    fn receive(&mut self, now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
        let State {
            connection,
            awaited,
        } = &mut *self.0;
        let revision = connection.session().revision();
        connection.receive(now, incoming, &mut |action| {
            translate(action, revision, awaited, act);
        });
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.0.connection.next_deadline()
    }

    fn handle_timeout(&mut self, now: Timestamp, is_heard: bool, act: &mut impl FnMut(Action)) {
        let State {
            connection,
            awaited,
        } = &mut *self.0;
        let revision = connection.session().revision();
        connection.handle_timeout(now, is_heard, &mut |action| {
            translate(action, revision, awaited, act);
        });
    }

    fn read_on(&mut self, now: Timestamp) {
        self.0.connection.read_on(now);
    }

    fn audience(&self, namespace: Option<NamespaceIndex>) -> Option<Audience<'_>> {
        let connection = &self.0.connection;
        let name = connection.entered_namespace(namespace?)?;
        Some(Audience::Namespace(name, connection.session().revision()))
    }

    fn encode(audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError> {
        match audience {
            Audience::Namespace(name, revision) => {
                Ok(Words::Packet(encode::message(name, message)?, *revision))
            }
            // Nothing is sent to a connection but in a namespace.
            Audience::Dialect => Ok(Words::Message(Outgoing::of(message))),
        }
    }

    fn notice(audience: &Audience<'_>, notice: &Notice) -> Result<Option<Words>, EncodeError> {
        let Audience::Namespace(name, revision) = audience else {
            return Ok(None);
        };
        let Notice::Answer { token, message, .. } = notice else {
            // Clients of Socket.IO have no names, so that nobody has a message for them.
            return Ok(None);
        };
        let Ok(ack) = token.text().parse() else {
            return Ok(None);
        };
        let message = message.as_deref().map(String::from_utf8_lossy);
        let args = arguments(message.as_deref());
        let packet = encode::acknowledgement(name, ack, &args)?;
        Ok(Some(Words::Packet(packet, *revision)))
    }

    fn expect(&mut self, namespace: NamespaceIndex, ack: u64) {
        self.0.awaited.expect(namespace, ack);
    }

    fn entered(&mut self, namespace: NamespaceIndex, id: SessionId) -> Option<Words> {
        let packet = self.0.connection.entered(namespace, &id.to_string());
        self.in_packets(packet)
    }

    fn refused(
        &mut self,
        now: Timestamp,
        namespace: NamespaceIndex,
        message: &str,
        details: Option<&str>,
    ) -> Option<Words> {
        let packet = self.0.connection.refused(now, namespace, message, details);
        self.in_packets(packet)
    }

    fn put_out(&mut self, now: Timestamp, namespace: NamespaceIndex) -> Option<Words> {
        self.0.awaited.forget(namespace);
        let packet = self.0.connection.put_out(now, namespace);
        self.in_packets(packet)
    }
}

impl Socketio {
    /// Takes the next packet of a body that the client has posted; nothing once there is none that counts.
    ///
    /// # Errors
    /// When the body is refused, from this packet on or as a whole. But for one that is too long it ends the connection,
    /// which `act` is told as well.
    pub fn receive_posted(
        &mut self,
        now: Timestamp,
        posted: &mut Posted,
        act: &mut impl FnMut(Action),
    ) -> Option<Result<(), PayloadError>> {
        let State {
            connection,
            awaited,
        } = &mut *self.0;
        let revision = connection.session().revision();
        connection.receive_posted(now, posted, &mut |action| {
            translate(action, revision, awaited, act);
        })
    }

    /// Writes the body for a poll; see [`payload::encode`].
    #[must_use]
    pub fn write_body(&self, takes_binary: bool, waiting: &[Encoded]) -> Body {
        let session = self.0.connection.session();
        let bytes_max = session.settings().max_payload;
        payload::encode(session.revision(), takes_binary, waiting, bytes_max)
    }

    /// Whether a poll with nothing to fetch has to wait.
    #[must_use]
    pub fn may_poll_wait(&self) -> bool {
        self.0.connection.session().may_poll_wait()
    }

    /// A WebSocket arrived that names this session.
    ///
    /// # Errors
    /// When it can't take over.
    pub fn begin_upgrade(&mut self, now: Timestamp) -> Result<(), UpgradeError> {
        self.0.connection.begin_upgrade(now)
    }

    /// Takes a message of a WebSocket that is to take over.
    pub fn receive_probe(&mut self, now: Timestamp, message: Incoming<'_>) -> Probe {
        self.0.connection.receive_probe(now, message)
    }

    /// The WebSocket that was to take over is gone.
    pub fn abandon_upgrade(&mut self) {
        self.0.connection.abandon_upgrade();
    }

    /// The protocol that the client speaks.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.connection.session().revision()
    }

    fn in_packets(&self, packet: Option<Encoded>) -> Option<Words> {
        let revision = self.0.connection.session().revision();
        packet.map(|packet| Words::Packet(packet, revision))
    }
}

/// The acknowledgements that the client was asked for and has not given, oldest first; at most [`AWAITED_ACKS_MAX`].
#[derive(Debug, Default)]
struct Awaited(VecDeque<(NamespaceIndex, u64)>);

impl Awaited {
    fn expect(&mut self, namespace: NamespaceIndex, ack: u64) {
        if self.0.len() >= AWAITED_ACKS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((namespace, ack));
    }

    /// Whether this one was waited for, which it is not any more.
    fn take(&mut self, namespace: NamespaceIndex, ack: u64) -> bool {
        let mut acks = self.0.iter();
        let place = acks.position(|known| *known == (namespace, ack));
        place.and_then(|place| self.0.remove(place)).is_some()
    }

    /// Waits for none in a namespace that the client is out of.
    fn forget(&mut self, namespace: NamespaceIndex) {
        self.0.retain(|(known, _)| *known != namespace);
    }
}

/// What a connection of Socket.IO wants done, in the terms of all dialects.
fn translate(
    action: connection::Action<'_>,
    revision: Revision,
    awaited: &mut Awaited,
    act: &mut impl FnMut(Action),
) {
    act(match action {
        connection::Action::Enter {
            namespace,
            name,
            auth,
        } => Action::Enter {
            namespace,
            name: name.into(),
            auth: auth.into(),
        },
        connection::Action::Leave { namespace } => {
            awaited.forget(namespace);
            Action::Leave { namespace }
        }
        connection::Action::Event {
            namespace,
            event,
            ack,
        } => match ClientMessage::parse(&event.to_message()) {
            Ok(message) => Action::Say {
                namespace,
                message,
                token: ack.map(RequestToken::from),
            },
            Err(_) => Action::Refuse {
                code: close_code::PROTOCOL_ERROR,
                reason: Cow::Borrowed("the peer sent arguments that cannot be passed on"),
            },
        },
        connection::Action::Acknowledged {
            namespace,
            ack,
            args,
        } if awaited.take(namespace, ack) => Action::Acknowledge {
            namespace,
            ack,
            args: args.to_list().into(),
        },
        connection::Action::Acknowledged { .. } => {
            Action::PassOver("an acknowledgement of what was not asked")
        }
        connection::Action::Send(packet) => Action::Reply(Words::Packet(packet, revision)),
        connection::Action::AbandonUpgrade => Action::AbandonUpgrade,
        connection::Action::Close(fault) => Action::Refuse {
            code: fault.close_code(),
            reason: Cow::Owned(fault.to_string()),
        },
    });
}

/// The arguments of an acknowledgement, a JSON list: those in the `args` of an object, or else the whole message as the only
/// one, or none.
fn arguments(message: Option<&str>) -> Cow<'_, str> {
    let Some(message) = message else {
        return Cow::Borrowed("[]");
    };
    let members = json::members(message).ok().flatten();
    let args = members
        .as_ref()
        .and_then(|members| members.last("args"))
        .filter(|args| args.starts_with('['));
    Cow::Owned(match args {
        Some(args) => args.to_owned(),
        None => format!("[{message}]"),
    })
}

#[cfg(test)]
mod tests;
