//! How a session begins, and what can be seen of it.

use std::sync::Arc;

use super::Broker;
use super::sessions::Phase;
use crate::effect::Effects;
use crate::event::{Entrance, Fact, Handshake};
use crate::session::{Info, SessionHandle, SessionId};
use crate::time::Timestamp;

/// How a session begins.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opening {
    /// Its public name, drawn by the driver.
    pub id: SessionId,
    /// Its place in the order of connecting, over all shards.
    pub order: u64,
    /// Its first session info.
    pub info: Info,
    /// The request that opened it.
    pub handshake: Arc<Handshake>,
    /// What the client enters by it, if its dialect knows of such; the backend is told.
    pub entrance: Option<Box<Entrance>>,
    /// Whether the backend is told of it.
    pub is_told: bool,
    /// Whether commands reach it; otherwise it matches nothing, all its life.
    pub is_reachable: bool,
    /// Whether the backend decides if the client is let in: the handshake waits for
    /// [`Effect::Admit`](crate::Effect::Admit) or [`Effect::Refuse`](crate::Effect::Refuse). Nobody but the answer reaches the session before.
    pub is_asked: bool,
}

impl Opening {
    /// A session that the backend is told of, first in the order of connecting, with nothing known of its request.
    #[must_use]
    pub fn new(id: SessionId, info: Info) -> Opening {
        Opening {
            id,
            order: 0,
            info,
            handshake: Arc::default(),
            entrance: None,
            is_told: true,
            is_reachable: true,
            is_asked: false,
        }
    }
}

impl Broker {
    /// Tells the backend that the broker has started; nothing else goes out before that is answered. `id` names the event,
    /// `boot` this run of the broker.
    ///
    /// It is for one shard to do, the first, when it has just been made.
    pub fn start(&mut self, now: Timestamp, id: SessionId, boot: &str, out: &mut Effects) {
        let mut opening = Opening::new(id, Info::empty());
        opening.is_reachable = false;
        let handle = self.sessions.insert(opening);
        if let Some(session) = self.sessions.get_mut(handle) {
            session.phase = Phase::Gone;
        }
        self.teller.start_with(handle);
        let boot = boot.into();
        self.tell(now, handle, Fact::Started { boot }, out);
    }

    /// Begins a session, and tells the backend.
    pub fn open(
        &mut self,
        now: Timestamp,
        mut opening: Opening,
        out: &mut Effects,
    ) -> SessionHandle {
        let is_told = opening.is_told;
        let entrance = opening.entrance.take();
        let handle = self.sessions.insert(opening);
        if let Some((_, session)) = self.sessions.open_in(handle.slot) {
            self.index.insert(handle.slot, &session.info);
        }
        if is_told {
            self.tell(now, handle, Fact::Connected { entrance }, out);
        }
        handle
    }
}

/// What the outside may see of a session.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a> {
    /// Its public name.
    pub id: SessionId,
    /// Its place in the order of connecting, over all shards.
    pub order: u64,
    /// Its session info.
    pub info: &'a Info,
    /// The request that opened it.
    pub handshake: &'a Arc<Handshake>,
}
