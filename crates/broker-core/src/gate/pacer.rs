//! How many calls at once get most done.

mod meter;
mod refusals;

#[cfg(test)]
mod tests;

use self::meter::Meter;
use self::refusals::Refusals;
use crate::time::Timestamp;

/// Where it begins, and begins again after the backend was away.
const LIMIT_FIRST: usize = 32;

/// By what the limit is multiplied or divided while it is searched for, and once it seems to have been found.
const STRIDE: f64 = 2.0;
const STEP: f64 = 1.25;

/// Raising the limit has to bring this part of what it could bring at most, else it is taken back.
const WORTH: f64 = 0.3;
/// A difference of rates by less than this factor may be chance.
const CHANCE: f64 = 1.1;
/// So much more than the knee is let out, so that nobody there is idle while an answer is on its way here.
const MARGIN: f64 = 1.2;

/// A measurement takes as many answers as there may be calls, and at least so many; but not more than so many for each
/// call, since a backend may need seconds for one.
const ANSWERS_MIN: usize = 64;
const ANSWERS_PER_CALL_MAX: usize = 8;

/// How much the limit is trusted: from `SEARCHING`, when nothing is known, by way of `STEPPING`, from where on steps are
/// small.
const SEARCHING: usize = 0;
const STEPPING: usize = 4;
/// So many measurements are made at most before the limit is tried again, and of another limit.
const TRUST_MAX: usize = 64;
const CARE_MAX: usize = 4;
/// What is left of the trust in a limit when another one is better.
const DOUBT: usize = 4;

/// How long after it was lowered the limit is not halved: what had gone out before is refused after that, too.
const LOWERED_EVERY_MS: u64 = 1000;

/// Finds the number of calls under way beyond which more of them do not get more done but wait longer: the *knee*.
///
/// It never looks at how long calls take, but at how fast answers come while more is wanted than may go out. Below the knee
/// that grows with the limit; above, it stays the same, or falls. So it tries another limit, compares the two rates, and
/// knows from them which side of the knee each is on, or where between them it is. Since both were measured one right after
/// the other, it does not mislead that backends become faster or slower.
///
/// At the beginning the limit is doubled, or halved, as long as that helps. Then it is tried a step higher and a step lower in
/// turn, less and less often, as long as nothing better is found.
#[derive(Clone, Debug)]
pub struct Pacer {
    max: usize,
    is_on: bool,
    limit: usize,
    trial: Trial,
    /// How many measurements in a row have to show how fast answers come before another limit is tried.
    trust: usize,
    meter: Meter,
    refusals: Refusals,
    lowered_at: Option<Timestamp>,
}

/// What is being measured.
#[derive(Clone, Copy, Debug)]
enum Trial {
    /// The very first limit.
    First,
    /// The limit that seems right, to be compared with another.
    Present { then: Direction },
    /// Another one.
    Other { before: Level, direction: Direction },
}

