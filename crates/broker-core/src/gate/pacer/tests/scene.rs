//! A pacer, its backend, and the limits that there were.

use expect_test::Expect;

use crate::gate::Pacer;
use crate::time::Timestamp;

pub(super) const MAX: usize = 256;

/// A pacer before a backend of which only matters how many answers it gives in a millisecond, by how many calls it has.
pub(super) struct Scene {
    pub(super) pacer: Pacer,
    pub(super) now_ms: u64,
    /// What has come of an answer that is not whole.
    rest: f64,
    /// The limits that there were, each with the time from which on.
    pub(super) limits: Vec<(u64, usize)>,
}

impl Scene {
    pub(super) fn new() -> Scene {
        Scene {
            pacer: Pacer::new(MAX, true),
            now_ms: 0,
            rest: 0.0,
            limits: Vec::new(),
        }
    }

    /// More is wanted than may go out, for so long.
    pub(super) fn saturated(mut self, ms: u64, rate: impl Fn(usize) -> f64) -> Scene {
        for _ in 0..ms {
            self.pass_ms(rate(self.pacer.limit()), true);
        }
        self
    }

    pub(super) fn calm(mut self, ms: u64, rate: f64) -> Scene {
        for _ in 0..ms {
            self.pass_ms(rate, false);
        }
        self
    }

    /// No answer comes.
    pub(super) fn silent(mut self, ms: u64) -> Scene {
        self.now_ms += ms;
        self
    }

    pub(super) fn answered(&mut self, answers: usize) {
        self.pacer.answered(Timestamp(self.now_ms), answers, true);
        self.look();
    }

    fn pass_ms(&mut self, answers: f64, is_saturated: bool) {
        self.now_ms += 1;
        self.rest += answers;
        let whole = self.rest.floor();
        self.rest -= whole;
        self.pacer
            .answered(Timestamp(self.now_ms), whole as usize, is_saturated);
        self.look();
    }

    /// So many calls are refused at once.
    pub(super) fn refused(mut self, calls: usize) -> Scene {
        for _ in 0..calls {
            self.pacer.overloaded(Timestamp(self.now_ms));
            self.look();
        }
        self
    }

    pub(super) fn look(&mut self) {
        let limit = self.pacer.limit();
        if self.limits.last().is_none_or(|(_, last)| *last != limit) {
            self.limits.push((self.now_ms, limit));
        }
    }

    pub(super) fn limits_since(&self, ms: u64) -> Vec<usize> {
        let before = self.limits.iter().rposition(|(at, _)| *at <= ms);
        let since = &self.limits[before.unwrap_or(0)..];
        since.iter().map(|(_, limit)| *limit).collect()
    }

    pub(super) fn is(&self, expected: &Expect) {
        let lines = self
            .limits
            .iter()
            .map(|(ms, limit)| format!("{ms} ms: {limit}\n"));
        expected.assert_eq(&lines.collect::<String>());
    }
}

pub(super) fn workers(count: usize, service_ms: f64) -> impl Fn(usize) -> f64 {
    move |limit| limit.min(count) as f64 / service_ms
}

/// It takes everything, and needs so long for each.
pub(super) fn anything(service_ms: f64) -> impl Fn(usize) -> f64 {
    workers(usize::MAX, service_ms)
}
