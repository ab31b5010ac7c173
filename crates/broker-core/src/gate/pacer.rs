//! How many calls at once get most done.

use crate::time::Timestamp;

/// Where it begins, and begins again after the backend was away.
const LIMIT_FIRST: usize = 32;

/// How many answers are counted before something is concluded: so many for each call under way, and at least so many.
const ANSWERS_PER_CALL: usize = 4;
const ANSWERS_MIN: usize = 64;

/// Doubling the limit at the beginning has to bring so much more to be done again.
const WORTH_DOUBLING: f64 = 1.2;
/// A quarter more calls at once have to bring so much more, else it is taken back.
const WORTH_MORE: f64 = 1.1;
/// A fifth fewer calls at once may cost so much, else it is taken back.
const WORTH_FEWER: f64 = 0.95;

/// How often the limit is halved at most when the backend says that it has too much to do.
const HALVED_EVERY_MS: u64 = 1000;

/// Finds the number of calls under way beyond which more of them do not get more done but wait longer (Little's law:
/// they then take as much longer as they are more).
///
/// It looks at how fast answers come while more is wanted than may go out, tries a quarter more, compares, tries a fifth
/// fewer, compares, and keeps what is not worse. Nothing is concluded while everybody gets a permit who wants one.
#[derive(Clone, Debug)]
pub struct Pacer {
    max: usize,
    is_on: bool,
    limit: usize,
    trial: Trial,
    window: Option<Window>,
    halved_at: Option<Timestamp>,
}

/// Answers are counted from then on.
#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    answered: usize,
}

/// What is being found out; rates are answers per millisecond.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// Whether twice as many as before bring more.
    Doubled { before: usize, rate: f64 },
    /// How fast answers come as it is; then more, or fewer, are tried.
    Measured { then: Direction },
    /// Whether another number is better than the one before.
    Changed {
        direction: Direction,
        before: usize,
        rate: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    More,
    Fewer,
}

const BEGIN: Trial = Trial::Doubled {
    before: 0,
    rate: 0.0,
};

impl Pacer {
    /// At most `max` calls at once, 0 for no limit; always that many, unless it `is_on`.
    #[must_use]
    pub fn new(max: usize, is_on: bool) -> Pacer {
        let is_on = is_on && max > 0;
        let max = if max == 0 { usize::MAX } else { max };
        Pacer {
            max,
            is_on,
            limit: if is_on { max.min(LIMIT_FIRST) } else { max },
            trial: BEGIN,
            window: None,
            halved_at: None,
        }
    }

    /// How many calls may be under way at once.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many there may be at the most.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Takes note of answers that have come, and of whether more calls could be made all the time since.
    pub fn answered(&mut self, now: Timestamp, answers: usize, is_saturated: bool) {
        if !self.is_on {
            return;
        }
        if !is_saturated {
            self.window = None;
            return;
        }
        let Some(window) = &mut self.window else {
            self.window = Some(Window {
                since: now,
                answered: 0,
            });
            return;
        };
        window.answered += answers;
        let window = *window;
        let elapsed_ms = now.0.saturating_sub(window.since.0);
        let enough = self.limit.saturating_mul(ANSWERS_PER_CALL).max(ANSWERS_MIN);
        if window.answered >= enough && elapsed_ms > 0 {
            self.window = None;
            self.conclude(window.answered as f64 / elapsed_ms as f64);
        }
    }

    /// The backend has too much to do.
    pub fn overloaded(&mut self, now: Timestamp) {
        let is_new = self
            .halved_at
            .is_none_or(|at| now.0 >= at.0 + HALVED_EVERY_MS);
        if self.is_on && is_new {
            self.halved_at = Some(now);
            self.limit = (self.limit / 2).max(1);
            self.trial = Trial::Measured {
                then: Direction::Fewer,
            };
            self.window = None;
        }
    }

    /// The backend is back, and nothing is known of it.
    pub fn restart(&mut self) {
        if self.is_on {
            self.limit = self.limit.min(LIMIT_FIRST);
            self.trial = BEGIN;
            self.window = None;
        }
    }

    fn conclude(&mut self, rate: f64) {
        self.trial = match self.trial {
            Trial::Doubled {
                before,
                rate: rate_before,
            } => {
                let is_better = rate > rate_before * WORTH_DOUBLING;
                let doubled = self.limit.saturating_mul(2).min(self.max);
                if is_better && doubled > self.limit {
                    let before = std::mem::replace(&mut self.limit, doubled);
                    Trial::Doubled { before, rate }
                } else {
                    if !is_better {
                        self.limit = before.max(1);
                    }
                    Trial::Measured {
                        then: Direction::Fewer,
                    }
                }
            }
            Trial::Measured { then } => self.change(then, rate),
            Trial::Changed {
                direction,
                before,
                rate: rate_before,
            } => {
                let (worth, next) = match direction {
                    Direction::More => (WORTH_MORE, Direction::Fewer),
                    Direction::Fewer => (WORTH_FEWER, Direction::More),
                };
                let is_kept = rate > rate_before * worth;
                if !is_kept {
                    self.limit = before;
                }
                // What has helped is done again.
                let then = if is_kept { direction } else { next };
                Trial::Measured { then }
            }
        };
    }

    fn change(&mut self, direction: Direction, rate: f64) -> Trial {
        let before = self.limit;
        let changed = match direction {
            Direction::More => before.saturating_add((before / 4).max(1)).min(self.max),
            Direction::Fewer => (before - (before / 5).max(1).min(before - 1)).max(1),
        };
        if changed == before {
            let then = match direction {
                Direction::More => Direction::Fewer,
                Direction::Fewer => Direction::More,
            };
            return Trial::Measured { then };
        }
        self.limit = changed;
        Trial::Changed {
            direction,
            before,
            rate,
        }
    }
}
