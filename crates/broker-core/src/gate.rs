//! Whether the backend is there, and how much it is asked at once, over all shards.
//!
//! One [`BackendGate`] serves all shards of a process that tell the same backend. It is pure: the driver keeps it under a
//! lock, hands it the [`Claim`]s of its shards and them the [`Grant`]s, and rings the shards that it names. A shard leases a
//! few permits and uses them again and again, so that it comes to the gate, and to the lock, only when it is short of
//! permits, when it has too many, when another shard waits, or when something has failed.

mod lease;
mod pacer;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::num::NonZeroU32;

use crate::config::Backoff;
use crate::time::Timestamp;

pub(crate) use self::lease::Lease;
pub use self::pacer::Pacer;
use self::verdict::Verdict;
pub(crate) use self::verdict::{News, Report};

/// How many permits a shard gets on top of those that it needs, and how many it may keep idle.
///
/// They spare the gate most claims. Nobody waits for them: they are called back when another shard is short.
const SPARE_PERMITS: usize = 8;

/// What a gate is told once, when it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GateConfig {
    /// How many calls may be with the backend at once; 0 for no limit.
    pub max_in_flight: usize,
    /// Whether fewer are made where more do not get more done.
    pub is_paced: bool,
    /// How many failures in a row say that the backend is away; `None`: nothing ever says so.
    pub away_after: Option<NonZeroU32>,
    /// When a backend that is away is tried again.
    pub probing: Backoff,
    /// Whether nothing goes out before shard 0 has told the backend that the broker has started
    /// ([`Broker::start`](crate::Broker::start)).
    pub begins_shut: bool,
    /// Seeds the jitter of probes.
    pub seed: u64,
}

impl Default for GateConfig {
    fn default() -> GateConfig {
        GateConfig {
            max_in_flight: 256,
            is_paced: true,
            away_after: NonZeroU32::new(5),
            probing: Backoff::default(),
            begins_shut: false,
            seed: 0,
        }
    }
}

/// Who has how many of the permits to call the backend, and whether anybody may.
///
/// As long as there are enough, who claims gets them. Once somebody waits, all others give back each permit after one
/// call, and permits go to those in line, one each: so a shard with few events gets its turn beside one with very many.
///
/// While the backend is away all permits are given back, and one shard after the other gets one for a probe.
///
/// **Invariants:** while somebody is in line and the backend is there, no permit is free; while it is away, at most one
/// permit is given out, to the shard that probes.
#[derive(Debug)]
pub struct BackendGate {
    pacer: Pacer,
    verdict: Verdict,
    /// How many permits each shard has, with those that it has not been told of.
    leased: Vec<usize>,
    /// How many sessions each shard had when it last claimed.
    sessions: Vec<usize>,
    /// The shards that wait, each once; the first waits longest.
    line: VecDeque<u16>,
    /// How often the backend was heard to answer, as far as that was asked for.
    answers: u64,
    /// How often events had to wait for a permit.
    held_back: u64,
}

/// What a shard tells the gate.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// How many permits it has been told of and keeps.
    kept: usize,
    /// How many it gives back.
    returned: usize,
    /// How many more it could use.
    wanted: usize,
    /// How many answers it has had since its last claim.
    answered: usize,
    /// How many sessions it has.
    sessions: usize,
    /// What came of a call that the gate has to know of.
    report: Option<Report>,
    /// It was to probe and has nothing to probe with any more.
    gives_up_probe: bool,
    /// That the broker has started was told, or was given up: others may probe too.
    start_is_over: bool,
}

/// How things stand for a shard from now on.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// How many permits it has.
    held: usize,
    /// Whether it is in line for more.
    is_in_line: bool,
    /// Whether permits have to be given back as they come free.
    is_short: bool,
    /// Whether the gate wants to hear of every answer.
    is_watched: bool,
    way: Way,
    answers: u64,
}

/// What may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Calls for which there are permits.
    Open,
    /// Nothing. Whoever is in line may ask for a probe then, if nobody is making one.
    Shut {
        probe_at: Option<Timestamp>,
        is_away: bool,
    },
    /// One call, to find out whether the backend is back.
    Probe { is_away: bool },
}

