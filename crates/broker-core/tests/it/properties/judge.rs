//! The model judges the machine: every step happens to both, and all that is seen has to be what the model says.

use std::collections::VecDeque;

use broker_core::{Config, Gating};
use proptest::prelude::*;

use crate::call::Call;
use crate::fleet::{Fleet, LONG_MS};
use crate::model::{Client, Model, Phase, Stage};
use crate::seen::{Seen, joined, read};
use crate::steps::{Step, Written, cases, steps, tight_config};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_shard_does_what_the_model_does(config in tight_config(), steps in steps()) {
        let mut judge = Judge::new(config);
        for step in &steps {
            judge.step(step);
        }
        judge.tell_the_rest();
    }
}

#[derive(Debug)]
struct Judge {
    fleet: Fleet,
    model: Model,
    config: Config,
}

/// What has to come of a step, besides what is told.
#[derive(Debug, Default)]
struct Expected<'a> {
    list: Option<(&'a [Written], Option<usize>)>,
    /// What is seen at once, in this order.
    at_once: VecDeque<Seen>,
}

impl Judge {
    fn new(config: Config) -> Judge {
        Judge {
            fleet: Fleet::new(1, &config),
            model: Model::new(config.clone()),
            config,
        }
    }

    fn step(&mut self, step: &Step) {
        if let Some(call) = self.fleet.call_of(step) {
            self.make(&call);
        }
    }

    fn make(&mut self, call: &Call) {
        let expected = self.foretell(call);
        self.fleet.make(call);
        self.fleet.settle();
        if let Call::Open { order, role, .. } = call {
            self.model.open(*order, self.fleet.info(*order), *role);
        }
        self.compare(expected);
        if let Call::Tick { ms: 1.. } = call {
            assert!(self.model.overdue().is_none(), "{:?}", self.model.overdue());
        }
    }

    /// Lets a call happen to the model, as far as it does not depend on what the machine does.
    fn foretell<'a>(&mut self, call: &'a Call) -> Expected<'a> {
        let mut expected = Expected::default();
        match call {
            Call::Say { who, what } if self.is_connected(*who) => {
                let seen = self.model.say(*who, read(what.told), what.text.len());
                expected.at_once.extend(seen);
            }
            Call::Leave { who, code } if self.is_connected(*who) => {
                self.model.leave(*who, *code, "bye");
            }
            Call::Reply { who, list } if self.is_asked(*who) => {
                self.model.answer();
                match list.as_slice() {
                    [] => self.model.settle(*who),
                    list => expected.list = Some((list, Some(*who))),
                }
            }
            Call::Fail { who, how } if self.is_asked(*who) => {
                expected.at_once.push_back(self.model.fail(*who, how));
            }
            Call::Ask { list, .. } => expected.list = Some((list, None)),
            Call::Tick { ms } => {
                self.model.now_ms += ms;
                for client in self.model.clients.values_mut() {
                    if *ms > 0 && client.stage == Stage::Waiting {
                        client.stage = Stage::Ready;
                    }
                }
            }
            // Opening comes later, since the machine makes the id; all else is passed over.
            _ => {}
        }
        expected
    }

    fn is_connected(&self, who: usize) -> bool {
        let client = self.model.clients.get(&who);
        client.is_some_and(|client| client.phase != Phase::Gone)
    }

    fn is_asked(&self, who: usize) -> bool {
        let client = self.model.clients.get(&who);
        client.is_some_and(|client| client.stage == Stage::Out)
    }

    fn compare(&mut self, mut expected: Expected<'_>) {
        let mut work = Vec::new();
        for seen in self.fleet.take_seen() {
            match &seen {
                Seen::Told { who, .. } => assert_eq!(seen, self.model.tell(*who)),
                Seen::Dropped {
                    who,
                    number,
                    reason: "max_age",
                } => self.model.expire(*who, *number),
                Seen::Retrying { .. } | Seen::Dropped { .. } | Seen::Overflowed(_) => {
                    assert_eq!(Some(seen), expected.at_once.pop_front());
                }
                Seen::Executed {
                    origin, outcomes, ..
                } => {
                    let (list, by) = expected.list.take().expect("a list to be executed");
                    assert_eq!(*origin, by);
                    let (done, results) = self.model.execute(list, by, by.is_some());
                    assert_eq!(joined(&work), joined(&done), "{list:#?}");
                    assert_eq!(*outcomes, results, "{list:#?}");
                    work.clear();
                    if let Some(who) = by {
                        self.model.settle(who);
                    }
                }
                Seen::Sent { .. }
                | Seen::Closed { .. }
                | Seen::Logged { .. }
                | Seen::RanOther { .. } => work.push(seen),
                // The state that they lead to is compared below.
                Seen::Paused(_) | Seen::Resumed(_) | Seen::Ended(_) => {}
                Seen::Admitted(_) | Seen::Refused { .. } => unreachable!("no handshake waits"),
            }
        }
        assert_eq!(work, [], "what belongs to no list");
        assert!(
            expected.list.is_none() && expected.at_once.is_empty(),
            "{expected:?}"
        );
        self.compare_states();
    }

    fn compare_states(&self) {
        let clients = &self.model.clients;
        assert_eq!(
            self.fleet.sessions(),
            clients.keys().copied().collect::<Vec<_>>()
        );
        let paused = clients.iter().filter(|(_, client)| client.is_paused);
        let paused: Vec<usize> = paused.map(|(who, _)| *who).collect();
        assert_eq!(
            self.fleet.paused(),
            paused,
            "whose connections are not read"
        );
        let held: usize = clients.values().map(|client| client.held.len()).sum();
        assert_eq!(self.fleet.events_held(), held);
        let is_ready = |client: &&_| matches!(client, Client { stage: Stage::Ready, held, .. } if !held.is_empty());
        if let Some(idle) = clients.values().find(is_ready) {
            let in_flight = self.fleet.with_backend().len();
            let Gating::Own(gate) = &self.config.gate else {
                panic!("there is no gate to share");
            };
            assert_eq!(in_flight, gate.max_in_flight, "nothing keeps back {idle:?}");
        }
    }

    /// Nothing is lost: what is held is told as soon as the backend answers.
    fn tell_the_rest(&mut self) {
        while self.fleet.events_held() > 0 {
            self.make(&Call::Tick { ms: LONG_MS });
            for who in self.fleet.with_backend() {
                let list = Vec::new();
                self.make(&Call::Reply { who, list });
            }
        }
        self.fleet.answer_all();
    }
}
