//! The table of sessions of one shard.

use std::sync::Arc;

use slab::Slab;

use super::Opening;
use super::names::Names;
use super::requests::OpenRequests;
use super::telling::Telling;
use crate::effect::Lack;
use crate::event::Handshake;
use crate::session::{Info, SessionHandle, SessionId};

/// One client, from its handshake until its last event is answered.
#[derive(Debug)]
pub(super) struct Session {
    generation: u32,
    /// Counts the sessions of this shard; tells those that began after a list of commands did.
    pub(super) serial: u64,
    pub(super) id: SessionId,
    /// Place in the order of connecting, over all shards.
    pub(super) order: u64,
    pub(super) info: Info,
    pub(super) handshake: Arc<Handshake>,
    pub(super) phase: Phase,
    /// Whether the backend is told of it at all.
    pub(super) is_told: bool,
    /// How far its handshake has come, if the backend decides on it.
    pub(super) admission: Option<Admission>,
    /// Why its connection is not read, if it is not.
    pub(super) pause: Option<Lack>,
    /// The number of its latest event.
    pub(super) events: u64,
    /// Its events that are not answered yet; none is the usual case and costs nothing.
    pub(super) telling: Option<Box<Telling>>,
    /// The names that it holds; most sessions have none.
    pub(super) names: Option<Box<Names>>,
    /// Its requests that wait for answers, oldest first.
    pub(super) requests: Option<Box<OpenRequests>>,
}

/// How far a handshake has come that the backend decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// The backend is asked.
    Asked,
    /// It has said yes; its commands are being carried out.
    Granted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It matches nothing yet: the backend is asked whether to let it in.
    Asked,
    /// Commands reach it.
    Open,
    /// It matches nothing: a command or the driver is closing it, or it was opened so. Its connection has still to end.
    Unreachable,
    /// It has no connection any more and waits for its last event to be answered.
    Gone,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Boxed, so that a table that grows neither copies sessions nor reserves memory for those to come.
    slots: Slab<Box<Session>>,
    opened: u64,
    slots_end: u32,
    /// How many of them the backend is told of.
    told: usize,
}

impl Sessions {
    pub(super) fn insert(&mut self, opening: Opening) -> SessionHandle {
        self.opened += 1;
        let session = Session {
            // The lower half of the count is enough: a handle is not kept for four billion openings.
            generation: self.opened as u32,
            serial: self.opened,
            id: opening.id,
            order: opening.order,
            info: opening.info,
            handshake: opening.handshake,
            is_told: opening.is_told,
            admission: opening.is_asked.then_some(Admission::Asked),
            phase: if opening.is_asked {
                Phase::Asked
            } else if opening.is_reachable {
                Phase::Open
            } else {
                Phase::Unreachable
            },
            pause: None,
            events: 0,
            telling: None,
            names: None,
            requests: None,
        };
        self.told += usize::from(session.is_told);
        let generation = session.generation;
        let slot = self.slots.insert(Box::new(session)) as u32;
        self.slots_end = self.slots_end.max(slot + 1);
        SessionHandle { slot, generation }
    }

    pub(super) fn get(&self, handle: SessionHandle) -> Option<&Session> {
        let session = self.slots.get(handle.slot as usize)?;
        (session.generation == handle.generation).then_some(session)
    }

    pub(super) fn get_mut(&mut self, handle: SessionHandle) -> Option<&mut Session> {
        let session = self.slots.get_mut(handle.slot as usize)?;
        (session.generation == handle.generation).then_some(session)
    }

    pub(super) fn remove(&mut self, handle: SessionHandle) {
        if self.get(handle).is_some() {
            let session = self.slots.remove(handle.slot as usize);
            self.told -= usize::from(session.is_told);
        }
    }

    /// The session in a slot, whatever its phase.
    pub(super) fn in_slot(&self, slot: u32) -> Option<(SessionHandle, &Session)> {
        let session = self.slots.get(slot as usize)?;
        let generation = session.generation;
        Some((SessionHandle { slot, generation }, session))
    }

    /// The session in a slot that commands can reach, with its handle.
    pub(super) fn open_in(&self, slot: u32) -> Option<(SessionHandle, &Session)> {
        self.in_slot(slot)
            .filter(|(_, session)| session.phase == Phase::Open)
    }

    /// No session is in this slot or one behind it.
    pub(super) fn slots_end(&self) -> u32 {
        self.slots_end
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many of them the backend is told of.
    pub(super) fn told(&self) -> usize {
        self.told
    }

    /// How many sessions have ever been opened: the serial of the latest.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }
}
