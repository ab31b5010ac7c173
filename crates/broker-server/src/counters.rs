//! What is counted of refusals and endings: one number for each reason, out of closed sets, so that no client can add
//! to what is kept.
//!
//! What is counted here happens once in the life of a connection or of a request. It is one set of numbers for the
//! process; what happens for each message is counted by each shard for itself.

mod reasons;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_core::{Failure, Lack, Loss};

use crate::config::SlowConsumer;

pub use self::reasons::{Closed, Failed, Lost, Refused, Rejected, Streamed};

/// The numbers of one broker.
#[derive(Debug, Default)]
pub struct Counters {
    rejected: [AtomicU64; Rejected::ALL.len()],
    closed: [AtomicU64; Closed::ALL.len()],
    refused: [AtomicU64; Refused::ALL.len()],
    slow_consumers: [AtomicU64; SlowConsumer::WORDS.len()],
    failed: [AtomicU64; Failed::ALL.len()],
    lost: [AtomicU64; Lost::ALL.len()],
    streamed: [AtomicU64; Streamed::ALL.len()],
    passed_over: AtomicU64,
    unanswered: AtomicU64,
}

impl Counters {
    /// How many calls to the backend came to nothing, for this reason.
    #[must_use]
    pub fn failed(&self, reason: Failed) -> u64 {
        read(&self.failed[reason as usize])
    }

    /// How many events were given up, for this reason.
    #[must_use]
    pub fn lost(&self, reason: Lost) -> u64 {
        read(&self.lost[reason as usize])
    }

    /// How many answers were streamed, and what became of them.
    #[must_use]
    pub fn streamed(&self, what: Streamed) -> u64 {
        read(&self.streamed[what as usize])
    }

    /// How many messages of clients were passed over, since their dialect could make nothing of them.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        read(&self.passed_over)
    }

    /// How many requests of clients were not answered in time.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        read(&self.unanswered)
    }

    pub(crate) fn count_passed_over(&self) {
        add_one(&self.passed_over);
    }

    pub(crate) fn count_unanswered(&self) {
        add_one(&self.unanswered);
    }

    pub(crate) fn count_failed(&self, failure: &Failure) {
        add_one(&self.failed[Failed::of(failure) as usize]);
    }

    pub(crate) fn count_lost(&self, loss: &Loss) {
        add_one(&self.lost[Lost::of(loss) as usize]);
    }

    pub(crate) fn count_streamed(&self, what: Streamed) {
        add_one(&self.streamed[what as usize]);
    }

    /// How many connections got no WebSocket, for this reason.
    #[must_use]
    pub fn rejected(&self, reason: Rejected) -> u64 {
        read(&self.rejected[reason as usize])
    }

    /// How many WebSockets have ended, for this reason.
    #[must_use]
    pub fn closed(&self, reason: Closed) -> u64 {
        read(&self.closed[reason as usize])
    }

    /// How many other requests were refused, for this reason.
    #[must_use]
    pub fn refused(&self, reason: Refused) -> u64 {
        read(&self.refused[reason as usize])
    }

    /// How often this was done about a client whose queue is full.
    #[must_use]
    pub fn slow_consumers(&self, action: SlowConsumer) -> u64 {
        read(&self.slow_consumers[action as usize])
    }

    pub(crate) fn count_rejected(&self, reason: Rejected) {
        add_one(&self.rejected[reason as usize]);
    }

    pub(crate) fn count_closed(&self, reason: Closed) {
        add_one(&self.closed[reason as usize]);
    }

    pub(crate) fn count_refused(&self, reason: Refused) {
        add_one(&self.refused[reason as usize]);
    }

    pub(crate) fn count_slow_consumer(&self, action: SlowConsumer) {
        add_one(&self.slow_consumers[action as usize]);
    }
}

