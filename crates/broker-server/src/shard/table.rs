//! The live connections of a shard, by session.

use std::collections::HashMap;

use broker_core::SessionHandle;
use broker_dialect::socketio::NamespaceIndex;

use super::connection::Connection;

/// Live connections in the slots of their sessions, and ended ones until their reader takes them.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Slot>,
    live: usize,
    /// `None` is a connection with nothing left to see off.
    ended: HashMap<SessionHandle, Option<Box<Connection>>>,
}

/// What there is by a session. Small, since every session has one.
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Free,
    /// The connection whose own session it is.
    Connection(Box<Connection>),
    /// It is the session of a namespace.
    Namespace {
        generation: u32,
        namespace: NamespaceIndex,
        /// The session of the connection that carries it.
        carrier: SessionHandle,
    },
}

impl Table {
    pub(super) fn insert(&mut self, connection: Box<Connection>) {
        let session = connection.session;
        *self.slot_mut(session) = Slot::Connection(connection);
        self.live += 1;
    }

    /// Notes that a session is that of a namespace, and which connection carries it.
    pub(super) fn insert_namespace(
        &mut self,
        session: SessionHandle,
        namespace: NamespaceIndex,
        carrier: SessionHandle,
    ) {
        *self.slot_mut(session) = Slot::Namespace {
            generation: session.generation,
            namespace,
            carrier,
        };
    }

    /// Forgets the session of a namespace.
    pub(super) fn remove_namespace(&mut self, session: SessionHandle) {
        if self.namespace(session).is_some() {
            self.slots[session.slot as usize] = Slot::Free;
        }
    }

    /// The namespace whose session it is, and the session of the connection that carries it.
    pub(super) fn namespace(
        &self,
        session: SessionHandle,
    ) -> Option<(NamespaceIndex, SessionHandle)> {
        match self.slots.get(session.slot as usize)? {
            Slot::Namespace {
                generation,
                namespace,
                carrier,
            } if *generation == session.generation => Some((*namespace, *carrier)),
            Slot::Namespace { .. } | Slot::Connection(_) | Slot::Free => None,
        }
    }

    /// The connection whose own session it is.
    pub(super) fn get_mut(&mut self, session: SessionHandle) -> Option<&mut Connection> {
        match self.slots.get_mut(session.slot as usize)? {
            Slot::Connection(connection) if connection.session == session => Some(connection),
            Slot::Connection(_) | Slot::Namespace { .. } | Slot::Free => None,
        }
    }

    /// The connection that carries a session, and the namespace if it is the session of one.
    pub(super) fn carrying(
        &mut self,
        session: SessionHandle,
    ) -> Option<(Option<NamespaceIndex>, &mut Connection)> {
        match self.namespace(session) {
            None => Some((None, self.get_mut(session)?)),
            Some((namespace, carrier)) => Some((Some(namespace), self.get_mut(carrier)?)),
        }
    }

    /// Takes a connection out of the table and wakes its reader, who takes it over unless it is lost.
    pub(super) fn end(&mut self, session: SessionHandle, is_lost: bool) {
        if self.get_mut(session).is_none() {
            return;
        }
        let slot = std::mem::take(&mut self.slots[session.slot as usize]);
        let Slot::Connection(mut connection) = slot else {
            return;
        };
        self.live -= 1;
        connection.wake_reader();
        // Nobody reads one that is polled.
        if connection.polling().is_some() {
            return;
        }
        self.ended.insert(session, (!is_lost).then_some(connection));
    }

    /// Hands an ended connection to its reader.
    pub(super) fn take_ended(&mut self, session: SessionHandle) -> Option<Option<Box<Connection>>> {
        self.ended.remove(&session)
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Connection(connection) => Some(&**connection),
            Slot::Namespace { .. } | Slot::Free => None,
        })
    }

    fn slot_mut(&mut self, session: SessionHandle) -> &mut Slot {
        let slot = session.slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, Slot::default);
        }
        &mut self.slots[slot]
    }
}
