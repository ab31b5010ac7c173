//! The ways to limit concurrency that are compared.

use broker_core::{Pacer, Timestamp};

/// Where all that adapt begin, as the pacer does.
const FIRST: f64 = 32.0;

/// Says how many calls may be under way.
pub(crate) trait Limit {
    fn limit(&self) -> usize;

    fn answered(&mut self, answered: Answered);

    /// A call was answered 503.
    fn overloaded(&mut self, now_us: u64);

    /// All has gone out that may; says whether more would.
    fn looked(&mut self, _now_us: u64, _under_way: usize, _is_saturated: bool) {}
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) now_us: u64,
    /// How long the call was with the backend.
    pub(crate) took_us: u64,
    /// How many calls are left there.
    pub(crate) under_way: usize,
    /// Whether events wait.
    pub(crate) is_saturated: bool,
}

/// Always the same.
#[derive(Debug)]
pub(crate) struct Fixed(pub(crate) usize);

impl Limit for Fixed {
    fn limit(&self) -> usize {
        self.0
    }

    fn answered(&mut self, _answered: Answered) {}

    fn overloaded(&mut self, _now_us: u64) {}
}

/// The mean time of so many answers as there may be calls.
#[derive(Debug, Default)]
struct Mean {
    count: usize,
    sum_us: u64,
}

impl Mean {
    fn of(&mut self, took_us: u64, window: usize) -> Option<f64> {
        self.count += 1;
        self.sum_us += took_us;
        (self.count >= window.max(10)).then(|| {
            let Mean { count, sum_us } = std::mem::take(self);
            sum_us as f64 / count as f64
        })
    }
}

/// Additive increase, multiplicative decrease: one more while answers take less than twice the least mean time that was
/// seen, a tenth fewer when they take more.
#[derive(Debug)]
pub(crate) struct Aimd {
    max: f64,
    limit: f64,
    mean: Mean,
    least_us: f64,
}

impl Aimd {
    pub(crate) fn new(max: usize) -> Aimd {
        Aimd {
            max: max as f64,
            limit: FIRST,
            mean: Mean::default(),
            least_us: f64::INFINITY,
        }
    }
}

impl Limit for Aimd {
    fn limit(&self) -> usize {
        self.limit as usize
    }

    fn answered(&mut self, answered: Answered) {
        let Some(mean_us) = self.mean.of(answered.took_us, self.limit as usize) else {
            return;
        };
        self.least_us = self.least_us.min(mean_us);
        if mean_us > 2.0 * self.least_us {
            self.limit = (self.limit * 0.9).max(1.0);
        } else if answered.is_saturated {
            self.limit = (self.limit + 1.0).min(self.max);
        }
    }

    fn overloaded(&mut self, _now_us: u64) {
        self.limit = (self.limit * 0.9).max(1.0);
    }
}

/// Netflix' Gradient2: the long-term mean time of an answer over that of the last few, with a tolerance, as the factor of the
/// limit, and the root of the limit on top as a queue.
#[derive(Debug)]
pub(crate) struct Gradient {
    max: f64,
    limit: f64,
    mean: Mean,
    long_us: Option<f64>,
}

impl Gradient {
    const TOLERANCE: f64 = 1.5;
    const SMOOTHING: f64 = 0.2;
    const LONG: f64 = 600.0;

    pub(crate) fn new(max: usize) -> Gradient {
        Gradient {
            max: max as f64,
            limit: FIRST,
            mean: Mean::default(),
            long_us: None,
        }
    }
}

impl Limit for Gradient {
    fn limit(&self) -> usize {
        self.limit as usize
    }