impl Failed {
    fn of(failure: &Failure) -> Failed {
        match failure {
            Failure::Unreachable(_) => Failed::Unreachable,
            Failure::Interrupted(_) => Failed::Interrupted,
            Failure::TimedOut(_) => Failed::TimedOut,
            Failure::Status { code: 300..400, .. } => Failed::Redirect,
            Failure::Status { code: 400..500, .. } => Failed::ClientError,
            Failure::Status { .. } => Failed::ServerError,
            Failure::BadAnswer(_) => Failed::BadAnswer,
            Failure::Panicked(_) => Failed::Panicked,
        }
    }
}

impl Lost {
    fn of(loss: &Loss) -> Lost {
        match loss {
            Loss::Refused(_) => Lost::Refused,
            Loss::Poison(_) => Lost::Poison,
            Loss::Doubtful(_) => Lost::Doubtful,
            Loss::Expired => Lost::MaxAge,
            Loss::NoRoom(Lack::Events) => Lost::MaxEvents,
            Loss::NoRoom(Lack::Bytes) => Lost::MaxBytes,
        }
    }
}

/// What is not zero, in the order of the sets: `rejected: origin 3, draining 1; closed: client 12`.
impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_clients = [
            ("passed over", read(&self.passed_over)),
            ("unanswered", read(&self.unanswered)),
        ];
        let sets: [(&str, Vec<(&str, u64)>); 8] = [
            (
                "rejected",
                named(Rejected::ALL, Rejected::name, &self.rejected),
            ),
            ("closed", named(Closed::ALL, Closed::name, &self.closed)),
            ("refused", named(Refused::ALL, Refused::name, &self.refused)),
            (
                "slow consumers",
                named(SlowConsumer::WORDS, |word| word, &self.slow_consumers),
            ),
            (
                "failed calls",
                named(Failed::ALL, Failed::name, &self.failed),
            ),
            ("lost events", named(Lost::ALL, Lost::name, &self.lost)),
            (
                "streams",
                named(Streamed::ALL, Streamed::name, &self.streamed),
            ),
            (
                "messages and requests of clients",
                of_clients
                    .into_iter()
                    .filter(|(_, number)| *number > 0)
                    .collect(),
            ),
        ];
        let mut before = "";
        for (set, numbers) in sets.iter().filter(|(_, numbers)| !numbers.is_empty()) {
            write!(f, "{before}{set}:")?;
            before = "; ";
            for (place, (name, number)) in numbers.iter().enumerate() {
                let comma = if place == 0 { "" } else { "," };
                write!(f, "{comma} {name} {number}")?;
            }
        }
        Ok(())
    }
}

/// The numbers of a set that are not zero, by name.
fn named<R: Copy>(
    all: &[R],
    name: fn(R) -> &'static str,
    numbers: &[AtomicU64],
) -> Vec<(&'static str, u64)> {
    all.iter()
        .zip(numbers)
        .map(|(reason, number)| (name(*reason), read(number)))
        .filter(|(_, number)| *number > 0)
        .collect()
}

// They say nothing about other memory, so their order does not matter.
fn read(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn add_one(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_has_a_number_and_a_name_of_its_own() {
        let counters = Counters::default();
        for (times, reason) in Closed::ALL.iter().enumerate() {
            (0..times).for_each(|_| counters.count_closed(*reason));
        }
        for (times, reason) in Closed::ALL.iter().enumerate() {
            assert_eq!(counters.closed(*reason), times as u64, "{reason:?}");
        }
        let names: HashSet<_> = Rejected::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Rejected::ALL.len());
    }

    #[test]
    fn what_is_not_zero_is_shown() {
        let counters = Counters::default();
        assert_eq!(counters.to_string(), "");
        counters.count_rejected(Rejected::Draining);
        counters.count_rejected(Rejected::Origin);
        counters.count_rejected(Rejected::Origin);
        counters.count_slow_consumer(SlowConsumer::Drop);
        let shown = "rejected: origin 2, draining 1; slow consumers: drop 1";
        assert_eq!(counters.to_string(), shown);
    }
}
