//! What every dialect has in common.

use broker_core::{Ack, ClientMessage, Message, Name, Notice, Relay, Timestamp};
use bytes::Bytes;

use crate::Options;

/// A wire protocol: the state of one connection that speaks it.
pub trait Dialect: Sized {
    /// Its name in the configuration.
    const NAME: &'static str;

    /// Whether the backend is told of its connections. Where it is not, no events arise and no
    /// command reaches them.
    const TELLS_BACKEND: bool;

    /// Whether its clients say things to each other, which may have to go from shard to shard.
    const RELAYS: bool = false;

    /// The state of a connection that has just been opened.
    fn open(options: &Options) -> Self;

    /// Takes a whole message of the client's. What is to be done is given to `act`, in order; often one action.
    fn receive(&mut self, now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action));

    /// When [`handle_timeout`](Dialect::handle_timeout) wants to be called; never without one.
    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    /// Does what has become due. Calling it early does nothing.
    fn handle_timeout(&mut self, _now: Timestamp, _act: &mut impl FnMut(Action)) {}

    /// Writes a message of the backend's: the same for every connection of the dialect, so it is done once for all.
    fn encode(message: &Message) -> Outgoing;

    /// Writes what the broker has to say to one client. `None` where the dialect has no words for it.
    fn notice(_notice: &Notice) -> Option<Outgoing> {
        None
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
    /// Nothing can be made of what the client said, and the protocol has no words to tell it so: it is logged and counted.
    PassOver(&'static str),
    /// An answer to the client that the backend has no part in.
    Reply(Outgoing),
    /// The client broke the rules: close the connection.
    Refuse {
        /// The close code (RFC 6455 §7.4).
        code: u16,
        /// The reason that goes with it, at most 123 bytes.
        reason: &'static str,
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
    /// What is carried.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        match self {
            Outgoing::Text(payload) | Outgoing::Binary(payload) => payload,
        }
    }
}
