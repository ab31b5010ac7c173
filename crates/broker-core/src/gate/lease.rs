//! A shard's part of the permits.

use std::collections::VecDeque;

use super::{Claim, Grant, News, Report, SPARE_PERMITS, Way};
use crate::time::Timestamp;

/// How many answers a shard has at least before it tells the gate of them while it waits for permits; a quarter of its permits,
/// where that is more.
const ANSWERS_TOLD_MIN: usize = 8;

/// How many calls a shard may have with the backend, and what it has to tell the [`BackendGate`](super::BackendGate).
#[derive(Debug)]
pub(crate) struct Lease {
    held: usize,
    /// Given up, and not yet told.
    returned: usize,
    is_in_line: bool,
    is_short: bool,
    is_watched: bool,
    is_rung: bool,
    way: Way,
    /// Answers that the gate has not been told of.
    answered: usize,
    /// What the gate has to hear of, oldest first.
    reports: VecDeque<Report>,
    /// How many answers the gate has heard of, over all shards.
    answers: u64,
    gives_up_probe: bool,
    /// Nothing has to be told any more before all else, and the gate does not know yet.
    start_is_over: bool,
    /// A probe was sent and has not come back.
    is_probing: bool,
}

impl Lease {
    /// No permits yet, and as far as it is known the way is open.
    pub(crate) fn new() -> Lease {
        Lease {
            held: 0,
            returned: 0,
            is_in_line: false,
            is_short: false,
            is_watched: false,
            is_rung: false,
            way: Way::Open,
            answered: 0,
            reports: VecDeque::new(),
            answers: 0,
            gives_up_probe: false,
            start_is_over: false,
            is_probing: false,
        }
    }

    /// Whether one more call may go out. None does before the gate has heard of one that has failed, since that may have been
    /// the one that says that the backend is away.
    pub(crate) fn has_room(&self, in_flight: usize) -> bool {
        match self.way {
            Way::Open => in_flight < self.held && self.reports.is_empty(),
            Way::Shut { .. } => false,
            Way::Probe { .. } => true,
        }
    }

    /// Whether the backend is away, as far as is known here.
    pub(crate) fn is_away(&self) -> bool {
        match self.way {
            Way::Open => false,
            Way::Shut { is_away, .. } | Way::Probe { is_away } => is_away,
        }
    }

    /// Whether nothing goes out but probes.
    pub(crate) fn is_shut(&self) -> bool {
        self.way != Way::Open
    }

    /// When to ask for a probe.
    pub(crate) fn probe_at(&self) -> Option<Timestamp> {
        match self.way {
            Way::Shut { probe_at, .. } => probe_at,
            Way::Open | Way::Probe { .. } => None,
        }
    }

    /// How often the backend has answered anybody, as far as the gate has heard of it.
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// A call goes out; says whether it is a probe.
    pub(crate) fn sent(&mut self) -> bool {
        let is_probe = self.leave_probe();
        self.is_probing |= is_probe;
        is_probe
    }

    /// The one probe is used up, or given up; says whether there was one.
    fn leave_probe(&mut self) -> bool {
        let Way::Probe { is_away } = self.way else {
            return false;
        };
        self.way = Way::Shut {
            probe_at: None,
            is_away,
        };
        true
    }

    /// A call has come back.
    pub(crate) fn came_back(&mut self, report: Report) {
        if self.is_short {
            self.held -= 1;
            self.returned += 1;
        }
        self.is_probing &= !report.is_probe;
        let is_failure = matches!(report.news, News::Failed { .. });
        self.answered += usize::from(!is_failure);
        if is_failure || report.is_probe || self.is_watched {
            self.reports.push_back(report);
        }
    }

    /// That the broker has started was told, or was given up.
    pub(crate) fn start_is_over(&mut self) {
        self.start_is_over = true;
    }

    /// The gate wants a claim.
    pub(crate) fn ring(&mut self) {
        self.is_rung = true;
    }

    /// What the gate has to be told, if anything. `ready` calls could go out if there were permits.
    pub(crate) fn claim(
        &mut self,
        in_flight: usize,
        ready: usize,
        sessions: usize,
    ) -> Option<Claim> {
        let idle = self.held.saturating_sub(in_flight);
        let (usable, wanted) = match self.way {
            Way::Open => (idle.min(ready), ready.saturating_sub(idle)),
            Way::Shut { .. } => (0, ready),
            Way::Probe { .. } => (ready.min(1), ready.saturating_sub(1)),
        };
        if ready == 0 && matches!(self.way, Way::Probe { .. }) {
            self.gives_up_probe = self.leave_probe();
        }
        self.give_back(idle - usable.min(idle));
        let has_much_to_tell =
            self.is_in_line && self.answered >= (self.held / 4).max(ANSWERS_TOLD_MIN);
        if self.returned == 0
            && !self.is_rung
            && !self.gives_up_probe
            && !self.start_is_over
            && !has_much_to_tell
            && self.reports.is_empty()
            && (wanted > 0) == self.is_in_line
        {
            return None;
        }
        self.is_rung = false;
        Some(Claim {
            kept: self.held,
            returned: std::mem::take(&mut self.returned),
            wanted,
            answered: std::mem::take(&mut self.answered),
            sessions,
            report: self.reports.pop_front(),
            gives_up_probe: std::mem::take(&mut self.gives_up_probe),
            start_is_over: std::mem::take(&mut self.start_is_over),
        })
    }

    /// Gives back permits that are not used: all where they are wanted, else those that are very many.
    fn give_back(&mut self, unused: usize) {
        let (limit, kept) = if self.is_short {
            (0, 0)
        } else {
            // Half is kept, so that a number of events about the limit does not mean a claim for each.
            (2 * SPARE_PERMITS, SPARE_PERMITS)
        };
        if unused > limit {
            self.held -= unused - kept;
            self.returned += unused - kept;
        }
    }

    pub(crate) fn granted(&mut self, grant: Grant) {
        let Grant {
            held,
            is_in_line,
            is_short,
            is_watched,
            way,
            answers,
        } = grant;
        self.held = held;
        self.is_in_line = is_in_line;
        self.is_short = is_short;
        self.is_watched = is_watched;
        self.answers = answers;
        // The word to probe is good for one.
        self.way = way;
        if self.is_probing {
            self.leave_probe();
        }
    }
}
