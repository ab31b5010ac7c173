//! How many events may be with the backend at once, over all shards.
//!
//! One [`Gate`] serves all shards of a process that tell the same backend. It is pure: the driver keeps it under a lock,
//! hands it the [`Claim`]s of its shards and them the [`Grant`]s, and rings the shards that it names. A shard leases a
//! few permits and uses them again and again, so that it comes to the gate, and to the lock, only when it is short of
//! permits, when it has too many, or when another shard waits.

mod lease;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub(crate) use self::lease::Lease;

/// How many permits a shard gets on top of those that it needs, and how many it may keep idle.
///
/// They spare the gate most claims. Nobody waits for them: they are called back when another shard is short.
const SPARE_PERMITS: usize = 8;

/// Who has how many of the permits to tell the backend an event.
///
/// As long as there are enough, who claims gets them. Once somebody waits, all others give back each permit after one
/// event, and permits go to those in line, one each: so a shard with few events gets its turn beside one with very many.
///
/// **Invariants:** `free` and all of `leased` add up to the limit; while somebody is in line, nothing is free.
#[derive(Debug)]
pub struct Gate {
    free: usize,
    /// How many permits each shard has, with those that it has not been told of.
    leased: Vec<usize>,
    /// The shards that wait, each once; the first waits longest.
    line: VecDeque<u16>,
}

/// What a shard tells the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How many permits it has been told of and keeps.
    kept: usize,
    /// How many it gives back.
    returned: usize,
    /// How many more it could use.
    wanted: usize,
}

/// How things stand for a shard from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many permits it has.
    held: usize,
    /// Whether it is in line for more.
    is_in_line: bool,
    /// Whether another shard is in line, so that permits have to be given back.
    is_short: bool,
}

/// Whether a shard waits, and which.
#[derive(Clone, Copy)]
enum Waiting {
    Nobody,
    One(u16),
    Several,
}

impl Gate {
    /// A gate for so many shards that lets this many events through at once.
    #[must_use]
    pub fn new(shards: u16, limit: usize) -> Gate {
        Gate {
            free: limit,
            leased: vec![0; usize::from(shards)],
            line: VecDeque::new(),
        }
    }

    /// Takes a shard's claim. Every shard that `ring` is called with has to claim in turn, whether it wants anything or
    /// not ([`Broker::ring`](crate::Broker::ring)).
    pub fn claim(&mut self, shard: u16, claim: Claim, mut ring: impl FnMut(u16)) -> Grant {
        let waited = self.waiting();
        let place = usize::from(shard);
        let returned = claim.returned.min(self.leased[place]);
        self.leased[place] -= returned;
        self.free += returned;
        if self.lacking(shard, claim) == 0 {
            self.line.retain(|waiting| *waiting != shard);
        }
        self.serve_line(|served| {
            if served != shard {
                ring(served);
            }
        });
        let lacking = self.lacking(shard, claim);
        if lacking > 0 {
            let more = self.free.min(lacking + SPARE_PERMITS);
            self.free -= more;
            self.leased[place] += more;
        }
        let is_in_line = self.lacking(shard, claim) > 0;
        if is_in_line && !self.line.contains(&shard) {
            self.line.push_back(shard);
            self.call_back_from_others(shard, waited, ring);
        }
        Grant {
            held: self.leased[place],
            is_in_line,
            is_short: self.waiting().is_another_than(shard),
        }
    }

    /// Takes back all permits of a shard that has ended, and passes them on.
    pub fn leave(&mut self, shard: u16, ring: impl FnMut(u16)) {
        self.free += std::mem::take(&mut self.leased[usize::from(shard)]);
        self.line.retain(|waiting| *waiting != shard);
        self.serve_line(ring);
    }

    /// How many of the permits that a shard wants it has not got, with those given to it since it was last told.
    fn lacking(&self, shard: u16, claim: Claim) -> usize {
        let got = self.leased[usize::from(shard)].saturating_sub(claim.kept);
        claim.wanted.saturating_sub(got)
    }

    fn serve_line(&mut self, mut ring: impl FnMut(u16)) {
        while self.free > 0
            && let Some(first) = self.line.pop_front()
        {
            self.free -= 1;
            self.leased[usize::from(first)] += 1;
            ring(first);
        }
    }

    /// Rings those who have permits and do not know yet that they are wanted elsewhere.
    fn call_back_from_others(&self, shard: u16, waited: Waiting, mut ring: impl FnMut(u16)) {
        let waiting = self.waiting();
        for (other, leased) in (0..).zip(&self.leased) {
            let is_news = waiting.is_another_than(other) && !waited.is_another_than(other);
            if other != shard && *leased > 0 && is_news {
                ring(other);
            }
        }
    }

    fn waiting(&self) -> Waiting {
        match (self.line.front(), self.line.len()) {
            (None, _) => Waiting::Nobody,
            (Some(only), 1) => Waiting::One(*only),
            (Some(_), _) => Waiting::Several,
        }
    }
}

impl Waiting {
    fn is_another_than(self, shard: u16) -> bool {
        match self {
            Waiting::Nobody => false,
            Waiting::One(waiting) => waiting != shard,
            Waiting::Several => true,
        }
    }
}
