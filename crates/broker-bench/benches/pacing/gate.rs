//! A gate with one limit before one backend, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::backend::{Backend, Kind};
use crate::dice::Dice;
use crate::limits::{Answered, Limit};

/// A refused call is made again after about so long.
const RETRY_US: u64 = 75_000;

/// How a run is divided, to see when it got good.
pub(crate) const SLOTS: u64 = 200;

/// What is asked of the backend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Demand {
    /// There is always more to tell than may go out.
    Always,
    /// So many events at once, every so often.
    Bursts { events: usize, every_us: u64 },
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Answers per second in which anything was to be done.
    pub(crate) goodput: f64,
    pub(crate) refusals: u64,
    pub(crate) limit_at_end: usize,
    /// With the backend, for each answered call, in order of the answers.
    pub(crate) times_us: Vec<u64>,
    /// What came of each part of the run.
    pub(crate) slots: Vec<Slot>,
}

/// What came of a part of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) answers: usize,
    /// How long there was something to do.
    pub(crate) busy_us: u64,
    /// With the backend, of all answered calls together.
    pub(crate) times_us: u64,
}

impl Run {
    /// Of the time with the backend, but for the first quarter of the answers.
    pub(crate) fn percentile_us(&self, percent: usize) -> u64 {
        let mut times_us = self.times_us[self.times_us.len() / 4..].to_vec();
        let rank = (times_us.len() * percent).div_ceil(100);
        rank.checked_sub(1)
            .map_or(0, |index| *times_us.select_nth_unstable(index).1)
    }
}

impl Slot {
    pub(crate) fn sum(slots: &[Slot]) -> Slot {
        slots.iter().fold(Slot::default(), |sum, slot| Slot {
            answers: sum.answers + slot.answers,
            busy_us: sum.busy_us + slot.busy_us,
            times_us: sum.times_us + slot.times_us,
        })
    }

    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.busy_us.max(1) as f64
    }

    pub(crate) fn mean_us(&self) -> f64 {
        self.times_us as f64 / self.answers.max(1) as f64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Burst(usize),
    Again,
    Answer { sent_us: u64, is_refusal: bool },
}

/// Lets a limit work for so long.
pub(crate) fn run(kind: Kind, demand: Demand, length_us: u64, limit: &mut dyn Limit) -> Run {
    let mut dice = Dice::new(7);
    let mut backend = Backend::new(kind);
    let mut ahead = BinaryHeap::new();
    let mut waiting = 0_usize;
    match demand {
        Demand::Always => waiting = usize::MAX / 2,
        Demand::Bursts { events, every_us } => {
            let starts = (0..length_us).step_by(every_us as usize);
            ahead.extend(starts.map(|at| Reverse((at, 0, Happens::Burst(events)))));
        }
    }
    let mut run = Run {
        slots: vec![Slot::default(); SLOTS as usize],
        ..Run::default()
    };
    let (mut under_way, mut number, mut now_us) = (0_usize, 0_u64, 0_u64);
    // How many of those under way were not refused at once.
    let mut taken = 0_usize;
    loop {
        while waiting > 0 && under_way < limit.limit() {
            waiting -= 1;
            under_way += 1;
            number += 1;
            let answer = backend.call(now_us, taken + 1, &mut dice);
            taken += usize::from(!answer.is_refusal);
            let happens = Happens::Answer {
                sent_us: now_us,
                is_refusal: answer.is_refusal,
            };
            ahead.push(Reverse((answer.at_us, number, happens)));
        }
        limit.looked(now_us, under_way, waiting > 0);
        let Some(Reverse((at_us, _, happens))) = ahead.pop() else {
            break;
        };
        if at_us >= length_us {
            break;
        }
        let slot = &mut run.slots[(at_us * SLOTS / length_us) as usize];
        if waiting > 0 || under_way > 0 {
            slot.busy_us += at_us - now_us;
        }
        now_us = at_us;
        match happens {
            Happens::Burst(events) => waiting += events,
            Happens::Again => waiting += 1,
            Happens::Answer {
                is_refusal: true, ..
            } => {
                under_way -= 1;
                run.refusals += 1;
                number += 1;
                ahead.push(Reverse((now_us + RETRY_US, number, Happens::Again)));
                limit.overloaded(now_us);
            }
            Happens::Answer { sent_us, .. } => {
                under_way -= 1;
                taken -= 1;
                slot.answers += 1;
                slot.times_us += now_us - sent_us;
                run.times_us.push(now_us - sent_us);
                limit.answered(Answered {
                    now_us,
                    took_us: now_us - sent_us,
                    under_way,
                    is_saturated: waiting > 0,
                });
            }
        }
    }
    let busy_us: u64 = run.slots.iter().map(|slot| slot.busy_us).sum();
    run.goodput = run.times_us.len() as f64 * 1e6 / busy_us.max(1) as f64;
    run.limit_at_end = limit.limit();
    run
}
