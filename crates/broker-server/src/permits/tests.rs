use broker_core::{Config, Effect, Gating, Info, Opening, SessionId};
use futures_util::FutureExt;

use super::*;

const NOW: Timestamp = Timestamp(0);

/// For two shards; lets so many through at once.
fn gate(limit: usize) -> Arc<Permits> {
    let mut config = GateConfig::default();
    config.max_in_flight = limit;
    config.is_paced = false;
    Permits::new(2, &config)
}

/// A shard whose sessions have each an event to tell, and how many are under way.
struct Telling {
    broker: Broker,
    effects: Effects,
    permits: Leaseholder,
}

impl Telling {
    fn new(permits: &Arc<Permits>, shard: u16, events: u8) -> Telling {
        let mut config = Config::default();
        config.gate = Gating::Shared;
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
            telling.broker.open(NOW, opening, &mut telling.effects);
        }
        telling.settle();
        telling
    }

    fn settle(&mut self) {
        self.permits
            .settle(NOW, &mut self.broker, &mut self.effects);
    }

    fn in_flight(&self) -> usize {
        self.broker.calls_in_flight()
    }
}

#[test]
fn a_shard_that_has_ended_leaves_its_permits_to_those_who_wait() {
    let permits = gate(3);
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
    let permits = gate(64);
    let mut tellings = [0, 1].map(|shard| Telling::new(&permits, shard, 5));
    for telling in &mut tellings {
        let events = std::mem::take(&mut telling.effects.list);
        assert_eq!(events.len(), 5);
        for effect in events {
            let Effect::CallBackend(call) = effect else {
                panic!("{effect:?}");
            };
            let effects = &mut telling.effects;
            telling
                .broker
                .backend_replied(NOW, call.handle, [Default::default()], effects);
            telling.settle();
        }
        assert_eq!(telling.broker.events_held(), 0);
    }
    for telling in &tellings {
        assert_eq!(telling.permits.rung().now_or_never(), None);
    }
}
