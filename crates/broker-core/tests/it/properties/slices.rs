//! Lists that touch very many sessions are carried out in slices; nobody can tell, and what may come in between is said.

use std::collections::{BTreeMap, VecDeque};

use broker_core::Config;
use proptest::prelude::*;
use serde_json::json;

use super::run;
use crate::call::Call;
use crate::fleet::Fleet;
use crate::model::{Model, Phase};
use crate::seen::{Seen, joined, noticed};
use crate::steps::{Step, Written, cases, roomy_config, steps};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn slices_are_invisible(seed: u64, slice in 1..50_usize, steps in steps()) {
        let whole = roomy_config(seed);
        let mut sliced = whole.clone();
        sliced.slice = slice;
        prop_assert_eq!(joined(&run(&whole, &steps)), joined(&run(&sliced, &steps)));
    }

    /// A list is for those who are there when it begins; it reaches those of them who stay, in the order of lists.
    #[test]
    fn what_comes_between_slices_neither_joins_a_list_nor_breaks_it(
        seed: u64,
        slice in 1..12_usize,
        steps in steps(),
    ) {
        let mut config = roomy_config(seed);
        config.slice = slice;
        config.max_session = 10_000;
        let mut run = Interleaved::new(&config);
        for step in &steps {
            run.step(step);
        }
        run.fleet.settle();
        run.look();
        run.compare();
    }
}

/// One shard to which things happen while lists are under way, beside a model that carries out each list at once, when
/// it begins.
#[derive(Debug)]
struct Interleaved {
    fleet: Fleet,
    model: Model,
    /// What the model says that lists do.
    foretold: Vec<Seen>,
    /// What they did.
    seen: Vec<Seen>,
    /// The lists that are not done, oldest first: whose answer it is, and what it sends.
    lists: VecDeque<(Option<usize>, Vec<Seen>)>,
    /// What the list under way has sent so far.
    sent: Vec<Seen>,
    /// The number of each session's latest event that was told, and of the latest that was answered.
    told: BTreeMap<usize, u64>,
    answered: BTreeMap<usize, u64>,
}

impl Interleaved {
    fn new(config: &Config) -> Interleaved {
        Interleaved {
            fleet: Fleet::new(1, config),
            model: Model::new(config.clone()),
            foretold: Vec::new(),
            seen: Vec::new(),
            lists: VecDeque::new(),
            sent: Vec::new(),
            told: BTreeMap::new(),
            answered: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match (step, self.fleet.call_of(step)) {
            (Step::Work { .. }, _) => {
                self.fleet.resume(0);
            }
            (_, Some(call)) => self.make(call),
            (_, None) => {}
        }
        self.look();
    }

    fn make(&mut self, mut call: Call) {
        match &mut call {
            Call::Reply { who, list } if self.fleet.with_backend().contains(who) => {
                let number = self.told[who];
                list.insert(0, note_of(number));
                self.answered.insert(*who, number);
                self.foretell(list, Some(*who));
            }
            Call::Ask { list, .. } => self.foretell(list, None),
            Call::Leave { who, code } if self.fleet.connected().contains(who) => {
                self.model.leave(*who, *code, "bye");
            }
            // The others change nothing that a list could tell.
            _ => {}
        }
        self.fleet.make(&call);
        self.fleet.work(0);
        if let Call::Open { order, role, .. } = call {
            self.model.open(order, self.fleet.info(order), role);
        }
    }

    fn foretell(&mut self, list: &[Written], origin: Option<usize>) {
        let (seen, _) = self.model.execute(list, origin, origin.is_some());
        self.foretold.extend(seen.iter().cloned());
        self.lists.push_back((origin, seen));
    }

    fn look(&mut self) {
        for seen in self.fleet.take_seen() {
            match &seen {
                Seen::Sent { .. } => self.sent.push(seen.clone()),
                Seen::Executed { origin, .. } => {
                    let (by, foretold) = self.lists.pop_front().expect("a list");
                    assert_eq!(*origin, by, "lists are carried out in order");
                    for sent in self.sent.drain(..) {
                        let is_same = |other: &&Seen| payload_of(other) == payload_of(&sent);
                        assert!(
                            foretold.iter().any(|other| is_same(&other)),
                            "{sent:?} of another list"
                        );
                    }
                }
                Seen::Told {
                    who,
                    number,
                    attempt,
                    connection,
                    ..
                } => {
                    let last = self.told.insert(*who, *number).unwrap_or(0);
                    assert_eq!(
                        last + u64::from(*attempt == 1),
                        *number,
                        "events are told in order"
                    );
                    let is_open = self
                        .model
                        .clients
                        .get(who)
                        .is_some_and(|client| client.phase == Phase::Open);
                    if let Some(answered) = self.answered.get(who).filter(|_| is_open) {
                        assert_eq!(
                            connection["note"],
                            json!(answered),
                            "the answer's list comes first"
                        );
                    }
                }
                _ => {}
            }
            self.seen.push(seen);
        }
    }

    fn compare(&self) {
        let connected = self.fleet.connected();
        let of_lists = |seen: &[Seen]| {
            let mut seen = seen.to_vec();
            seen.retain(Seen::is_of_a_list);
            noticed(&seen)
        };
        let (foretold, mut seen) = (of_lists(&self.foretold), of_lists(&self.seen));
        for (who, foretold) in foretold {
            let seen = seen.remove(&who).unwrap_or_default();
            if connected.contains(&who) {
                assert_eq!(seen, foretold, "what session {who} noticed");
            } else {
                assert!(
                    foretold.starts_with(&seen),
                    "{who}: {seen:?} is not how {foretold:?} begins"
                );
            }
        }
        assert!(seen.is_empty(), "nobody foretold {seen:?}");
        for (who, client) in &self.model.clients {
            if client.phase == Phase::Open {
                assert_eq!(self.fleet.info(*who), client.info, "session {who}");
            }
        }
    }
}

/// Marks the session that an answer is for with the number of the event that it answers.
fn note_of(number: u64) -> Written {
    Written {
        fields: format!(r#""type":"session","data":{{"note":{number}}}"#),
        criteria: None,
        except: None,
        is_sound: true,
    }
}

fn payload_of(seen: &Seen) -> Option<&str> {
    match seen {
        Seen::Sent { payload, .. } => Some(payload),
        _ => None,
    }
}
