//! Points in time, as they are handed in.

use std::time::Duration;

/// A point in time: milliseconds since the Unix epoch, never going back.
///
/// The core never asks a clock; every verb of [`Broker`](crate::Broker) takes the time as an argument. It is a plain
/// number and not an `Instant`, so that state can move between processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The point `duration` later, rounded down to the millisecond.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(ms))
    }

    /// How long it is from `earlier` until now; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
