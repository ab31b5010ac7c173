//! What every dialect has in common.

use std::borrow::Cow;

use broker_core::{
    Ack, ClientMessage, Message, Name, Notice, Relay, RequestToken, SessionId, Timestamp,
};
use bytes::Bytes;

use crate::Options;
use crate::socketio::NamespaceIndex;
use crate::socketio::engine::{Encoded, Revision, Transport};

/// A wire protocol: the state of one connection that speaks it.
pub trait Dialect: Sized {
    /// Its name in the configuration.
    const NAME: &'static str;

    /// Which sessions its connections have.
    const SESSIONS: Sessions;

    /// Whether its clients say things to each other, which may have to go from shard to shard.
    const RELAYS: bool = false;

    /// The state of a connection that has just been opened. What is to be done about that is given to `act`.
    fn open(start: &Start<'_>, act: &mut impl FnMut(Action)) -> Self;

    /// Takes a whole message of the client's. What is to be done is given to `act`, in order; often one action.
    fn receive(&mut self, now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action));

    /// When [`handle_timeout`](Dialect::handle_timeout) wants to be called; never without one.
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Does what has become due. Calling it early does nothing. `is_heard` says whether the client could have been heard
    /// of: that it is read, and that nothing waits in front of what it is to answer.
    fn handle_timeout(&mut self, _now: Timestamp, _is_heard: bool, _act: &mut impl FnMut(Action)) {}

    /// Takes note that the client is read again after a pause: its time begins anew.
    fn read_on(&mut self, _now: Timestamp) {}

    /// Who hears what the session of this namespace hears, in the same words; `None` where it hears nothing.
    fn audience(&self, _namespace: Option<NamespaceIndex>) -> Option<Audience<'_>> {
        Some(Audience::Dialect)
    }

    /// Writes a message of the backend's: the same for a whole audience, so it is done once for all.
    ///
    /// # Errors
    /// When the dialect cannot say it.
    fn encode(audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError>;

    /// Writes what the broker has to say to some of an audience, the same for each. `None` where the dialect has no words
    /// for it.
    ///
    /// # Errors
    /// When the dialect cannot say it.
    fn notice(_audience: &Audience<'_>, _notice: &Notice) -> Result<Option<Words>, EncodeError> {
        Ok(None)
    }

    /// Takes note that the client is asked for an acknowledgement by this number.
    fn expect(&mut self, _namespace: NamespaceIndex, _ack: u64) {}

    /// The client may enter a namespace, by a session of this id; what it is told.
    fn entered(&mut self, _namespace: NamespaceIndex, _id: SessionId) -> Option<Words> {
        None
    }

    /// The client may not enter a namespace; what it is told. `details` is JSON.
    fn refused(
        &mut self,
        _now: Timestamp,
        _namespace: NamespaceIndex,
        _message: &str,
        _details: Option<&str>,
    ) -> Option<Words> {
        None
    }

    /// The client is put out of a namespace; what it is told.
    fn put_out(&mut self, _now: Timestamp, _namespace: NamespaceIndex) -> Option<Words> {
        None
    }
}

/// Why a dialect cannot say what it is given to say: the backend's fault in every case. It is a lower-case fragment that
/// names what is wrong with the message, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub Cow<'static, str>);

/// Which sessions a connection has in the core. Each has one of its own, by which the broker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// No others, and the backend is not told of its own: no events arise and no command reaches it.
    Untold,
    /// No others.
    One,
    /// One for each namespace that its client enters; the backend is told of these, and not of its own.
    PerNamespace,
}

/// How a connection begins.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// When.
    pub now: Timestamp,
    /// The id of its own session.
    pub id: SessionId,
    /// What its endpoint's configuration says.
    pub options: &'a Options,
    /// What carries it.
    pub transport: Transport,
    /// Which Engine.IO its client speaks, where that is asked.
    pub revision: Revision,
}

impl<'a> Start<'a> {
    /// By a WebSocket, and for Socket.IO with its newest protocol.
    #[must_use]
    pub fn new(now: Timestamp, id: SessionId, options: &'a Options) -> Start<'a> {
        Start {
            now,
            id,
            options,
            transport: Transport::WebSocket,
            revision: Revision::Four,
        }
    }
}

/// Those who hear a message in the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// All who speak the dialect.
    Dialect,
    /// Those in a namespace of this name whose clients speak this Engine.IO.
    Namespace(&'a str, Revision),
}

/// What is said to a client: one message, or several that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// One message.
    Message(Outgoing),
    /// A packet of Socket.IO with its attachments, each a message.
    Packet(Encoded, Revision),
}

