//! Permits to call the application, and whether it is there: one gate for all shards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker_core::{BackendGate, Broker, Effects, GateConfig, Standing, Timestamp};
use tokio::sync::Notify;

/// How often the log says at most that events wait since as many calls as may be are under way.
const HELD_BACK_TOLD_EVERY: Duration = Duration::from_secs(60);

/// The [`BackendGate`] that all shards share.
///
/// Its lock is held for a look at as many numbers as there are shards, and only when a shard is short of permits, has
/// too many of them, gives them back because another one waits, or has a failure to tell of.
#[derive(Debug)]
pub(crate) struct Permits {
    office: Mutex<Office>,
    /// One for each shard, rung when it has to claim.
    bells: Box<[Notify]>,
}

#[derive(Debug)]
struct Office {
    gate: BackendGate,
    held_back_told: Option<Timestamp>,
}

/// A shard's way to the gate. When it is dropped, the shard has ended, and others get what it had.
#[derive(Debug)]
pub(crate) struct Leaseholder {
    permits: Arc<Permits>,
    shard: u16,
}

impl Permits {
    pub(crate) fn new(shards: u16, config: &GateConfig) -> Arc<Permits> {
        Arc::new(Permits {
            office: Mutex::new(Office {
                gate: BackendGate::new(shards, config),
                held_back_told: None,
            }),
            bells: (0..shards).map(|_| Notify::new()).collect(),
        })
    }

    pub(crate) fn leaseholder(self: &Arc<Permits>, shard: u16) -> Leaseholder {
        Leaseholder {
            permits: self.clone(),
            shard,
        }
    }

    /// How things stand with the application.
    pub(crate) fn standing(&self) -> Standing {
        self.office().gate.standing()
    }

    fn office(&self) -> MutexGuard<'_, Office> {
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, shard: u16) {
        self.bells[usize::from(shard)].notify_one();
    }
}

impl Office {
    /// Says in the log what has changed for everybody.
    fn tell(&mut self, now: Timestamp, was: Standing) {
        let is = self.gate.standing();
        match (was.is_away, is.is_away) {
            (false, true) => tracing::warn!(
                event = "backend",
                "the backend is away: events are held, and one after the other finds out whether it is back"
            ),
            (true, false) => tracing::info!(
                event = "backend",
                "the backend is back: what was held is told now"
            ),
            (true, true) | (false, false) => {}
        }
        let is_due = |told: Timestamp| now.since(told) >= HELD_BACK_TOLD_EVERY;
        if is.held_back > was.held_back && self.held_back_told.is_none_or(is_due) {
            self.held_back_told = Some(now);
            let limit = is.limit;
            tracing::warn!(
                event = "backend",
                "events wait, since {limit} calls are with the backend, which is as many as get most done \
                 or as backend.max_in_flight admits"
            );
        }
    }
}

impl Leaseholder {
    /// Tells the gate what it has to be told, and the shard what it may do.
    pub(crate) fn settle(&self, now: Timestamp, broker: &mut Broker, effects: &mut Effects) {
        while let Some(claim) = broker.claim() {
            let ring = |other| self.permits.ring(other);
            let mut office = self.permits.office();
            let was = office.gate.standing();
            let grant = office.gate.claim(now, self.shard, claim, ring);
            office.tell(now, was);
            drop(office);
            broker.granted(now, grant, effects);
        }
    }

    /// Waits until the gate rings.
    pub(crate) async fn rung(&self) {
        self.permits.bells[usize::from(self.shard)].notified().await;
    }
}

impl Drop for Leaseholder {
    fn drop(&mut self) {
        let ring = |other| self.permits.ring(other);
        // Nothing is asked of the time but whether a probe is due, which those who are left find out by themselves.
        self.permits
            .office()
            .gate
            .leave(Timestamp::default(), self.shard, ring);
    }
}

#[cfg(test)]
mod tests;
