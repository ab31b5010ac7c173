//! Which streams of an HTTP/2 connection are live, and how many their peer has reset.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Notify;

/// Counts the streams of one connection.
#[derive(Clone, Debug, Default)]
pub struct Census {
    counts: Rc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    live: Cell<usize>,
    resets: Cell<u32>,
    deserted: Notify,
}

/// A stream counts as live until this is dropped.
#[derive(Debug)]
pub struct Presence {
    census: Census,
}

impl Census {
    /// Counts one more.
    #[must_use]
    pub fn enter(&self) -> Presence {
        self.counts.live.set(self.counts.live.get() + 1);
        Presence {
            census: self.clone(),
        }
    }

    /// Whether no stream is live.
    #[must_use]
    pub fn is_deserted(&self) -> bool {
        self.counts.live.get() == 0
    }

    /// Waits until the last stream has gone; remembers it for the next call if nobody waited.
    pub async fn deserted(&self) {
        self.counts.deserted.notified().await;
    }

    /// How many streams the peer has reset since they were last [forgotten](Census::forget_resets).
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.counts.resets.get()
    }

    /// Begins to count resets anew.
    pub fn forget_resets(&self) {
        self.counts.resets.set(0);
    }
}

impl Presence {
    /// Looks at why a stream has failed, and counts it if that was the peer's doing.
    pub fn note(&self, error: &h2::Error) {
        if error.is_reset() && error.is_remote() {
            self.note_reset();
        }
    }

    /// Counts that the peer has reset the stream.
    pub fn note_reset(&self) {
        let resets = &self.census.counts.resets;
        resets.set(resets.get().saturating_add(1));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let counts = &self.census.counts;
        counts.live.set(counts.live.get() - 1);
        if counts.live.get() == 0 {
            counts.deserted.notify_one();
        }
    }
}
