//! What a broker is, told in the simplest way: all sessions in one map, and a look at each of them for everything.

mod commands;
mod matching;

use std::collections::{BTreeMap, VecDeque};

use broker_core::{Config, Delivery, Failure, HELD_EVENT_BYTES, HELD_SESSION_BYTES, OnFull};
use serde_json::{Map, Value, json};

use crate::seen::Seen;
use crate::steps::Role;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) clients: BTreeMap<usize, Client>,
    config: Config,
    pub(crate) now_ms: u64,
    /// How often the backend has answered.
    answers: u64,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) info: Map<String, Value>,
    pub(crate) phase: Phase,
    pub(crate) is_told: bool,
    /// What the backend has not answered yet.
    pub(crate) held: VecDeque<Held>,
    events: u64,
    pub(crate) attempt: u32,
    /// How often it failed, counted only when others have been answered since the last time, and how many answers there
    /// were then.
    failures: u32,
    answers: u64,
    pub(crate) stage: Stage,
    pub(crate) is_paused: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) number: u64,
    message: Value,
    /// The length of a message's text.
    text: Option<usize>,
    time_ms: u64,
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
        Model {
            clients: BTreeMap::new(),
            config,
            now_ms: 0,
            answers: 0,
        }
    }

    pub(crate) fn open(&mut self, who: usize, info: Map<String, Value>, role: Role) {
        let client = Client {
            info,
            phase: match role {
                Role::Unreachable => Phase::Unreachable,
                Role::Usual | Role::Untold => Phase::Open,
                Role::Asked => unreachable!("no handshake waits"),
            },
            is_told: role != Role::Untold,
            held: VecDeque::new(),
            events: 0,
            attempt: 0,
            failures: 0,
            answers: 0,
            stage: Stage::Ready,
            is_paused: false,
        };
        self.clients.insert(who, client);
        self.hold(who, json!({"type": "session-connect"}), None);
    }

    pub(crate) fn say(&mut self, who: usize, message: Value, text: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        if !self.client(who).is_told {
            return seen;
        }
        let is_pausing = self.config.on_full == OnFull::Pause;
        while let Some(limit) = self.lack(who, Some(text)).filter(|_| !is_pausing) {
            let reason = limit;
            if self.config.on_full == OnFull::DropOldest
                && let Some(place) = self.oldest_free(who)
            {
                let number = self.client(who).held[place].number;
                self.release(who, place);
                seen.push(Seen::Dropped {
                    who,
                    number,
                    reason,
                });
                continue;
            }
            let client = self.client(who);
            client.events += 1;
            let number = client.events;
            seen.push(Seen::Dropped {
                who,
                number,
                reason,
            });
            if self.config.on_full == OnFull::Close && self.client(who).phase == Phase::Open {
                self.client(who).phase = Phase::Unreachable;
                seen.push(Seen::Overflowed(who));
            }
            return seen;
        }
        self.hold(who, message, Some(text));
        let is_full = is_pausing && self.lack(who, None).is_some();
        self.client(who).is_paused |= is_full;
        seen
    }

    /// Something happened to a session that the backend has to be told.
    fn hold(&mut self, who: usize, message: Value, text: Option<usize>) {
        let time_ms = self.now_ms;
        let client = self.client(who);
        if client.is_told {
            client.events += 1;
            client.held.push_back(Held {
                number: client.events,
                message,
                text,
                time_ms,
            });
        }
    }

    pub(crate) fn leave(&mut self, who: usize, code: u16, reason: &str) {
        let message = json!({"type": "session-disconnect", "code": code, "reason": reason});
        self.client(who).phase = Phase::Gone;
        self.hold(who, message, None);
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
        let oldest = client.held.front().expect("something to tell").clone();
        client.stage = Stage::Out;
        client.attempt += 1;
        let seen = Seen::Told {
            who,
            number: oldest.number,
            attempt: client.attempt,
            message: oldest.message.clone(),
            connection: Value::Object(client.info.clone()),
        };
        assert!(!self.is_too_old(&oldest), "{seen:?} after too long a time");
        seen
    }

    /// The oldest event of a session was tried in vain: what comes of it.
    pub(crate) fn fail(&mut self, who: usize, how: &Failure) -> Seen {
        let is_retryable = match how {
            Failure::Unreachable(_) | Failure::Interrupted(_) | Failure::TimedOut(_) => true,
            Failure::Status { code, .. } => matches!(code, 429 | 500..),
            Failure::BadAnswer(_) | Failure::Panicked(_) => false,
        };
        let may_have_arrived = !matches!(
            how,
            Failure::Unreachable(_) | Failure::Status { code: 429, .. }
        );
        let (answers, retries) = (self.answers, self.config.retries);
        let client = self.client(who);
        let (number, attempt) = (client.held[0].number, client.attempt);
        let reason = if !is_retryable {
            how.name()
        } else if may_have_arrived && self.config.delivery == Delivery::AtMostOnce {
            "doubtful"
        } else {
            let client = self.client(who);
            client.failures += u32::from(client.failures == 0 || answers > client.answers);
            client.answers = answers;
            if client.failures < retries {
                client.stage = Stage::Waiting;
                return Seen::Retrying {
                    who,
                    number,
                    attempt,
                };
            }
            "poison"
        };
        self.answers += u64::from(!is_retryable);
        self.release(who, 0);
        Seen::Dropped {
            who,
            number,
            reason,
        }
    }

    /// The backend has answered.
    pub(crate) fn answer(&mut self) {
        self.answers += 1;
    }

    /// The oldest event of a session is done with.
    pub(crate) fn settle(&mut self, who: usize) {
        self.release(who, 0);
    }

    /// A message is given up that was held for too long.
    pub(crate) fn expire(&mut self, who: usize, number: u64) {
        let client = self.client(who);
        let place = client.held.iter().position(|held| held.number == number);
        let place = place.expect("it is held");
        let held = client.held[place].clone();
        let is_busy = place == 0 && client.stage == Stage::Out;
        assert!(self.is_too_old(&held) && !is_busy, "{held:?}");
        self.release(who, place);
    }

    /// A message that was held for too long, and is not with the backend.
    pub(crate) fn overdue(&self) -> Option<&Held> {
        let mut free = self.clients.values().flat_map(|client| {
            let busy = usize::from(client.stage == Stage::Out);
            client.held.iter().skip(busy)
        });
        free.find(|held| self.is_too_old(held))
    }

    fn is_too_old(&self, held: &Held) -> bool {
        let max_age = self.config.max_held_age;
        let age_ms = u128::from(self.now_ms - held.time_ms);
        held.text.is_some() && max_age.is_some_and(|max_age| age_ms > max_age.as_millis())
    }

    fn oldest_free(&self, who: usize) -> Option<usize> {
        let client = &self.clients[&who];
        let busy = usize::from(client.stage == Stage::Out);
        let mut free = client.held.iter().skip(busy);
        Some(busy + free.position(|held| held.text.is_some())?)
    }

    fn release(&mut self, who: usize, place: usize) {
        let client = self.client(who);
        client.held.remove(place);
        if place == 0 {
            (client.stage, client.attempt, client.failures) = (Stage::Ready, 0, 0);
        }
        self.forget(who);
        let names: Vec<usize> = self.clients.keys().copied().collect();
        for who in names {
            let is_full = self.lack(who, None).is_some();
            self.client(who).is_paused &= is_full;
        }
    }

    fn forget(&mut self, who: usize) {
        let client = self.client(who);
        if client.phase == Phase::Gone && client.held.is_empty() {
            self.clients.remove(&who);
        }
    }

    /// The limit that is exceeded, if a session holds one message more where there is one.
    fn lack(&self, who: usize, more: Option<usize>) -> Option<&'static str> {
        let size_of = |text: usize| HELD_EVENT_BYTES + text;
        let texts = |client: &Client| {
            let held = client.held.iter().filter_map(|held| held.text);
            held.collect::<Vec<_>>()
        };
        let all = self.clients.values().flat_map(texts).chain(more);
        let bytes: usize = all.map(size_of).sum();
        let told = self.clients.values().filter(|client| client.is_told);
        let reserved = told.count() * HELD_SESSION_BYTES;
        let messages = texts(&self.clients[&who]).len() + usize::from(more.is_some());
        if messages > self.config.max_held_events {
            Some("max_events")
        } else if bytes > self.config.max_held_bytes.saturating_sub(reserved) {
            Some("max_bytes")
        } else {
            None
        }
    }

    pub(crate) fn client(&mut self, who: usize) -> &mut Client {
        self.clients.get_mut(&who).unwrap()
    }
}
