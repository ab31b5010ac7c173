//! Names have one holder, and requests one end, however letters between shards travel.

use std::collections::{BTreeMap, BTreeSet};

use broker_core::Config;
use proptest::prelude::*;

use crate::town::{Heard, Town};

const NAMES: [&str; 4] = ["\"a\"", "\"b\"", "5", "\"*\""];
const FORMS: [&str; 4] = ["a", "b", "5", "*"];

#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Register(usize, usize),
    Unregister(usize),
    Leave(usize),
    /// A client sends something, to one name or to all, and may want an answer.
    Relay {
        who: usize,
        to: Option<usize>,
        asks: bool,
    },
    /// A client asks the backend.
    Ask(usize),
    /// A client answers something that it, or somebody else, was asked.
    Answer {
        who: usize,
        what: usize,
    },
    /// The backend answers the oldest event, and what it was asked, if it was.
    Reply,
    /// Letters travel from one shard to another.
    Deliver(u16, u16),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0_usize..3).prop_map(Step::Open),
        6 => (0_usize..8, 0..NAMES.len()).prop_map(|(who, name)| Step::Register(who, name)),
        2 => (0_usize..8).prop_map(Step::Unregister),
        1 => (0_usize..8).prop_map(Step::Leave),
        4 => (0_usize..8, prop::option::of(0..FORMS.len()), any::<bool>())
            .prop_map(|(who, to, asks)| Step::Relay { who, to, asks }),
        2 => (0_usize..8).prop_map(Step::Ask),
        4 => (0_usize..8, 0_usize..16).prop_map(|(who, what)| Step::Answer { who, what }),
        2 => Just(Step::Reply),
        12 => (0_u16..3, 0_u16..3).prop_map(|(from, to)| Step::Deliver(from, to)),
        1 => (1_u64..2_000_000).prop_map(Step::Wait),
    ]
}

/// What has happened, as far as anybody can see it.
struct Story {
    town: Town,
    /// Everything that each client has heard.
    heard: Vec<Vec<Heard>>,
    /// The acks of requests that clients were asked, and who it was.
    asked: Vec<(usize, String)>,
    /// The acks of requests that the backend was asked.
    backend_asked: Vec<String>,
    /// What each request is called, and who has made it.
    requests: Vec<(usize, String)>,
    /// Which names clients have asked for and let go of, as they are to hear of it.
    names: Vec<(usize, Heard)>,
}

impl Story {
    fn begin(shards: u16) -> Story {
        Story {
            town: Town::new(shards, &Config::default()),
            heard: Vec::new(),
            asked: Vec::new(),
            backend_asked: Vec::new(),
            requests: Vec::new(),
            names: Vec::new(),
        }
    }

