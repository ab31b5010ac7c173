//! How much is held for the backend, and what happens where that is too much.

use super::Telling;
use crate::broker::sessions::{Phase, Session, Sessions};
use crate::config::Config;
use crate::effect::{Effect, Effects, Lack};
use crate::event::Fact;
use crate::session::SessionHandle;

/// What a held message is counted as, on top of its text: about what it takes to keep it.
pub const HELD_EVENT_BYTES: usize = 128;

/// What every session counts for: its connect and its disconnect, with a reason of 123 bytes, always find room.
pub const HELD_SESSION_BYTES: usize = 2 * HELD_EVENT_BYTES + 128;

/// What the messages of all sessions of a shard take.
///
/// **Invariant:** `bytes` is the sum of [`size_of`] over all that is held.
#[derive(Debug, Default)]
pub(super) struct Room {
    bytes: usize,
    /// The sessions that are paused for [`Lack::Bytes`], each once.
    short_of_bytes: Vec<SessionHandle>,
}

/// What an event takes of the room for messages; the others have theirs reserved.
pub(super) fn size_of(fact: &Fact) -> usize {
    match fact {
        Fact::Received(_)
        | Fact::Registered { .. }
        | Fact::Unregistered { .. }
        | Fact::Acknowledged { .. } => HELD_EVENT_BYTES + fact.size(),
        // What a client says for itself as it enters is no part of what is reserved.
        Fact::Connected { .. } => fact.size(),
        Fact::Disconnected { .. } | Fact::Started { .. } => 0,
    }
}

impl Room {
    pub(super) fn take(&mut self, fact: &Fact) {
        self.bytes += size_of(fact);
    }

    pub(super) fn give_back(&mut self, fact: &Fact) {
        self.bytes -= size_of(fact);
    }

    /// Whether one more session finds room for what it may have to tell.
    pub(super) fn has_room_for_session(&self, sessions: &Sessions, config: &Config) -> bool {
        let reserved = (sessions.told() + 1).saturating_mul(HELD_SESSION_BYTES);
        self.bytes.saturating_add(reserved) <= config.max_held_bytes
    }

    /// What there is too little of if a session holds so many messages, and `more` bytes are held on top.
    pub(super) fn lack(
        &self,
        messages: usize,
        more: usize,
        sessions: &Sessions,
        config: &Config,
    ) -> Option<Lack> {
        if messages > config.max_held_events {
            return Some(Lack::Events);
        }
        let reserved = sessions.told().saturating_mul(HELD_SESSION_BYTES);
        let left = config.max_held_bytes.saturating_sub(reserved);
        (self.bytes + more > left).then_some(Lack::Bytes)
    }

    /// Has the connection of a session not read any more that has taken in one message too many.
    pub(super) fn pause_if_full(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions.get(handle).filter(|session| is_read(session)) else {
            return;
        };
        let lack = self.lack(messages_of(session), 0, sessions, config);
        if let (Some(lack), Some(session)) = (lack, sessions.get_mut(handle)) {
            session.pause = Some(lack);
            if lack == Lack::Bytes {
                self.short_of_bytes.push(handle);
            }
            out.list.push(Effect::Pause(handle));
        }
    }

    /// Lets those be read again for whom there is room, now that a session holds less.
    pub(super) fn resume(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        if let Some(session) = sessions.get(handle)
            && session.pause == Some(Lack::Events)
        {
            self.resume_one(handle, sessions, config, out);
        }
        if self.lack(0, 0, sessions, config).is_none() {
            for paused in std::mem::take(&mut self.short_of_bytes) {
                self.resume_one(paused, sessions, config, out);
            }
        }
    }

    /// Lets a paused connection be read again, or notes what else it lacks.
    fn resume_one(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions
            .get(handle)
            .filter(|session| session.phase != Phase::Gone)
        else {
            return;
        };
        let lack = self.lack(messages_of(session), 0, sessions, config);
        if let Some(session) = sessions.get_mut(handle) {
            session.pause = lack;
        }
        match lack {
            None => out.list.push(Effect::Resume(handle)),
            Some(Lack::Bytes) => self.short_of_bytes.push(handle),
            Some(Lack::Events) => {}
        }
    }
}

fn is_read(session: &Session) -> bool {
    session.phase != Phase::Gone && session.pause.is_none()
}

fn messages_of(session: &Session) -> usize {
    session.telling.as_deref().map_or(0, Telling::messages)
}
