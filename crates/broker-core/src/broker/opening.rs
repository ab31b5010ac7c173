//! How a session begins, and what can be seen of it.

use std::sync::Arc;

use crate::event::{Entrance, Handshake};
use crate::session::{Info, SessionId};

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