/// So fast answers come with this limit, in answers per millisecond.
#[derive(Clone, Copy, Debug)]
struct Level {
    limit: usize,
    rate: f64,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    More,
    Fewer,
}

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
            trial: Trial::First,
            trust: SEARCHING,
            meter: Meter::default(),
            refusals: Refusals::default(),
            lowered_at: None,
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
        self.refusals.answered(answers, self.limit);
        if is_saturated {
            self.meter.count(now, answers);
            if let Some(rate) = self.meter.rate(self.answers_needed()) {
                self.conclude(rate);
            }
        } else {
            // Those who go out first when it begins again find nobody before them.
            self.meter.pause(now, self.limit / 4);
        }
    }

    /// The backend has refused a call since it has too much to do.
    pub fn overloaded(&mut self, now: Timestamp) {
        if !self.is_on || !self.refusals.are_many(self.limit) {
            return;
        }
        let is_early = self
            .lowered_at
            .is_some_and(|at| now.0 < at.0.saturating_add(LOWERED_EVERY_MS));
        match self.trial {
            Trial::Other {
                before,
                direction: Direction::More,
            } => {
                self.lowered_at = Some(now);
                self.stay_at(before.limit);
            }
            Trial::First | Trial::Present { .. } | Trial::Other { .. } if is_early => {}
            Trial::First | Trial::Present { .. } | Trial::Other { .. } => {
                self.lowered_at = Some(now);
                self.trust = self.trust.min(STEPPING / DOUBT);
                let then = Direction::More;
                self.measure((self.limit / 2).max(1), Trial::Present { then });
            }
        }
    }

    /// The backend is back, and nothing is known of it.
    pub fn restart(&mut self) {
        if self.is_on {
            self.trust = SEARCHING;
            self.limit = self.max.min(LIMIT_FIRST);
            self.trial = Trial::First;
            self.meter.restart(0);
        }
    }

    /// How many answers make a measurement.
    fn answers_needed(&self) -> usize {
        let least = ANSWERS_MIN.min(self.limit.saturating_mul(ANSWERS_PER_CALL_MAX));
        match (self.trial, self.trust) {
            // At the beginning what matters is not to keep a backend waiting that can take everything.
            (Trial::First, _) => least / 2,
            (Trial::Other { .. }, SEARCHING) => least.max(self.limit / 2),
            (Trial::Other { .. }, trust) => least
                .max(self.limit.saturating_mul(2))
                .saturating_mul(trust.min(CARE_MAX)),
            (Trial::Present { .. }, trust) => least
                .max(self.limit.saturating_mul(2))
                .saturating_mul(trust.max(1)),
        }
    }

    fn conclude(&mut self, rate: f64) {
        let limit = self.limit;
        let here = Level { limit, rate };
        match self.trial {
            Trial::First => self.change(here, Direction::More),
            Trial::Present { then } => self.change(here, then),
            Trial::Other {
                before,
                direction: Direction::More,
            } => {
                let gain = rate / before.rate;
                let possible = limit as f64 / before.limit as f64;
                if gain - 1.0 >= (possible - 1.0) * WORTH {
                    self.trust /= DOUBT;
                    return self.change(here, Direction::More);
                }
                self.stay_at(times(before.limit, if gain > CHANCE { gain } else { 1.0 }));
            }
            Trial::Other {
                before,
                direction: Direction::Fewer,
            } => {
                let loss = before.rate / rate;
                if loss < CHANCE && limit > 1 {
                    self.trust /= DOUBT;
                    return self.change(here, Direction::Fewer);
                }
                let knee = limit as f64 * loss.max(1.0);
                let then = Direction::More;
                let limit = (knee * MARGIN).ceil() as usize;
                self.measure(limit.min(before.limit), Trial::Present { then });
            }
        }
    }

    /// More does not help, so the limit is trusted more than before. Next, fewer are tried.
    fn stay_at(&mut self, limit: usize) {
        self.trust = match self.trust {
            SEARCHING => STEPPING / DOUBT,
            trust => (trust * 2).clamp(STEPPING, TRUST_MAX),
        };
        let then = Direction::Fewer;
        self.measure(limit, Trial::Present { then });
    }

    /// Tries another limit, if there is one.
    fn change(&mut self, before: Level, direction: Direction) {
        let factor = if self.trust < STEPPING { STRIDE } else { STEP };
        let other = match direction {
            Direction::More => times(before.limit, factor).min(self.max),
            Direction::Fewer => times(before.limit, 1.0 / factor)
                .min(before.limit - 1)
                .max(1),
        };
        if other != before.limit {
            return self.measure(other, Trial::Other { before, direction });
        }
        match direction {
            Direction::More => {
                self.trust = self.trust.max(STEPPING / 2);
                self.stay_at(other);
            }
            Direction::Fewer => {
                let then = Direction::More;
                self.measure(other, Trial::Present { then });
            }
        }
    }

    fn measure(&mut self, limit: usize, trial: Trial) {
        // What went out before says nothing of the new limit.
        let passed_over = if limit == self.limit { 0 } else { self.limit };
        self.limit = limit;
        self.trial = trial;
        self.meter.restart(passed_over);
    }
}

/// At least one more, where the factor is more than 1.
fn times(limit: usize, factor: f64) -> usize {
    (limit as f64 * factor).ceil() as usize
}