    fn happen(&mut self, step: &Step) {
        let count = self.heard.len();
        let one = |who: usize| who.checked_rem(count).unwrap_or(0);
        match *step {
            Step::Open(shard) => {
                self.town.open(shard);
                self.heard.push(Vec::new());
            }
            Step::Deliver(from, to) => {
                self.town.deliver(from, to);
            }
            Step::Wait(ms) => self.town.wait(ms),
            Step::Reply => {
                let answers = self.backend_asked.drain(..);
                let list: Vec<String> = answers
                    .map(|ack| format!(r#"{{"type":"answer","ack":"{ack}","message":1}}"#))
                    .collect();
                self.town.reply(&format!("[{}]", list.join(",")));
            }
            _ if count == 0 => {}
            Step::Register(who, name) => {
                let (who, name) = (one(who), NAMES[name]);
                self.town.register(who, name).unwrap();
                if self.town.clients()[who].is_connected {
                    self.names.push((who, Heard::Registered(name.into())));
                }
            }
            Step::Unregister(who) => {
                let who = one(who);
                if self.town.clients()[who].is_connected
                    && let Some(name) = self.town.shown_id(who)
                {
                    self.names.push((who, Heard::Unregistered(name)));
                }
                self.town.unregister(who);
            }
            Step::Leave(who) => self.town.leave(one(who)),
            Step::Relay { who, to, asks } => {
                let who = one(who);
                let token = self.requests.len().to_string();
                let to = to.map_or(&FORMS[..], |to| &FORMS[to..=to]);
                self.town
                    .relay(who, to, "1", asks.then_some(token.as_str()));
                if asks && self.town.clients()[who].is_connected {
                    self.requests.push((who, token));
                }
            }
            Step::Ask(who) => {
                let who = one(who);
                let token = self.requests.len().to_string();
                self.town.ask(who, r#"{"type":"q"}"#, &token);
                if self.town.clients()[who].is_connected {
                    self.requests.push((who, token));
                }
            }
            Step::Answer { who, what } => {
                let who = one(who);
                let Some((asked, ack)) = self.asked.get(what).cloned() else {
                    return;
                };
                let taken = self.town.answer(who, &ack, "2");
                let is_there = self.town.clients()[who].is_connected;
                assert!(!is_there || taken.is_ok() == (who == asked), "{taken:?}");
            }
        }
        self.listen();
    }

    fn listen(&mut self) {
        for who in 0..self.heard.len() {
            for heard in self.town.take_heard(who) {
                match &heard {
                    Heard::Message { ack: Some(ack), .. } => self.asked.push((who, ack.clone())),
                    Heard::Told(message) => {
                        let message = crate::seen::read(message);
                        if let Some(ack) = message.get("ack") {
                            self.backend_asked.push(ack.as_str().unwrap().into());
                        }
                    }
                    _ => {}
                }
                self.heard[who].push(heard);
            }
        }
    }

    /// Who holds which name, by what the backend was told.
    fn holders(&self) -> BTreeMap<String, BTreeSet<usize>> {
        let mut holders: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (who, heard) in self.heard.iter().enumerate() {
            for heard in heard {
                let Heard::Told(message) = heard else {
                    continue;
                };
                let message = crate::seen::read(message);
                let holders = holders.entry(message["id"].to_string()).or_default();
                match message["type"].as_str() {
                    Some("session-register") => holders.insert(who),
                    Some("session-unregister") => holders.remove(&who),
                    _ => false,
                };
            }
            if !self.town.clients()[who].is_connected {
                holders.values_mut().for_each(|holders| {
                    holders.remove(&who);
                });
            }
        }
        holders
    }
}

proptest! {
    #[test]
    fn a_name_has_at_most_one_holder_who_is_found_by_it(
        shards in 1_u16..4,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut story = Story::begin(shards);
        story.happen(&Step::Open(0));
        steps.iter().for_each(|step| story.happen(step));
        story.town.settle();
        story.listen();
        let prober = story.town.open(0);
        story.heard.push(Vec::new());
        let holders = story.holders();
        for (name, form) in NAMES.iter().zip(FORMS) {
            story.heard.iter_mut().for_each(Vec::clear);
            story.town.relay(prober, &[form], "\"probe\"", None);
            story.town.settle();
            story.listen();
            let has_heard = |heard: &Vec<Heard>| heard.iter().any(|heard| matches!(heard, Heard::Message { .. }));
            let found: BTreeSet<usize> = (0..story.heard.len()).filter(|who| has_heard(&story.heard[*who])).collect();
            prop_assert!(found.len() <= 1, "{name} is held by {found:?}");
            let holding = holders.get(*name).cloned().unwrap_or_default();
            prop_assert_eq!(found, holding, "{}", name);
        }
    }

    #[test]
    fn a_client_hears_of_a_name_in_the_order_in_which_it_asked(
        shards in 1_u16..4,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut story = Story::begin(shards);
        story.happen(&Step::Open(0));
        steps.iter().for_each(|step| story.happen(step));
        story.town.settle();
        story.listen();
        for (who, heard) in story.heard.iter().enumerate() {
            for name in NAMES {
                let is_of_it = |heard: &&Heard| matches!(heard, Heard::Registered(of) | Heard::Unregistered(of) if of == name);
                let heard: Vec<&Heard> = heard.iter().filter(is_of_it).collect();
                let of_who = story.names.iter().filter(|(of, _)| *of == who).map(|(_, heard)| heard);
                let asked: Vec<&Heard> = of_who.filter(is_of_it).collect();
                let is_gone = !story.town.clients()[who].is_connected;
                prop_assert!(heard == asked || is_gone && asked.starts_with(&heard), "{heard:?} of {asked:?}");
            }
        }
    }

    #[test]
    fn every_request_is_answered_or_times_out_once(
        shards in 1_u16..4,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut story = Story::begin(shards);
        story.happen(&Step::Open(0));
        steps.iter().for_each(|step| story.happen(step));
        story.town.settle();
        story.town.wait(3_600_000);
        story.town.settle();
        story.listen();
        for (who, token) in &story.requests {
            let is_end = |heard: &&Heard| match heard {
                Heard::Answer { token: of, .. } | Heard::Unanswered(of) => of == token,
                _ => false,
            };
            let ends = story.heard[*who].iter().filter(is_end).count();
            let client = &story.town.clients()[*who];
            prop_assert!(ends == 1 || ends == 0 && !client.is_connected, "{} ends of {}", ends, token);
        }
        prop_assert_eq!(story.town.next_deadline_ms(), None, "nothing is left to wait for");
    }
}
