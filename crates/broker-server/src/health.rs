//! How the whole broker does: what probes answer, and what whoever runs it waits for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether a broker still serves; shared by its threads, its admin port and its handles.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_draining: AtomicBool,
    has_failed: watch::Sender<bool>,
}

impl Health {
    /// Notes that nobody is admitted any more.
    pub(crate) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Notes that a shard has ended without having been told to.
    pub(crate) fn fail(&self) {
        self.has_failed.send_replace(true);
    }

    /// Returns once a shard has ended without having been told to.
    pub(crate) async fn failed(&self) {
        // The sender is ours, so that the channel is never closed.
        let _ = self.has_failed.subscribe().wait_for(|failed| *failed).await;
    }

    /// Why it is not alive, if it is not: then nothing but a new start helps.
    pub(crate) fn why_dead(&self) -> Option<&'static str> {
        self.has_failed
            .borrow()
            .then_some("a shard has failed; restart the broker")
    }

    /// Why no client should be sent here, if none should.
    pub(crate) fn why_not_ready(&self) -> Option<&'static str> {
        let draining = || {
            self.is_draining
                .load(Ordering::Relaxed)
                .then_some("draining")
        };
        self.why_dead().or_else(draining)
    }
}
