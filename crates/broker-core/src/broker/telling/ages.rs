//! Giving up messages that are held for too long.

use std::time::Duration;

use super::{Around, Held, Teller, telling_of};
use crate::effect::Loss;
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// How many slots are looked at before others may work.
const SLICE: u32 = 4096;

/// A round through all sessions follows the one before after this part of the age that messages may have, unless nothing
/// can be too old by then. So a message may lie there for longer by this part; it is not told any more, though.
const ROUND_PART: u32 = 16;

/// When the next look for old messages is due, and how far the present round has come.
#[derive(Debug, Default)]
pub(super) struct Ages {
    due: Option<Timestamp>,
    slot: u32,
    /// The oldest message that the present round has left.
    oldest: Option<Timestamp>,
}

impl Ages {
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// A message is held from now on.
    pub(super) fn begin(&mut self, now: Timestamp, max_age: Duration) {
        self.due.get_or_insert(now.after(max_age));
    }
}

impl Teller {
    /// Looks at the next sessions and gives up their messages that are too old.
    pub(super) fn expire_due(&mut self, around: &mut Around<'_>) {
        let Some(max_age) = around.config.max_held_age else {
            return;
        };
        if self.ages.due.is_none_or(|due| due > around.now) {
            return;
        }
        let end = around.sessions.slots_end();
        let slice = self.ages.slot..end.min(self.ages.slot + SLICE);
        self.ages.slot = slice.end;
        for slot in slice {
            if let Some((handle, session)) = around.sessions.in_slot(slot)
                && session.telling.is_some()
            {
                self.expire(handle, around);
            }
        }
        if self.ages.slot < end {
            // The next slice follows as soon as others have had their turn.
            return;
        }
        let next = self.ages.oldest.map(|oldest| {
            let pause = (max_age / ROUND_PART).max(Duration::from_millis(1));
            let round = around.now.after(pause);
            oldest.after(max_age).max(round)
        });
        self.ages = Ages {
            due: next,
            ..Ages::default()
        };
    }

    /// Gives up those messages of a session that are too old, but for one that is with the backend.
    fn expire(&mut self, handle: SessionHandle, around: &mut Around<'_>) {
        let Some(telling) = telling_of(handle, around.sessions) else {
            return;
        };
        let first = usize::from(!self.is_oldest_free(telling));
        let held = telling.held.iter().enumerate().skip(first);
        let is_too_old = |(_, held): &(usize, &Held)| {
            held.fact.is_message()
                && around.now.since(held.time) > around.config.max_held_age.unwrap_or(Duration::MAX)
        };
        let old: Vec<usize> = held.filter(is_too_old).map(|(place, _)| place).collect();
        // From behind, so that places stay what they are.
        for place in old.into_iter().rev() {
            self.give_up(handle, place, Loss::Expired, around);
        }
        let left = telling_of(handle, around.sessions).and_then(|telling| telling.oldest_message());
        self.ages.oldest = self.ages.oldest.into_iter().chain(left).min();
    }
}
