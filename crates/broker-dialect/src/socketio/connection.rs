//! One connection of Socket.IO: the namespaces it is in, and what its packets ask for.

mod receiving;

use std::borrow::Cow;
use std::sync::Arc;

use broker_core::Timestamp;

use super::attachments::Reassembly;
use super::encode;
use super::engine::{Due, Encoded, Revision, Session, Transport, UpgradeError};
use super::event::{Args, Event};
use super::namespaces::{NamespaceIndex, Namespaces, Standing};
use super::{Fault, Settings};

/// A connection of Socket.IO over its Engine.IO session. It queues nothing: what is to be sent comes out as values.
///
/// - [`open_packet`](Connection::open_packet) is the first thing that a client is sent;
/// - [`receive`](Connection::receive) and [`receive_posted`](Connection::receive_posted) take what comes by the transport in
///   use, and say what is to be done as [`Action`]s;
/// - [`entered`](Connection::entered), [`refused`](Connection::refused) and [`put_out`](Connection::put_out) are the
///   broker's word on who is in a namespace. Whoever asks to enter waits for the first two;
/// - [`begin_upgrade`](Connection::begin_upgrade), [`receive_probe`](Connection::receive_probe) and
///   [`abandon_upgrade`](Connection::abandon_upgrade) are about a WebSocket that is to take over from polling;
/// - [`next_deadline`](Connection::next_deadline) and [`handle_timeout`](Connection::handle_timeout) are its sense of time.
///
/// Events towards the client are written by [`encode`](mod@super::encode), without the state of any connection.
#[derive(Debug)]
pub(super) struct Connection {
    session: Session,
    namespaces: Namespaces,
    /// Invariant: there is one exactly while the client is in no namespace and waits for none.
    namespace_deadline: Option<Timestamp>,
    /// A packet whose attachments are arriving.
    incomplete: Option<Box<Incomplete>>,
}

/// A packet whose attachments are arriving.
#[derive(Debug)]
struct Incomplete {
    namespace: NamespaceIndex,
    said: Said<'static>,
    reassembly: Reassembly,
}

/// What a packet says that has arguments.
#[derive(Clone, Debug)]
enum Said<'a> {
    Event {
        name: Cow<'a, str>,
        ack: Option<u64>,
    },
    Acknowledged {
        ack: u64,
    },
}

impl<'a> Said<'a> {
    fn into_owned(self) -> Said<'static> {
        match self {
            Said::Event { name, ack } => Said::Event {
                name: Cow::Owned(name.into_owned()),
                ack,
            },
            Said::Acknowledged { ack } => Said::Acknowledged { ack },
        }
    }

    fn with(self, namespace: NamespaceIndex, args: Args<'a>) -> Action<'a> {
        match self {
            Said::Event { name, ack } => Action::Event {
                namespace,
                event: Event { name, args },
                ack,
            },
            Said::Acknowledged { ack } => Action::Acknowledged {
                namespace,
                ack,
                args,
            },
        }
    }
}

/// What a connection wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    /// The client asks to enter a namespace: answer by [`Connection::entered`] or [`Connection::refused`], at any time.
    Enter {
        /// The namespace's index from now on.
        namespace: NamespaceIndex,
        /// Its name; begins with `/`.
        name: &'a str,
        /// What the client has to say for itself: a JSON object.
        auth: Cow<'a, str>,
    },
    /// The client has left a namespace; its index is free.
    Leave {
        /// The namespace.
        namespace: NamespaceIndex,
    },
    /// The client emits an event.
    Event {
        /// In which namespace.
        namespace: NamespaceIndex,
        /// The event.
        event: Event<'a>,
        /// The number for [`encode::acknowledgement`](super::encode::acknowledgement), if the client wants one.
        ack: Option<u64>,
    },
    /// The client acknowledges an event. That it was asked to is for the caller to know.
    Acknowledged {
        /// In which namespace.
        namespace: NamespaceIndex,
        /// The number that the event carried.
        ack: u64,
        /// What it answers.
        args: Args<'a>,
    },
    /// Send this by the transport in use.
    Send(Encoded),
    /// An upgrade took too long: close the WebSocket that was to take over.
    AbandonUpgrade,
    /// The connection has ended, and with it the client is out of all its namespaces. Nothing follows.
    Close(Fault),
}

