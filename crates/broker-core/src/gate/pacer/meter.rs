//! How fast answers come.

use crate::time::Timestamp;

/// Timestamps are in milliseconds, and answers are told several at a time: what is shorter can't be measured.
const MEASURED_MS_MIN: u64 = 50;

/// Counts answers while more is wanted than may go out, over all such times together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    last: Timestamp,
    /// How many answers are still to be passed over.
    passed_over: usize,
    /// Whether it has begun to count: where answers come in bunches, not in the midst of one.
    is_counting: bool,
    answers: usize,
    elapsed_ms: u64,
    /// How long it was until the last answers; a measurement does not end in the midst of a bunch, either.
    step_ms: u64,
}

impl Meter {
    /// So many answers have come since the last time it was told of any, or of none.
    pub(super) fn count(&mut self, now: Timestamp, answers: usize) {
        self.step_ms = now.0.saturating_sub(self.last.0);
        self.last = now;
        if self.is_counting {
            self.answers = self.answers.saturating_add(answers);
            self.elapsed_ms = self.elapsed_ms.saturating_add(self.step_ms);
        } else {
            self.passed_over = self.passed_over.saturating_sub(answers);
            self.is_counting = self.passed_over == 0 && self.step_ms > 0;
        }
    }

    /// The time since then does not count; nor will so many answers.
    pub(super) fn pause(&mut self, now: Timestamp, passed_over: usize) {
        self.last = now;
        self.passed_over = self.passed_over.max(passed_over);
        self.is_counting = false;
    }

    /// Begins a measurement after so many answers.
    pub(super) fn restart(&mut self, passed_over: usize) {
        *self = Meter {
            last: self.last,
            passed_over,
            ..Meter::default()
        };
    }

    /// Answers per millisecond, once there were so many.
    pub(super) fn rate(&self, answers_needed: usize) -> Option<f64> {
        let is_enough = self.answers >= answers_needed
            && self.elapsed_ms >= MEASURED_MS_MIN
            && self.step_ms > 0;
        is_enough.then(|| self.answers as f64 / self.elapsed_ms as f64)
    }
}
