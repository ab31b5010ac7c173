//! Whether the backend has too much to do, by its own word.

/// More than one of so many calls has to be refused.
const PART: usize = 8;
/// They are counted over as many calls as may be under way, and at least so many: a single one means nothing.
const CALLS_MIN: usize = 16;

/// Counts what was refused among what was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusals {
    answered: usize,
    refused: usize,
}

impl Refusals {
    /// So many calls were answered, of as many as may be under way.
    pub(super) fn answered(&mut self, answers: usize, limit: usize) {
        self.answered = self.answered.saturating_add(answers);
        if self.answered.saturating_add(self.refused) >= limit.max(CALLS_MIN) {
            *self = Refusals::default();
        }
    }

    /// One more call was refused; says whether that makes too many.
    pub(super) fn are_many(&mut self, limit: usize) -> bool {
        self.refused += 1;
        let are_many = self.refused > limit.max(CALLS_MIN) / PART;
        if are_many {
            *self = Refusals::default();
        }
        are_many
    }
}
