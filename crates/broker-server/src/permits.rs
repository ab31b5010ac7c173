//! Permits to tell the application an event: one limit for all shards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker_core::{Broker, Effects, Gate};
use tokio::sync::Notify;

/// The [`Gate`] that all shards share.
///
/// Its lock is held for a look at as many numbers as there are shards, and only when a shard is short of permits, has
/// too many of them, or gives them back because another one waits.
#[derive(Debug)]
pub(crate) struct Permits {
    gate: Mutex<Gate>,
    /// One for each shard, rung when it has to claim.
    bells: Box<[Notify]>,
}

/// A shard's way to the gate. When it is dropped, the shard has ended, and others get what it had.
#[derive(Debug)]
pub(crate) struct Leaseholder {
    permits: Arc<Permits>,
    shard: u16,
}

impl Permits {
    pub(crate) fn new(shards: u16, limit: usize) -> Arc<Permits> {
        Arc::new(Permits {
            gate: Mutex::new(Gate::new(shards, limit)),
            bells: (0..shards).map(|_| Notify::new()).collect(),
        })
    }

    pub(crate) fn leaseholder(self: &Arc<Permits>, shard: u16) -> Leaseholder {
        Leaseholder {
            permits: self.clone(),
            shard,
        }
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, shard: u16) {
        self.bells[usize::from(shard)].notify_one();
    }
}

impl Leaseholder {
    /// Tells the gate what it has to be told, and the shard what it may do.
    pub(crate) fn settle(&self, broker: &mut Broker, effects: &mut Effects) {
        while let Some(claim) = broker.claim() {
            let ring = |other| self.permits.ring(other);
            let grant = self.permits.gate().claim(self.shard, claim, ring);
            broker.granted(grant, effects);
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
        self.permits.gate().leave(self.shard, ring);
    }
}

#[cfg(test)]
mod tests {
    use broker_core::{Config, Effect, Info, Opening, SessionId, Timestamp};
    use futures_util::FutureExt;

    use super::*;

    /// A shard whose sessions have each an event to tell, and how many are under way.
    struct Telling {
        broker: Broker,
        effects: Effects,
        permits: Leaseholder,
    }

    impl Telling {
        fn new(permits: &Arc<Permits>, shard: u16, events: u8) -> Telling {
            let mut config = Config::default();
            config.has_gate = true;
            let mut telling = Telling {
                broker: Broker::new(config),
                effects: Effects::default(),
                permits: permits.leaseholder(shard),
            };
            for number in 0..events {
                let id = SessionId::new(shard, [number; 14]);
                let rule = broker_core::CookieRule::All;
                let info = Info::at_connect(std::iter::empty(), &rule, "::1", id, 1000).unwrap();
                let opening = Opening::new(id, info);
                telling
                    .broker
                    .open(Timestamp(0), opening, &mut telling.effects);
            }
            telling.settle();
            telling
        }

        fn settle(&mut self) {
            self.permits.settle(&mut self.broker, &mut self.effects);
        }

        fn in_flight(&self) -> usize {
            self.broker.events_in_flight()
        }
    }

    #[test]
    fn a_shard_that_has_ended_leaves_its_permits_to_those_who_wait() {
        let permits = Permits::new(2, 3);
        let ended = Telling::new(&permits, 0, 5);
        let mut waiting = Telling::new(&permits, 1, 5);
        assert_eq!((ended.in_flight(), waiting.in_flight()), (3, 0));
        drop(ended);
        assert_eq!(waiting.permits.rung().now_or_never(), Some(()));
        waiting.broker.ring();
        waiting.settle();
        assert_eq!(waiting.in_flight(), 3);
    }

    #[test]
    fn shards_with_permits_enough_are_not_rung() {
        let permits = Permits::new(2, 64);
        let mut tellings = [0, 1].map(|shard| Telling::new(&permits, shard, 5));
        for telling in &mut tellings {
            let events = std::mem::take(&mut telling.effects.list);
            assert_eq!(events.len(), 5);
            for effect in events {
                let Effect::CallBackend(event) = effect else {
                    panic!("{effect:?}");
                };
                let no_commands = Default::default();
                let effects = &mut telling.effects;
                telling
                    .broker
                    .backend_replied(event.session, no_commands, effects);
                telling.settle();
            }
            assert_eq!(telling.broker.events_held(), 0);
        }
        for telling in &tellings {
            assert_eq!(telling.permits.rung().now_or_never(), None);
        }
    }
}