impl Connection {
    /// A connection that begins now. A client of protocol 3 enters `/` without being asked, so `act` may be called.
    #[must_use]
    pub(super) fn open(
        now: Timestamp,
        revision: Revision,
        transport: Transport,
        settings: Arc<Settings>,
        act: &mut impl FnMut(Action<'_>),
    ) -> Connection {
        let mut connection = Connection {
            session: Session::open(now, revision, transport, settings),
            namespaces: Namespaces::default(),
            namespace_deadline: None,
            incomplete: None,
        };
        if revision == Revision::Three {
            connection.ask("/", Cow::Borrowed("{}"), act);
        }
        connection.watch_namespaces(now);
        connection
    }

    /// The first packet to the client: the handshake of Engine.IO. `sid` names the session in its later requests.
    #[must_use]
    pub(super) fn open_packet(&self, sid: &str) -> Encoded {
        self.session.open_packet(sid)
    }

    /// The Engine.IO session: its protocol, its transport, whether it has ended.
    #[must_use]
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The name of a namespace that the client is in.
    #[must_use]
    pub(super) fn entered_namespace(&self, index: NamespaceIndex) -> Option<&str> {
        let is_in = self.namespaces.standing(index) == Standing::Entered;
        self.namespaces.name(index).filter(|_| is_in)
    }

    /// The client may enter. `sid` becomes its `socket.id`; what is to be sent, unless it does not wait any more.
    #[must_use]
    pub(super) fn entered(&mut self, index: NamespaceIndex, sid: &str) -> Option<Encoded> {
        if self.session.is_closed() || self.namespaces.standing(index) != Standing::Entering {
            return None;
        }
        self.namespaces.set(index, Standing::Entered);
        let name = self.namespaces.name(index)?;
        Some(encode::entered(self.session.revision(), name, sid))
    }

    /// The client may not enter, and its index is free; what is to be sent, unless it does not wait any more. For
    /// `message` and `details` see [`encode::refused`](super::encode::refused).
    #[must_use]
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        index: NamespaceIndex,
        message: &str,
        details: Option<&str>,
    ) -> Option<Encoded> {
        if self.session.is_closed() || self.namespaces.standing(index) != Standing::Entering {
            return None;
        }
        let name = self.namespaces.name(index)?;
        let encoded = encode::refused(self.session.revision(), name, message, details);
        self.namespaces.set(index, Standing::Free);
        self.watch_namespaces(now);
        Some(encoded)
    }

    /// Puts the client out of a namespace; what is to be sent, if it was in. What the client sends before it hears of
    /// that comes to nothing.
    #[must_use]
    pub(super) fn put_out(&mut self, now: Timestamp, index: NamespaceIndex) -> Option<Encoded> {
        if self.session.is_closed() || self.namespaces.standing(index) != Standing::Entered {
            return None;
        }
        let encoded = encode::left(self.namespaces.name(index)?);
        self.namespaces.set(index, Standing::PutOut);
        self.watch_namespaces(now);
        Some(encoded)
    }

    /// A WebSocket arrived that names this session.
    ///
    /// # Errors
    /// When it can't take over: close it.
    pub(super) fn begin_upgrade(&mut self, now: Timestamp) -> Result<(), UpgradeError> {
        self.session.begin_upgrade(now)
    }

    /// The WebSocket that was to take over is gone; the session goes on by polling.
    pub(super) fn abandon_upgrade(&mut self) {
        self.session.abandon_upgrade();
    }

    /// Ends the connection, for a reason of the caller's.
    pub(super) fn close(&mut self) {
        self.session.close();
        self.namespaces = Namespaces::default();
        self.incomplete = None;
        self.namespace_deadline = None;
    }

    /// When [`handle_timeout`](Connection::handle_timeout) wants to be called; never once it has ended.
    #[must_use]
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let deadlines = [self.session.next_deadline(), self.namespace_deadline];
        deadlines.into_iter().flatten().min()
    }

    /// Takes note that the client is read again after a pause: its time begins anew.
    pub(super) fn read_on(&mut self, now: Timestamp) {
        self.session.read_on(now);
    }

    /// Does what has become due. Calling it early does nothing. `is_heard` is false while the client is not read, or could
    /// not have answered yet for what waits in front of a ping: then it is pinged on, and not missed.
    pub(super) fn handle_timeout(
        &mut self,
        now: Timestamp,
        is_heard: bool,
        act: &mut impl FnMut(Action<'_>),
    ) {
        if self
            .namespace_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            self.fail(Fault::NoNamespace, act);
            return;
        }
        let mut fault = None;
        self.session
            .handle_timeout(now, is_heard, &mut |due| match due {
                Due::Send(control) => act(Action::Send(control.encoded())),
                Due::AbandonUpgrade => act(Action::AbandonUpgrade),
                Due::Close(reason) => fault = Some(reason),
            });
        if let Some(fault) = fault {
            self.fail(fault, act);
        }
    }

    fn fail(&mut self, fault: Fault, act: &mut impl FnMut(Action<'_>)) {
        self.close();
        act(Action::Close(fault));
    }

    /// Keeps the promise of `namespace_deadline`.
    fn watch_namespaces(&mut self, now: Timestamp) {
        if self.namespaces.live().next().is_some() {
            self.namespace_deadline = None;
        } else if self.namespace_deadline.is_none() {
            self.namespace_deadline = Some(now.after(self.session.settings().connect_timeout));
        }
    }
}

#[cfg(test)]
mod tests;
