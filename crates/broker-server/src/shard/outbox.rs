//! Letters for other shards, until there is room for them in the mailboxes there.

use broker_core::{Letter, SessionHandle};

/// What waits for each of the other shards, in order. One courier for each takes it there, all that has come up at once.
#[derive(Debug)]
pub(super) struct Outbox {
    for_shards: Vec<Vec<Letter>>,
    /// Connections that are not read until fewer letters are on their way.
    paused: Vec<SessionHandle>,
}

impl Outbox {
    pub(super) fn new(shards: u16) -> Outbox {
        Outbox {
            for_shards: (0..shards).map(|_| Vec::new()).collect(),
            paused: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, shard: u16, letter: Letter) {
        self.for_shards[usize::from(shard)].push(letter);
    }

    /// All that waits for a shard.
    pub(super) fn take(&mut self, shard: u16) -> Vec<Letter> {
        std::mem::take(&mut self.for_shards[usize::from(shard)])
    }

    /// Remembers whom to read again when there is room.
    pub(super) fn pause(&mut self, session: SessionHandle) {
        self.paused.push(session);
    }

    /// Who may be read again, now that there is.
    pub(super) fn take_paused(&mut self) -> Vec<SessionHandle> {
        std::mem::take(&mut self.paused)
    }
}
