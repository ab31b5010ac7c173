//! What a broker is, told in the simplest way: all sessions in one map, and a look at each of them for everything.

mod commands;
mod matching;

use std::collections::{BTreeMap, VecDeque};

use broker_core::Config;
use serde_json::{Map, Value, json};

use crate::seen::Seen;
use crate::steps::Role;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clients: BTreeMap<usize, Client>,
    config: Config,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) info: Map<String, Value>,
    pub(crate) phase: Phase,
    pub(crate) is_told: bool,
    /// Number, message and size of what the backend has not answered yet.
    pub(crate) held: VecDeque<(u64, Value, usize)>,
    events: u64,
    pub(crate) attempt: u32,
    pub(crate) stage: Stage,
    pub(crate) is_paused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    Open,
    Unreachable,
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Ready,
    Out,
    Waiting,
}

impl Model {
    pub(crate) fn new(config: Config) -> Model {
        let clients = BTreeMap::new();
        Model { clients, config }
    }

    pub(crate) fn open(&mut self, who: usize, info: Map<String, Value>, role: Role) {
        let client = Client {
            info,
            phase: match role {
                Role::Unreachable => Phase::Unreachable,
                Role::Usual | Role::Untold => Phase::Open,
            },
            is_told: role != Role::Untold,
            held: VecDeque::new(),
            events: 0,
            attempt: 0,
            stage: Stage::Ready,
            is_paused: false,
        };
        self.clients.insert(who, client);
        self.hold(who, json!({"type": "session-connect"}), 0);
    }

    /// Something happened to a session that the backend has to be told.
    pub(crate) fn hold(&mut self, who: usize, message: Value, size: usize) {
        let Some(client) = self.clients.get_mut(&who).filter(|client| client.is_told) else {
            return;
        };
        client.events += 1;
        client.held.push_back((client.events, message, size));
        let has_room = self.has_room(who);
        self.client(who).is_paused |= !has_room;
    }

    pub(crate) fn leave(&mut self, who: usize, code: u16, reason: &str) {
        let message = json!({"type": "session-disconnect", "code": code, "reason": reason});
        self.client(who).phase = Phase::Gone;
        self.hold(who, message, reason.len());
        self.client(who).is_paused = false;
        self.forget(who);
    }

    /// What the backend is told next of a session, which has to be its turn.
    pub(crate) fn tell(&mut self, who: usize) -> Seen {
        let client = self.client(who);
        assert_eq!(
            client.stage,
            Stage::Ready,
            "it is not the turn of {client:?}"
        );
        let (number, message, _) = client.held.front().expect("something to tell").clone();
        client.stage = Stage::Out;
        client.attempt += 1;
        Seen::Told {
            who,
            number,
            attempt: client.attempt,
            message,
            connection: Value::Object(client.info.clone()),
        }
    }

    /// The oldest event of a session is answered, or given up.
    pub(crate) fn settle(&mut self, who: usize) {
        let client = self.client(who);
        client.held.pop_front();
        (client.stage, client.attempt) = (Stage::Ready, 0);
        self.forget(who);
        let names: Vec<usize> = self.clients.keys().copied().collect();
        for who in names {
            let has_room = self.has_room(who);
            self.client(who).is_paused &= !has_room;
        }
    }

    fn forget(&mut self, who: usize) {
        let client = self.client(who);
        if client.phase == Phase::Gone && client.held.is_empty() {
            self.clients.remove(&who);
        }
    }

    fn has_room(&self, who: usize) -> bool {
        let bytes: usize = self
            .clients
            .values()
            .flat_map(|client| &client.held)
            .map(|held| held.2)
            .sum();
        self.clients[&who].held.len() <= self.config.max_held_events
            && bytes <= self.config.max_held_bytes
    }

    pub(crate) fn client(&mut self, who: usize) -> &mut Client {
        self.clients.get_mut(&who).unwrap()
    }
}
