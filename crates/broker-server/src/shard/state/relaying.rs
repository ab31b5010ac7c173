//! Letters between shards.

use broker_core::{Letter, Timestamp};

use super::State;
use crate::shard::intake::Lack;

impl State {
    /// Takes what another shard has sent.
    pub(in crate::shard) fn take_letters(&mut self, now: Timestamp, letters: Vec<Letter>) {
        let bytes = letters.iter().map(Letter::size).sum();
        self.settings.transit.take(bytes);
        for letter in letters {
            self.broker.take_letter(now, letter, &mut self.effects);
        }
    }

    /// Has a letter taken to another shard.
    pub(in crate::shard) fn post_letter(&mut self, shard: u16, letter: Letter) {
        self.settings.transit.post(letter.size());
        self.outbox.put(shard, letter);
    }

    /// Reads those again who were not read while too many letters were on their way.
    pub(in crate::shard) fn read_writers_on(&mut self, now: Timestamp) {
        for session in self.outbox.take_paused() {
            if let Some(connection) = self.table.get_mut(session) {
                connection.read_on(now, Lack::Transit);
            }
        }
    }
}
