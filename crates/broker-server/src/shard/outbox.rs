//! Letters for other shards, until there is room for them in the mailboxes there.

use broker_core::{Letter, SessionHandle};

/// How many bytes of letters for one shard may wait before those who write them are not read any more. What one read
/// brings may go beyond it.
const OUTBOX_BYTES: usize = 1024 * 1024;

/// What waits for each of the other shards, in order. One courier for each takes it there, all that has come up at once.
#[derive(Debug)]
pub(super) struct Outbox {
    for_shards: Vec<Batch>,
    /// Connections that are not read until there is room.
    paused: Vec<SessionHandle>,
}

#[derive(Debug, Default)]
struct Batch {
    letters: Vec<Letter>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn new(shards: u16) -> Outbox {
        Outbox {
            for_shards: (0..shards).map(|_| Batch::default()).collect(),
            paused: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, shard: u16, letter: Letter) {
        let batch = &mut self.for_shards[usize::from(shard)];
        batch.bytes += letter.size();
        batch.letters.push(letter);
    }

    /// All that waits for a shard.
    pub(super) fn take(&mut self, shard: u16) -> Vec<Letter> {
        std::mem::take(&mut self.for_shards[usize::from(shard)]).letters
    }

    pub(super) fn is_full(&self) -> bool {
        self.for_shards
            .iter()
            .any(|batch| batch.bytes > OUTBOX_BYTES)
    }

    /// Remembers whom to read again when there is room.
    pub(super) fn pause(&mut self, session: SessionHandle) {
        self.paused.push(session);
    }

    /// Who may be read again.
    pub(super) fn resumed(&mut self) -> Vec<SessionHandle> {
        if self.is_full() {
            return Vec::new();
        }
        std::mem::take(&mut self.paused)
    }
}
