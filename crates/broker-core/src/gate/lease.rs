//! A shard's part of the permits.

use super::{Claim, Grant, SPARE_PERMITS};

/// How many events a shard may have with the backend, and what it has to tell the [`Gate`](super::Gate).
#[derive(Debug)]
pub(crate) struct Lease {
    held: usize,
    /// Given up, and not yet told.
    returned: usize,
    has_gate: bool,
    is_in_line: bool,
    is_short: bool,
    is_rung: bool,
}

impl Lease {
    /// So many permits for good, or with a limit of 0 as many as anybody could use.
    pub(crate) fn fixed(limit: usize) -> Lease {
        Lease {
            held: if limit == 0 { usize::MAX } else { limit },
            has_gate: false,
            ..Lease::gated()
        }
    }

    /// None yet, and those that a gate grants.
    pub(crate) fn gated() -> Lease {
        Lease {
            held: 0,
            returned: 0,
            has_gate: true,
            is_in_line: false,
            is_short: false,
            is_rung: false,
        }
    }

    /// Whether one more event may go out.
    pub(crate) fn has_room(&self, in_flight: usize) -> bool {
        in_flight < self.held
    }

    /// An event has come back.
    pub(crate) fn freed(&mut self) {
        if self.is_short {
            self.held -= 1;
            self.returned += 1;
        }
    }

    /// The gate wants a claim.
    pub(crate) fn ring(&mut self) {
        self.is_rung = true;
    }

    /// What the gate has to be told, if anything. `ready` events could go out if there were permits.
    pub(crate) fn claim(&mut self, in_flight: usize, ready: usize) -> Option<Claim> {
        if !self.has_gate {
            return None;
        }
        let idle = self.held.saturating_sub(in_flight);
        let unused = idle.saturating_sub(ready);
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
        let wanted = ready.saturating_sub(idle);
        if self.returned == 0 && !self.is_rung && (wanted > 0) == self.is_in_line {
            return None;
        }
        self.is_rung = false;
        Some(Claim {
            kept: self.held,
            returned: std::mem::take(&mut self.returned),
            wanted,
        })
    }

    pub(crate) fn granted(&mut self, grant: Grant) {
        let Grant {
            held,
            is_in_line,
            is_short,
        } = grant;
        self.held = held;
        self.is_in_line = is_in_line;
        self.is_short = is_short;
    }
}
