//! Backends as models: how long a call takes there, by what else they have to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::dice::Dice;

/// From the broker to the backend and back.
const NETWORK_US: u64 = 200;
/// A refusal costs no work.
const REFUSAL_US: u64 = 1000;

/// What a backend is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// How many calls are worked on at once; the others wait in a queue, first come, first served.
    pub(crate) workers: usize,
    /// How many may wait; those beyond are answered 503 at once.
    pub(crate) queue_max: usize,
    pub(crate) service: Service,
    /// One call of so many is answered 503, whatever is asked.
    pub(crate) fails_one_of: Option<u64>,
}

/// How long work on a call takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Constant(u64),
    /// Exponential; one of a hundred takes `tail_us`.
    HeavyTail {
        mean_us: u64,
        tail_us: u64,
    },
    Uniform {
        least_us: u64,
        most_us: u64,
    },
    /// Grows with the square of the number of calls beyond one.
    Thrashing {
        us: u64,
        beyond: usize,
    },
    /// Takes `factor` times as long from one moment to another.
    SlowFor {
        us: u64,
        factor: u64,
        from_us: u64,
        until_us: u64,
    },
}

/// A backend at work.
#[derive(Debug)]
pub(crate) struct Backend {
    kind: Kind,
    /// When the workers that have been busy are free again.
    free_at: BinaryHeap<Reverse<u64>>,
}

/// What comes of a call, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) at_us: u64,
    pub(crate) is_refusal: bool,
}

impl Kind {
    pub(crate) const fn new(workers: usize, service: Service) -> Kind {
        Kind {
            workers,
            queue_max: usize::MAX,
            service,
            fails_one_of: None,
        }
    }
}

impl Backend {
    pub(crate) fn new(kind: Kind) -> Backend {
        Backend {
            kind,
            free_at: BinaryHeap::new(),
        }
    }

    /// Takes a call, the last of so many under way.
    pub(crate) fn call(&mut self, now_us: u64, under_way: usize, dice: &mut Dice) -> Answer {
        let fails = self.kind.fails_one_of.is_some_and(|n| dice.below(n) == 0);
        if fails || under_way > self.kind.workers.saturating_add(self.kind.queue_max) {
            return Answer {
                at_us: now_us + REFUSAL_US,
                is_refusal: true,
            };
        }
        let start_us = if self.free_at.len() < self.kind.workers {
            now_us
        } else {
            self.free_at.pop().map_or(now_us, |free| free.0.max(now_us))
        };
        let end_us = start_us + self.work_us(start_us, under_way, dice);
        if self.kind.workers < usize::MAX {
            self.free_at.push(Reverse(end_us));
        }
        Answer {
            at_us: end_us + NETWORK_US,
            is_refusal: false,
        }
    }

    fn work_us(&self, start_us: u64, under_way: usize, dice: &mut Dice) -> u64 {
        match self.kind.service {
            Service::Constant(us) => us,
            Service::HeavyTail { mean_us, tail_us } => {
                if dice.below(100) == 0 {
                    tail_us
                } else {
                    dice.exponential(mean_us)
                }
            }
            Service::Uniform { least_us, most_us } => least_us + dice.below(most_us - least_us),
            Service::Thrashing { us, beyond } => {
                let over = (under_way as f64 / beyond as f64).max(1.0);
                (us as f64 * over * over) as u64
            }
            Service::SlowFor {
                us,
                factor,
                from_us,
                until_us,
            } => {
                if (from_us..until_us).contains(&start_us) {
                    us * factor
                } else {
                    us
                }
            }
        }
    }
}
