//! One shard and three are indistinguishable: whatever three do, in whatever order they get to it, one could have done.
//!
//! Shards work side by side, so a run on three has no one order of its own. What is for all shards has one, and between
//! two of those each shard's calls have theirs; put together they are a history that one shard can be given. It has to
//! explain all that any client, the backend or an asker has seen.

use std::collections::BTreeMap;

use broker_core::Config;
use proptest::prelude::*;
use serde_json::Value;

use crate::call::Call;
use crate::fleet::Fleet;
use crate::seen::{Seen, noticed};
use crate::steps::{Step, cases, roomy_config, steps};

const SHARDS: usize = 3;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_three_shards_do_one_could_have_done(seed: u64, steps in steps()) {
        let config = roomy_config(seed);
        let mut run = Run::new(&config);
        run.perform(&steps);
        let three = run.fleet.take_seen();
        let one = run.history.on_one_shard(&config);

        prop_assert_eq!(noticed(&three), noticed(&one));
        prop_assert_eq!(outcomes(&three), outcomes(&one));
        prop_assert_eq!(seen_once(&three), seen_once(&one));
    }
}

/// What three shards did, told so that one could do it.
#[derive(Debug)]
struct History {
    /// What each shard was asked for itself: before the first thing that was for all, before the second, and so on.
    own: [Vec<Vec<Call>>; SHARDS],
    for_all: Vec<Call>,
}

#[derive(Debug)]
struct Run {
    fleet: Fleet,
    history: History,
    /// Where each session lives.
    homes: Vec<usize>,
}

impl Run {
    fn new(config: &Config) -> Run {
        let history = History {
            own: std::array::from_fn(|_| vec![Vec::new()]),
            for_all: Vec::new(),
        };
        Run {
            fleet: Fleet::new(SHARDS, config),
            history,
            homes: Vec::new(),
        }
    }

    fn perform(&mut self, steps: &[Step]) {
        for step in steps {
            match (step, self.fleet.call_of(step)) {
                (Step::Work { shard }, _) => {
                    self.work(*shard);
                }
                (_, Some(call)) => self.make(call),
                (_, None) => {}
            }
        }
        for shard in 0..SHARDS {
            while self.work(shard) {}
        }
        self.fleet.answer_all();
    }

    fn work(&mut self, shard: usize) -> bool {
        let has_worked = self.fleet.work(shard);
        if has_worked {
            self.history.own[shard].push(Vec::new());
        }
        has_worked
    }

    fn make(&mut self, call: Call) {
        let lists = self.fleet.lists();
        let was_asked = match &call {
            Call::Reply { who, .. } | Call::Fail { who, .. } => {
                self.fleet.with_backend().contains(who)
            }
            _ => true,
        };
        self.fleet.make(&call);
        let home = match &call {
            Call::Open { shard, .. } => {
                self.homes.push(*shard);
                *shard
            }
            Call::Say { who, .. } | Call::Leave { who, .. } | Call::Fail { who, .. } => {
                self.homes[*who]
            }
            // An answer takes effect where its commands do: here and now, or when they come up on all shards.
            Call::Reply { who, .. } if self.fleet.lists() == lists => self.homes[*who],
            Call::Reply { .. } | Call::Ask { .. } | Call::Tick { .. } => {
                self.history.for_all.push(call);
                return;
            }
        };
        // A second answer is passed over; on one shard it might come before the first.
        if was_asked && let Some(now) = self.history.own[home].last_mut() {
            now.push(call);
        }
    }
}

impl History {
    fn on_one_shard(&self, config: &Config) -> Vec<Seen> {
        let mut fleet = Fleet::new(1, config);
        for place in 0..=self.for_all.len() {
            let own = self.own.iter().flat_map(|own| &own[place]);
            for call in own.chain(self.for_all.get(place)) {
                fleet.make(call);
                fleet.settle();
            }
        }
        fleet.answer_all();
        fleet.take_seen()
    }
}

/// What came of the lists that each session's answers held, and of those through other doors in order.
fn outcomes(seen: &[Seen]) -> BTreeMap<Option<usize>, Vec<String>> {
    let mut lists: BTreeMap<Option<usize>, Vec<String>> = BTreeMap::new();
    for seen in seen {
        if let Seen::Executed {
            origin, outcomes, ..
        } = seen
        {
            // What an answer's list or count finds is discarded, so its own shard alone may have looked.
            let is_kept = |outcome: &&Value| {
                origin.is_none()
                    || (outcome.get("listed").is_none() && outcome.get("counted").is_none())
            };
            let kept: Vec<&Value> = outcomes.iter().filter(is_kept).collect();
            lists.entry(*origin).or_default().push(format!("{kept:?}"));
        }
    }
    for (origin, lists) in &mut lists {
        if origin.is_some() {
            // A list for all shards is seen as executed when the last of them is done, an own one at once.
            lists.sort_unstable();
        }
    }
    lists
}

/// What is done once, on whichever shard, in no order that anyone was promised.
fn seen_once(seen: &[Seen]) -> Vec<String> {
    let once = seen
        .iter()
        .filter(|seen| matches!(seen, Seen::Logged { .. } | Seen::RanOther { .. }));
    let mut once: Vec<String> = once.map(|seen| format!("{seen:?}")).collect();
    once.sort_unstable();
    once
}
