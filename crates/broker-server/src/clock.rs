//! The one clock of a process, in the core's terms.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use broker_core::Timestamp;

/// Tells the time as the core wants it: milliseconds since the epoch that never go back, whatever is done to the
/// system's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    epoch_ms: u64,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Clock {
            start: Instant::now(),
            epoch_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(0),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.epoch_ms).after(self.start.elapsed())
    }

    /// The same point in time as tokio's timers want it.
    pub(crate) fn instant(&self, at: Timestamp) -> tokio::time::Instant {
        tokio::time::Instant::now() + at.since(self.now())
    }
}
