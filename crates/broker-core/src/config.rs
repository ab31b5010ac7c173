//! What a shard's [`Broker`](crate::Broker) is told once, when it is made.

use std::time::Duration;

use crate::broker::INDEXED_FIELDS_MAX;
use crate::gate::GateConfig;
use crate::request::Secret;

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
    /// What the shards of a process share: the same for all of them.
    pub secret: Secret,
    /// How long a request of a client waits for its answer.
    pub answer_timeout: Duration,
    /// How long a session info may be, in bytes.
    pub max_session: usize,
    /// How many session fields are indexed at most. Commands that match on others look at every session.
    pub max_indexed_fields: usize,
    /// The gate to the backend: of this broker's own, or one that it shares with others.
    pub gate: Gating,
    /// Whether an event that may have arrived is sent again.
    pub delivery: Delivery,
    /// How many events of different sessions go out in one call at most.
    pub batch: usize,
    /// How long an event may wait for others that it can go out with, while another call is under way.
    pub batch_wait: Duration,
    /// How long a client whose handshake the backend decides on waits for its turn to be asked about.
    pub handshake_wait: Duration,
    /// When a failed call is made again.
    pub retry: Backoff,
    /// How often an event may fail, while others are answered, before it is given up.
    pub retries: u32,
    /// How many messages one session may hold.
    pub max_held_events: usize,
    /// How many bytes may be held: messages as they are counted by [`HELD_EVENT_BYTES`](crate::HELD_EVENT_BYTES), and for
    /// each session what its connect and disconnect may need ([`HELD_SESSION_BYTES`](crate::HELD_SESSION_BYTES)).
    pub max_held_bytes: usize,
    /// How long a message is held; `None`: for as long as it takes.
    pub max_held_age: Option<Duration>,
    /// What happens where a message finds no room.
    pub on_full: OnFull,
    /// How much work is done before [`Broker::is_busy`](crate::Broker::is_busy) asks for a pause; about as many looks
    /// at a session.
    pub slice: usize,
}

/// Who says how many calls may be with the backend.
#[derive(Clone, Debug)]
pub enum Gating {
    /// A gate of the broker's own.
    Own(GateConfig),
    /// One that it shares with other shards: nothing goes out before it is first asked
    /// ([`Broker::claim`](crate::Broker::claim)).
    Shared,
}

/// How often an event arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once, or again when it is not known whether it has arrived.
    AtLeastOnce,
    /// Once, or never when it is not known whether it has arrived.
    AtMostOnce,
}

/// What happens where a message finds no room in the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// It is taken in, and its connection is not read until there is room.
    Pause,
    /// The oldest messages of the session are given up for it.
    DropOldest,
    /// It is given up.
    DropNewest,
    /// It is given up, and its connection closed with 1013.
    Close,
}

/// Waiting times between tries: doubled each time, with jitter.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
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
            secret: Secret::default(),
            answer_timeout: Duration::from_secs(3600),
            max_session: 16 * 1024,
            max_indexed_fields: INDEXED_FIELDS_MAX,
            gate: Gating::Own(GateConfig::default()),
            delivery: Delivery::AtLeastOnce,
            batch: 1,
            batch_wait: Duration::from_millis(5),
            handshake_wait: Duration::from_secs(10),
            retry: Backoff::default(),
            retries: 8,
            max_held_events: 1000,
            max_held_bytes: 64 * 1024 * 1024,
            max_held_age: None,
            on_full: OnFull::Pause,
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
