use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::session::SessionHandle;

const NOW: Timestamp = Timestamp(0);

/// A gate that lets so many through at once.
fn unwavering(shards: u16, limit: usize) -> BackendGate {
    let config = GateConfig {
        max_in_flight: limit,
        is_paced: false,
        ..GateConfig::default()
    };
    BackendGate::new(shards, &config)
}

/// What is heard of a call that was answered, or was not.
fn report(is_answered: bool, is_probe: bool) -> Report {
    let session = SessionHandle {
        slot: 0,
        generation: 0,
    };
    Report {
        sent: NOW,
        is_probe,
        news: if is_answered {
            News::Answered
        } else {
            News::Failed {
                session,
                is_about_several: false,
                is_refusal: true,
                is_overload: false,
            }
        },
    }
}

/// Shards of which only the numbers matter, and their gate; they are free to get to things in any order.
#[derive(Debug)]
struct Town {
    limit: usize,
    gate: BackendGate,
    shards: Vec<Option<Shard>>,
    /// Who was rung and has not looked yet.
    rung: BTreeSet<u16>,
    claims: usize,
}

#[derive(Debug)]
struct Shard {
    lease: Lease,
    in_flight: usize,
    ready: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many events become ready.
    Arrive(u16, usize),
    /// An event comes back.
    Return(u16),
    /// A shard that was rung looks.
    Look(u16),
    /// A shard's thread ends, with all that it has with the backend.
    End(u16),
}

impl Town {
    fn new(shards: u16, limit: usize) -> Town {
        let shard = |_| {
            Some(Shard {
                lease: Lease::new(),
                in_flight: 0,
                ready: 0,
            })
        };
        Town {
            limit,
            gate: unwavering(shards, limit),
            shards: (0..shards).map(shard).collect(),
            rung: BTreeSet::new(),
            claims: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Arrive(number, count) => self.work(number, |shard| shard.ready += count),
            Step::Return(number) => self.work(number, |shard| {
                if shard.in_flight > 0 {
                    shard.in_flight -= 1;
                    shard.lease.came_back(report(true, false));
                }
            }),
            Step::Look(number) => {
                if self.rung.remove(&number) {
                    self.work(number, |shard| shard.lease.ring());
                }
            }
            Step::End(number) => {
                if self.shards[usize::from(number)].take().is_some() {
                    let rung = &mut self.rung;
                    self.gate.leave(NOW, number, |other| {
                        rung.insert(other);
                    });
                }
            }
        }
        self.check();
    }

    /// Something happens on a shard; then it sends out what it may, and claims until it has nothing to say.
    fn work(&mut self, number: u16, happens: impl FnOnce(&mut Shard)) {
        let Some(shard) = &mut self.shards[usize::from(number)] else {
            return;
        };
        happens(shard);
        shard.pump();
        for round in 0.. {
            assert!(round < 5, "{shard:?} claims without end");
            let Some(claim) = shard.lease.claim(shard.in_flight, shard.ready, 2) else {
                break;
            };
            self.claims += 1;
            let rung = &mut self.rung;
            let grant = self.gate.claim(NOW, number, claim, |other| {
                assert_ne!(other, number, "nobody rings at his own door");
                rung.insert(other);
            });
            shard.lease.granted(grant);
            shard.pump();
        }
    }

    fn check(&self) {
        let live = self.shards.iter().flatten();
        let in_flight: usize = live.map(|shard| shard.in_flight).sum();
        assert!(in_flight <= self.limit, "{in_flight} over {}", self.limit);
        let leased: usize = self.gate.leased.iter().sum();
        assert!(leased <= self.limit, "a permit was made: {self:#?}");
        assert!(self.gate.line.is_empty() || self.gate.free() == 0);
        for (shard, leased) in self.shards.iter().zip(&self.gate.leased) {
            let in_flight = shard.as_ref().map_or(0, |shard| shard.in_flight);
            assert!(in_flight <= *leased, "what is out has no permit: {self:#?}");
        }
    }