/// How things stand at the gate, for those who look from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Whether the backend is taken to be away.
    pub is_away: bool,
    /// How many calls may be with it at once; `usize::MAX` for no limit.
    pub limit: usize,
    /// How often events had to wait since as many were with it.
    pub held_back: u64,
}

impl BackendGate {
    /// A gate for so many shards.
    #[must_use]
    pub fn new(shards: u16, config: &GateConfig) -> BackendGate {
        BackendGate {
            pacer: Pacer::new(config.max_in_flight, config.is_paced),
            verdict: Verdict::new(config),
            leased: vec![0; usize::from(shards)],
            sessions: vec![0; usize::from(shards)],
            line: VecDeque::new(),
            answers: 0,
            held_back: 0,
        }
    }

    /// How things stand.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            is_away: self.verdict.is_away(),
            limit: self.pacer.limit(),
            held_back: self.held_back,
        }
    }

    /// Takes a shard's claim. Every shard that `ring` is called with has to claim in turn, whether it wants anything or
    /// not ([`Broker::ring`](crate::Broker::ring)).
    pub fn claim(
        &mut self,
        now: Timestamp,
        shard: u16,
        claim: Claim,
        mut ring: impl FnMut(u16),
    ) -> Grant {
        let mut ring = |other| {
            if other != shard {
                ring(other);
            }
        };
        let place = usize::from(shard);
        let was = self.mood();
        self.leased[place] -= claim.returned.min(self.leased[place]);
        self.sessions[place] = claim.sessions;
        self.pacer
            .answered(now, claim.answered, !self.line.is_empty());
        if claim.gives_up_probe {
            self.verdict.probe_given_up(shard);
        }
        if claim.start_is_over {
            self.verdict.start_is_over(shard);
        }
        if let Some(report) = claim.report {
            self.hear(now, shard, &report);
        }
        if self.lacking(shard, claim) == 0 {
            self.line.retain(|waiting| *waiting != shard);
        }
        self.serve_line(now, &mut ring);
        let lacking = self.lacking(shard, claim);
        if lacking > 0 && self.line.is_empty() {
            self.leased[place] += self.free().min(lacking + SPARE_PERMITS);
        }
        let is_in_line = self.lacking(shard, claim) > 0;
        if is_in_line && !self.line.contains(&shard) {
            self.line.push_back(shard);
            self.held_back += u64::from(!self.verdict.is_shut());
            // It may be the first who could probe.
            self.serve_line(now, &mut ring);
        }
        self.ring_those_concerned(&was, ring);
        Grant {
            held: self.leased[place],
            is_in_line: self.line.contains(&shard),
            is_short: self.mood().is_short_for(shard),
            is_watched: self.verdict.is_watching(),
            way: self.way_for(shard),
            answers: self.answers,
        }
    }

    /// Takes back all permits of a shard that has ended, and passes them on.
    pub fn leave(&mut self, now: Timestamp, shard: u16, ring: impl FnMut(u16)) {
        self.leased[usize::from(shard)] = 0;
        self.sessions[usize::from(shard)] = 0;
        self.line.retain(|waiting| *waiting != shard);
        self.verdict.probe_given_up(shard);
        self.serve_line(now, ring);
    }

    /// Takes note of what came of a call.
    fn hear(&mut self, now: Timestamp, shard: u16, report: &Report) {
        let is_only = self.sessions.iter().sum::<usize>() <= 1;
        let was_shut = self.verdict.is_shut();
        self.verdict.hear(now, shard, report, is_only);
        match report.news {
            News::Answered => self.answers += 1,
            News::Failed { is_overload, .. } if is_overload => self.pacer.overloaded(now),
            News::Failed { .. } => {}
        }
        if was_shut && !self.verdict.is_shut() {
            self.pacer.restart();
        }
    }

    /// How many permits may be given out.
    fn free(&self) -> usize {
        if self.verdict.is_shut() {
            return 0;
        }
        let leased = self.leased.iter().sum();
        self.pacer.limit().saturating_sub(leased)
    }

    /// How many of the permits that a shard wants it has not got, with those given to it since it was last told.
    fn lacking(&self, shard: u16, claim: Claim) -> usize {
        let got = self.leased[usize::from(shard)].saturating_sub(claim.kept);
        claim.wanted.saturating_sub(got)
    }

    /// Gives what there is to those who wait longest: permits, or the word to probe.
    fn serve_line(&mut self, now: Timestamp, mut ring: impl FnMut(u16)) {
        let is_due = |shard: &u16| self.probe_at(*shard).is_some_and(|at| at <= now);
        if let Some(at) = self.line.iter().position(is_due)
            && let Some(prober) = self.line.remove(at)
        {
            self.verdict.probe_given_to(prober);
            self.leased[usize::from(prober)] += 1;
            ring(prober);
        }
        let mut free = self.free();
        while free > 0
            && let Some(first) = self.line.pop_front()
        {
            free -= 1;
            self.leased[usize::from(first)] += 1;
            ring(first);
        }
    }

    fn way_for(&self, shard: u16) -> Way {
        if !self.verdict.is_shut() {
            Way::Open
        } else if self.verdict.prober() == Some(shard) {
            Way::Probe {
                is_away: self.verdict.is_away(),
            }
        } else {
            Way::Shut {
                probe_at: self.probe_at(shard),
                is_away: self.verdict.is_away(),
            }
        }
    }

    /// When a shard may probe. Not while as much is under way as may be, from before the backend went away.
    fn probe_at(&self, shard: u16) -> Option<Timestamp> {
        let has_room = self.leased.iter().sum::<usize>() < self.pacer.max();
        self.verdict.probe_at(shard).filter(|_| has_room)
    }

    fn mood(&self) -> Mood {
        Mood {
            waiting: match (self.line.front(), self.line.len()) {
                (None, _) => Waiting::Nobody,
                (Some(only), 1) => Waiting::One(*only),
                (Some(_), _) => Waiting::Several,
            },
            is_over_limit: self.leased.iter().sum::<usize>() > self.pacer.limit(),
            is_shut: self.verdict.is_shut(),
            is_away: self.verdict.is_away(),
            is_watching: self.verdict.is_watching(),
            probe_at: self.line.front().and_then(|first| self.probe_at(*first)),
        }
    }

    /// Rings those shards for whom things stand otherwise than before.
    fn ring_those_concerned(&self, was: &Mood, mut ring: impl FnMut(u16)) {
        let is = self.mood();
        for (other, leased) in (0..).zip(&self.leased) {
            let is_called_back = is.is_short_for(other) && !was.is_short_for(other);
            let is_to_report = is.is_watching && !was.is_watching;
            let may_probe_later =
                is.probe_at != was.probe_at && is.probe_at.is_some() && self.line.contains(&other);
            // Those who have failed want to know that others are answered.
            let is_answered = was.is_watching && !is.is_watching;
            let is_concerned = is.is_shut != was.is_shut
                || is.is_away != was.is_away
                || may_probe_later
                || is_answered
                || (*leased > 0 && (is_called_back || is_to_report));
            if is_concerned {
                ring(other);
            }
        }
    }
}

/// What of the gate's state concerns all shards.
#[derive(Debug)]
struct Mood {
    waiting: Waiting,
    is_over_limit: bool,
    is_shut: bool,
    is_away: bool,
    is_watching: bool,
    /// When the first in line may probe.
    probe_at: Option<Timestamp>,
}

/// Whether a shard waits, and which.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    Nobody,
    One(u16),
    Several,
}

impl Mood {
    /// Whether a shard has to give back permits.
    fn is_short_for(&self, shard: u16) -> bool {
        let is_waited_for = match self.waiting {
            Waiting::Nobody => false,
            Waiting::One(waiting) => waiting != shard,
            Waiting::Several => true,
        };
        self.is_shut || self.is_over_limit || is_waited_for
    }
}
