//! The live connections of a shard, by session.

use std::collections::HashMap;

use broker_core::SessionHandle;

use super::connection::Connection;

/// Live connections in the slots of their sessions, and ended ones until their reader takes them.
#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Box<Connection>>>,
    live: usize,
    /// `None` is a connection with nothing left to see off.
    ended: HashMap<SessionHandle, Option<Box<Connection>>>,
}

impl Table {
    pub(super) fn insert(&mut self, connection: Box<Connection>) {
        let slot = connection.session.slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        self.live += 1;
        self.slots[slot] = Some(connection);
    }

    pub(super) fn get_mut(&mut self, session: SessionHandle) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(session.slot as usize)?.as_deref_mut()?;
        (connection.session == session).then_some(connection)
    }

    /// Takes a connection out of the table and wakes its reader, who takes it over unless it is lost.
    pub(super) fn end(&mut self, session: SessionHandle, is_lost: bool) {
        if self.get_mut(session).is_none() {
            return;
        }
        let Some(mut connection) = self.slots[session.slot as usize].take() else {
            return;
        };
        self.live -= 1;
        connection.wake_reader();
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
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }
}