impl Words {
    /// The messages that carry it over a WebSocket, in order; at least one.
    pub fn messages(&self) -> impl Iterator<Item = Outgoing> + '_ {
        let (message, packet) = match self {
            Words::Message(message) => (Some(message.clone()), None),
            Words::Packet(packet, revision) => (None, Some(packet.messages(*revision))),
        };
        message.into_iter().chain(packet.into_iter().flatten())
    }

    /// The number by which it asks for an acknowledgement, if it does.
    #[must_use]
    pub fn asks(&self) -> Option<u64> {
        match self {
            Words::Message(_) => None,
            Words::Packet(packet, _) => packet.asks(),
        }
    }
}

impl From<Outgoing> for Words {
    fn from(message: Outgoing) -> Words {
        Words::Message(message)
    }
}

/// A whole message of a client's, lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message; that it is UTF-8 the transport has checked.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// What a dialect makes of what it was told.
#[derive(Clone, Debug)]
pub enum Action {
    /// The client says something to the backend: goes to the core.
    Message(ClientMessage),
    /// The client has a name from now on ([`Broker::register`](broker_core::Broker::register)).
    Register(Name),
    /// The client lets go of its last name ([`Broker::unregister`](broker_core::Broker::unregister)).
    Unregister,
    /// The client says something to other clients ([`Broker::relay`](broker_core::Broker::relay)).
    Relay(Relay),
    /// The client answers what it was asked ([`Broker::answer`](broker_core::Broker::answer)).
    Answer {
        /// What it was asked by.
        ack: Ack,
        /// Any JSON.
        message: Option<Bytes>,
    },
    /// The client asks to enter a namespace, which gets a session of its own
    /// ([`Broker::open`](broker_core::Broker::open)): answer by [`Dialect::entered`] or [`Dialect::refused`].
    Enter {
        /// The namespace's index from now on.
        namespace: NamespaceIndex,
        /// Its name.
        name: Box<str>,
        /// What the client has to say for itself: a JSON object.
        auth: Box<str>,
    },
    /// The client has left a namespace: its session ends ([`Broker::close`](broker_core::Broker::close)).
    Leave {
        /// The namespace.
        namespace: NamespaceIndex,
    },
    /// The client says something in a namespace.
    Say {
        /// The namespace.
        namespace: NamespaceIndex,
        /// What it says.
        message: ClientMessage,
        /// What it calls the request, if it wants an answer ([`Broker::ask`](broker_core::Broker::ask)).
        token: Option<RequestToken>,
    },
    /// The client acknowledges what it was asked to
    /// ([`Broker::acknowledge`](broker_core::Broker::acknowledge)).
    Acknowledge {
        /// The namespace.
        namespace: NamespaceIndex,
        /// The number that the message carried.
        ack: u64,
        /// A JSON list.
        args: Box<str>,
    },
    /// Nothing can be made of what the client said, and the protocol has no words to tell it so: it is logged and counted.
    PassOver(&'static str),
    /// An answer to the client that the backend has no part in.
    Reply(Words),
    /// The WebSocket that was to take over from polling is to be closed: that took too long.
    AbandonUpgrade,
    /// The client broke the rules: close the connection.
    Refuse {
        /// The close code (RFC 6455 §7.4).
        code: u16,
        /// The reason that goes with it, at most 123 bytes.
        reason: Cow<'static, str>,
    },
}

/// A message for clients, before a transport frames it. Cloning shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A text message: UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Outgoing {
    /// A message of the backend's as it is.
    pub(crate) fn of(message: &Message) -> Outgoing {
        match message {
            Message::Json(text) | Message::Text(text) => Outgoing::Text(text.clone()),
            Message::Binary(bytes) => Outgoing::Binary(bytes.clone()),
        }
    }

    /// What is carried.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        match self {
            Outgoing::Text(payload) | Outgoing::Binary(payload) => payload,
        }
    }
}