    /// Everybody who was rung looks, until nobody is.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "the shards ring each other without end");
            let Some(number) = self.rung.first().copied() else {
                break;
            };
            self.step(Step::Look(number));
        }
        let live = || self.shards.iter().flatten();
        if live().any(|shard| shard.ready > 0) {
            let in_flight: usize = live().map(|shard| shard.in_flight).sum();
            assert_eq!(in_flight, self.limit, "somebody starves: {self:#?}");
        }
    }

    fn in_flight(&self, number: usize) -> usize {
        self.shards[number].as_ref().unwrap().in_flight
    }
}

impl Shard {
    fn pump(&mut self) {
        while self.ready > 0 && self.lease.has_room(self.in_flight) {
            self.ready -= 1;
            self.in_flight += 1;
        }
    }
}

fn step(shards: u16) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..shards, 1..30_usize).prop_map(|(shard, count)| Step::Arrive(shard, count)),
        20 => (0..shards).prop_map(Step::Return),
        10 => (0..shards).prop_map(Step::Look),
        1 => (0..shards).prop_map(Step::End),
    ]
}

proptest! {
    #[test]
    fn no_permit_is_lost_or_idle_while_a_shard_waits(
        shards in 1..5_u16,
        limit in prop_oneof![1..5_usize, 1..60_usize],
        steps in prop::collection::vec((step(5), any::<bool>()), 1..200),
    ) {
        let mut town = Town::new(shards, limit);
        for (step, is_calm) in steps {
            let step = match step {
                Step::Arrive(shard, count) => Step::Arrive(shard % shards, count),
                Step::Return(shard) => Step::Return(shard % shards),
                Step::Look(shard) => Step::Look(shard % shards),
                Step::End(shard) => Step::End(shard % shards),
            };
            town.step(step);
            if is_calm {
                town.settle();
            }
        }
        town.settle();
        for round in 0.. {
            prop_assert!(round < 100_000, "it does not come to an end: {town:#?}");
            let busy = town.shards.iter().position(|shard| {
                shard.as_ref().is_some_and(|shard| shard.in_flight > 0)
            });
            let Some(busy) = busy else { break };
            town.step(Step::Return(busy as u16));
            town.settle();
        }
        for shard in town.shards.iter().flatten() {
            prop_assert_eq!((shard.ready, shard.in_flight), (0, 0));
        }
    }
}

#[test]
fn a_shard_gets_its_turn_beside_one_with_more_events_than_there_are_permits() {
    let mut town = Town::new(3, 16);
    town.step(Step::Arrive(0, 1_000_000));
    town.step(Step::Arrive(1, 1));
    town.step(Step::Arrive(2, 1));
    town.settle();
    assert_eq!(town.in_flight(0), 16);
    // The busy one was first in line itself.
    for _ in 0..3 {
        town.step(Step::Return(0));
        town.settle();
    }
    assert_eq!((town.in_flight(1), town.in_flight(2)), (1, 1));
}

#[test]
fn two_shards_with_more_events_than_there_are_permits_come_to_have_as_many() {
    let mut town = Town::new(2, 16);
    town.step(Step::Arrive(0, 1_000_000));
    town.step(Step::Arrive(1, 1_000_000));
    let mut returned = [0, 0];
    for round in 0..4000 {
        let busy = if town.in_flight(round % 2) > 0 {
            round % 2
        } else {
            1 - round % 2
        };
        returned[busy] += 1;
        town.step(Step::Return(busy as u16));
        town.settle();
    }
    assert!(returned[1] > 1500, "{returned:?}");
}

#[test]
fn one_event_at_a_time_needs_no_claim_after_the_first() {
    let mut town = Town::new(2, 256);
    town.step(Step::Arrive(0, 1));
    town.step(Step::Return(0));
    let first = town.claims;
    for _ in 0..1000 {
        for shard in [0, 1] {
            town.step(Step::Arrive(shard, 3));
            for _ in 0..3 {
                town.step(Step::Return(shard));
            }
        }
    }
    assert_eq!(town.claims, first + 1, "that of the other shard");
}

#[test]
fn a_burst_leaves_a_shard_with_a_few_permits_only() {
    let mut town = Town::new(2, 256);
    town.step(Step::Arrive(0, 256));
    for _ in 0..256 {
        town.step(Step::Return(0));
    }
    assert!(town.gate.leased[0] <= 2 * SPARE_PERMITS);
    assert!(town.claims < 1 + 256 / SPARE_PERMITS);
}