    fn answered(&mut self, answered: Answered) {
        let Some(short_us) = self.mean.of(answered.took_us, 10) else {
            return;
        };
        let long_us = self.long_us.get_or_insert(short_us);
        *long_us += (short_us - *long_us) * 2.0 / (Self::LONG + 1.0);
        if *long_us / short_us > 2.0 {
            *long_us *= 0.95;
        }
        if (answered.under_way as f64) < self.limit / 2.0 {
            return;
        }
        let gradient = (Self::TOLERANCE * *long_us / short_us).clamp(0.5, 1.0);
        let aim = self.limit * gradient + self.limit.sqrt();
        let next = self.limit * (1.0 - Self::SMOOTHING) + aim * Self::SMOOTHING;
        self.limit = next.clamp(1.0, self.max);
    }

    fn overloaded(&mut self, _now_us: u64) {
        self.limit = (self.limit * 0.9).max(1.0);
    }
}

/// TCP Vegas, as Netflix has it: the least time of an answer says how many calls wait in a queue, and there should be a few.
#[derive(Debug)]
pub(crate) struct Vegas {
    max: f64,
    limit: f64,
    mean: Mean,
    least_us: f64,
    answers: usize,
}

impl Vegas {
    pub(crate) fn new(max: usize) -> Vegas {
        Vegas {
            max: max as f64,
            limit: FIRST,
            mean: Mean::default(),
            least_us: f64::INFINITY,
            answers: 0,
        }
    }
}

impl Limit for Vegas {
    fn limit(&self) -> usize {
        self.limit as usize
    }

    fn answered(&mut self, answered: Answered) {
        self.answers += 1;
        let Some(mean_us) = self.mean.of(answered.took_us, self.limit as usize) else {
            return;
        };
        // The least time is found anew now and then, since the backend may have changed.
        if self.answers as f64 > 30.0 * self.limit {
            self.answers = 0;
            self.least_us = mean_us;
        }
        self.least_us = self.least_us.min(mean_us);
        if (answered.under_way as f64) < self.limit / 2.0 {
            return;
        }
        let queue = self.limit * (1.0 - self.least_us / mean_us);
        let step = self.limit.log10().max(1.0);
        if queue < 3.0 * step {
            self.limit += step;
        } else if queue > 6.0 * step {
            self.limit -= step;
        }
        self.limit = self.limit.clamp(1.0, self.max);
    }

    fn overloaded(&mut self, _now_us: u64) {
        self.limit = (self.limit - self.limit.log10().max(1.0)).max(1.0);
    }
}

/// What wsbroker has. It is told of answers as a shard tells its gate: in claims, by milliseconds.
#[derive(Debug)]
pub(crate) struct Paced {
    pacer: Pacer,
    untold: usize,
    was_saturated: bool,
}

impl Paced {
    /// How many answers a shard has at least before it tells the gate of them.
    const TOLD_MIN: usize = 8;

    pub(crate) fn new(max: usize) -> Paced {
        Paced {
            pacer: Pacer::new(max, true),
            untold: 0,
            was_saturated: false,
        }
    }

    fn tell(&mut self, now_us: u64) {
        let answers = std::mem::take(&mut self.untold);
        self.pacer
            .answered(milliseconds(now_us), answers, self.was_saturated);
    }
}

impl Limit for Paced {
    fn limit(&self) -> usize {
        self.pacer.limit()
    }

    fn answered(&mut self, answered: Answered) {
        self.untold += 1;
        let is_over_limit = answered.under_way >= self.pacer.limit();
        if is_over_limit || self.untold >= (self.pacer.limit() / 4).max(Self::TOLD_MIN) {
            self.tell(answered.now_us);
        }
    }

    fn overloaded(&mut self, now_us: u64) {
        self.tell(now_us);
        self.pacer.overloaded(milliseconds(now_us));
    }

    fn looked(&mut self, now_us: u64, _under_way: usize, is_saturated: bool) {
        if is_saturated != self.was_saturated {
            self.tell(now_us);
            self.was_saturated = is_saturated;
        }
    }
}

fn milliseconds(us: u64) -> Timestamp {
    Timestamp(us / 1000)
}
