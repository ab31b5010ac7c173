//! Letters between shards, and what the broker has to say to one client.

use broker_core::{Letter, Notice, SessionHandle, Timestamp};

use super::State;
use crate::shard::intake::Lack;

impl State {
    /// Says something to one client. One that is just being closed does not hear it.
    pub(in crate::shard) fn notify(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        notice: &Notice,
    ) {
        let Some((namespace, connection)) = self.table.carrying(session) else {
            return;
        };
        match connection.dialect.notice(namespace, notice) {
            Ok(Some(words)) => self.say(now, session, &words),
            Ok(None) => {}
            Err(error) => {
                let what = format!("an answer to the client: {error}; it is not sent");
                self.complain(now, Some(session), &what);
            }
        }
    }

    /// Takes what another shard has sent.
    pub(in crate::shard) fn take_letters(&mut self, now: Timestamp, letters: Vec<Letter>) {
        for letter in letters {
            self.broker.take_letter(now, letter, &mut self.effects);
        }
    }

    /// Gives out what has come up for another shard.
    pub(in crate::shard) fn give_letters(&mut self, now: Timestamp, shard: u16) -> Vec<Letter> {
        let letters = self.outbox.take(shard);
        for session in self.outbox.resumed() {
            if let Some(connection) = self.table.get_mut(session) {
                connection.read_on(now, Lack::Outbox);
            }
        }
        letters
    }
}
