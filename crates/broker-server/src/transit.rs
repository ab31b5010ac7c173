//! The letters that shards have for each other: how much is on its way, over all of them.
//!
//! A letter may be passed on: the shard that owns a name hands a message by it to the shard of its holder. If each shard
//! counted only what waits for others at itself, nobody would hold back those who write to a shard that is slow by way of
//! another. So there is one count for all, and while it is over the limit nobody is read who writes letters.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// How many bytes of letters may be on their way for each shard there is. What one read brings may go beyond it.
const TRANSIT_BYTES: usize = 1024 * 1024;

/// What has been posted and not been taken yet.
#[derive(Debug)]
pub(crate) struct Transit {
    limit: usize,
    bytes: AtomicUsize,
    room: Notify,
}

impl Transit {
    pub(crate) fn new(shards: u16) -> Transit {
        Transit {
            limit: TRANSIT_BYTES * usize::from(shards),
            bytes: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    /// Counts a letter of this size that is posted.
    pub(crate) fn post(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts letters of this size together that have been taken.
    pub(crate) fn take(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Relaxed);
        let after = before.saturating_sub(bytes);
        if before > self.limit && after <= self.limit {
            self.room.notify_waiters();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Relaxed) > self.limit
    }

    /// Waits until there is room again after it was full. It is told of all that happens from the call on, so whoever calls this
    /// and then finds that it is full misses nothing.
    pub(crate) fn room(&self) -> Notified<'_> {
        self.room.notified()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn whoever_finds_it_full_is_told_when_there_is_room_again() {
        let transit = Transit::new(2);
        let mut idle = Context::from_waker(Waker::noop());
        let mut room = pin!(transit.room());
        transit.post(2 * TRANSIT_BYTES);
        assert!(!transit.is_full());
        transit.post(10);
        transit.post(10);
        assert!(transit.is_full());
        transit.take(10);
        assert!(transit.is_full());
        assert!(room.as_mut().poll(&mut idle).is_pending());
        transit.take(10);
        assert!(!transit.is_full());
        assert!(room.as_mut().poll(&mut idle).is_ready());
    }
}
