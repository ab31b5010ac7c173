//! What a shard's [`Broker`](crate::Broker) is told once, when it is made.

use std::time::Duration;

use crate::broker::INDEXED_FIELDS_MAX;

/// The settings of one shard. Limits that are meant for the whole process come in as this shard's part.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// This shard's number, from 0.
    pub shard: u16,
    /// How many shards there are.
    pub shards: u16,
    /// Seeds hashing and the jitter of retries. Draw it at random where clients are not trusted.
    pub seed: u64,
    /// How long a session info may be, in bytes.
    pub max_session: usize,
    /// How many session fields are indexed at most. Commands that match on others look at every session.
    pub max_indexed_fields: usize,
    /// How many events may be with the backend at once; 0 for no limit. Not used where there is a gate.
    pub max_in_flight: usize,
    /// Whether a [`Gate`](crate::Gate) says how many events may be with the backend: none before it is first asked
    /// ([`Broker::claim`](crate::Broker::claim)).
    pub has_gate: bool,
    /// How many events one session may hold. The one that is too many is taken in all the same, and the connection not
    /// read on until there is room.
    pub max_held_events: usize,
    /// How many bytes of messages may be held. A connection whose message is too much is not read on after it until
    /// there is room; so it is with each of them.
    pub max_held_bytes: usize,
    /// When a failed event is tried again.
    pub retry: Backoff,
    /// How much work is done before [`Broker::is_busy`](crate::Broker::is_busy) asks for a pause; about as many looks
    /// at a session.
    pub slice: usize,
}

/// Waiting times between the tries of one event: doubled each time, with jitter.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The longest wait that a backend may ask for with `Retry-After`.
    pub longest_asked: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            shard: 0,
            shards: 1,
            seed: 0,
            max_session: 16 * 1024,
            max_indexed_fields: INDEXED_FIELDS_MAX,
            max_in_flight: 256,
            has_gate: false,
            max_held_events: 1000,
            max_held_bytes: 64 * 1024 * 1024,
            retry: Backoff::default(),
            slice: 16 * 1024,
        }
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            longest_asked: Duration::from_secs(3600),
        }
    }
}

impl Backoff {
    /// The wait before try number `attempt` + 1: between half and the whole of the doubled time, as `dice` falls, or
    /// what the backend asked for if that is longer.
    pub(crate) fn wait(&self, attempt: u32, dice: u64, asked: Option<Duration>) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << attempt.saturating_sub(1).min(20))
            .min(self.longest);
        let half = doubled / 2;
        let span = u64::try_from(half.as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let jittered = half + Duration::from_millis(dice % span);
        jittered.max(asked.unwrap_or_default().min(self.longest_asked))
    }
}
