//! Shards and the least of a driver: performs effects by writing them down, and passes on what is for all shards.
//!
//! It holds the brokers to what is true at any time, whatever the test: effects name only sessions that are there, a
//! session has at most one event with the backend, limits are kept, and no session is paused or resumed twice.

mod perform;

use std::collections::{BTreeMap, VecDeque};

use broker_core::{
    Broker, CallHandle, ClientMessage, CommandList, Config, CookieRule, Effects, EventId, Failure,
    Info, Opening, Orders, Outcome, Reading, SessionHandle, SessionId, Source, Timestamp,
};
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::seen::{Seen, read};
use crate::steps::Role;

#[derive(Debug)]
pub(crate) struct Fleet {
    shards: Vec<Shard>,
    config: Config,
    now: Timestamp,
    /// Every session that was ever opened.
    places: Vec<(usize, SessionHandle)>,
    names: BTreeMap<SessionId, usize>,
    clients: BTreeMap<(usize, SessionHandle), Client>,
    /// What was seen and not yet taken.
    seen: Vec<Seen>,
    /// All effects as they came, if that is asked for.
    written: Option<String>,
    /// The outcomes of each list on the shards that have executed it.
    outcomes: BTreeMap<u64, Vec<Vec<Outcome>>>,
    lists: u64,
}

#[derive(Debug)]
struct Shard {
    broker: Broker,
    /// The time as far as it has come here.
    now: Timestamp,
    mail: VecDeque<Mail>,
    /// The ticket of the last list for all that was executed here.
    ticket: u64,
}

/// What is for every shard, in one order for all.
#[derive(Clone, Debug)]
enum Mail {
    Execute(Orders),
    Tick(Timestamp),
}

/// What a driver knows of a session.
#[derive(Debug)]
struct Client {
    who: usize,
    is_connected: bool,
    is_reachable: bool,
    /// Its handshake waits for the backend.
    is_waiting: bool,
    is_paused: bool,
    with_backend: Option<EventId>,
    /// The latest call about it.
    call: Option<CallHandle>,
}

impl Fleet {
    pub(crate) fn new(shards: usize, config: &Config) -> Fleet {
        let shard = |number: usize| {
            let mut config = config.clone();
            config.shard = number as u16;
            config.shards = shards as u16;
            Shard {
                broker: Broker::new(config),
                now: START,
                mail: VecDeque::new(),
                ticket: 0,
            }
        };
        Fleet {
            shards: (0..shards).map(shard).collect(),
            config: config.clone(),
            now: START,
            places: Vec::new(),
            names: BTreeMap::new(),
            clients: BTreeMap::new(),
            seen: Vec::new(),
            written: None,
            outcomes: BTreeMap::new(),
            lists: 0,
        }
    }

    /// Opens the next session; `order` is its place in the order of connecting, and what it is called from now on.
    pub(crate) fn open(&mut self, shard: usize, order: usize, cookies: &str, role: Role) {
        let shard = shard % self.shards.len();
        let mut random = [0; 14];
        random[13] = order as u8;
        // Of one shard, so that an info does not show where its session lives.
        let id = SessionId::new(0, random);
        let ip = if order.is_multiple_of(2) { "1" } else { "::1" };
        let cookies = [cookies.as_bytes()].into_iter();
        let info = Info::at_connect(cookies, &CookieRule::All, ip, id, 1000).unwrap();
        let mut opening = Opening::new(id, info);
        opening.order = order as u64;
        opening.is_told = role != Role::Untold;
        opening.is_reachable = role != Role::Unreachable;
        opening.is_asked = role == Role::Asked;

        let mut out = Effects::default();
        let here = &mut self.shards[shard];
        let handle = here.broker.open(here.now, opening, &mut out);
        self.names.insert(id, order);
        if self.places.len() <= order {
            let nowhere = (usize::MAX, handle);
            self.places.resize(order + 1, nowhere);
        }
        self.places[order] = (shard, handle);
        let client = Client {
            who: order,
            is_connected: true,
            is_reachable: matches!(role, Role::Usual | Role::Untold),
            is_waiting: role == Role::Asked,
            is_paused: false,
            with_backend: None,
            call: None,
        };
        let former = self.clients.insert((shard, handle), client);
        assert!(former.is_none(), "{handle:?} is in use: {former:?}");
        self.perform(shard, out);
    }

    pub(crate) fn say(&mut self, who: usize, text: &str) {
        let message = ClientMessage::parse(text).unwrap();
        self.call(who, |broker, now, session, out| {
            broker.receive(now, session, message, out);
        });
    }

    pub(crate) fn leave(&mut self, who: usize, code: u16, reason: &str) {
        if let Some(client) = self.clients.get_mut(&self.places[who]) {
            client.is_connected = false;
            client.is_waiting = false;
            client.is_paused = false;
        }
        self.call(who, |broker, now, session, out| {
            broker.close(now, session, code, reason, out);
        });
    }

    pub(crate) fn reply(&mut self, who: usize, list: &str) {
        let list = parsed(list);
        if let Some(call) = self.call_came_back(who) {
            if let Some(client) = self.clients.get_mut(&self.places[who]) {
                client.is_reachable |= client.is_waiting;
            }
            self.call(who, |broker, now, _, out| {
                broker.backend_replied(now, call, [list], out);
            });
        }
    }

    pub(crate) fn fail(&mut self, who: usize, how: Failure) {
        if let Some(call) = self.call_came_back(who) {
            self.call(who, |broker, now, _, out| {
                broker.backend_failed(now, call, how, out);
            });
        }
    }

    /// The latest call about a session, which is not with the backend any more, if it was.
    fn call_came_back(&mut self, who: usize) -> Option<CallHandle> {
        let client = self.clients.get_mut(&self.places[who])?;
        client.with_backend = None;
        client.call
    }

    /// Commands come through a door that is no answer.
    pub(crate) fn ask(&mut self, door: Source, list: &str) {
        self.route(Orders {
            list: parsed(list).into(),
            source: door,
            origin: None,
            ticket: 0,
        });
    }

    /// Time passes for all shards.
    pub(crate) fn tick(&mut self, ms: u64) {
        self.now = Timestamp(self.now.0 + ms);
        for shard in &mut self.shards {
            shard.mail.push_back(Mail::Tick(self.now));
        }
    }

    /// A shard takes its next mail: one thing that is for all; says whether there was any.
    pub(crate) fn work(&mut self, shard: usize) -> bool {
        let shard = shard % self.shards.len();
        let mut out = Effects::default();
        let here = &mut self.shards[shard];
        match here.mail.pop_front() {
            None => return false,
            Some(Mail::Tick(now)) => {
                here.now = now;
                here.broker.handle_timeout(now, &mut out);
            }
            Some(Mail::Execute(orders)) => here.broker.execute(here.now, orders, &mut out),
        }
        self.perform(shard, out);
        true
    }

    /// A shard does its next slice; says whether there was one to do.
    pub(crate) fn resume(&mut self, shard: usize) -> bool {
        let shard = shard % self.shards.len();
        if !self.shards[shard].broker.is_busy() {
            return false;
        }
        let mut out = Effects::default();
        let here = &mut self.shards[shard];
        here.broker.resume(here.now, &mut out);
        self.perform(shard, out);
        true
    }

    /// Everything that waits is done.
    pub(crate) fn settle(&mut self) {
        for shard in 0..self.shards.len() {
            for round in 0.. {
                assert!(round < 100_000, "shard {shard} does not come to an end");
                if !self.resume(shard) && !self.work(shard) {
                    break;
                }
            }
        }
    }

    /// Answers every event with no commands, whatever it takes, until nothing is left to tell.
    pub(crate) fn answer_all(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "there is always another event");
            self.tick(LONG_MS);
            self.settle();
            let waiting = self.with_backend();
            if waiting.is_empty() {
                break;
            }
            for who in waiting {
                self.reply(who, "");
            }
        }
        for shard in &self.shards {
            assert_eq!(shard.broker.events_held(), 0, "an event is left behind");
            assert_eq!(shard.broker.next_deadline(), None);
        }
        for client in self.clients.values() {
            assert!(client.is_connected, "{client:?} is not forgotten");
            assert!(
                !client.is_paused,
                "{client:?} is not read though there is room"
            );
        }
    }

    pub(crate) fn take_seen(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    /// The sessions with an event at the backend.
    pub(crate) fn with_backend(&self) -> Vec<usize> {
        self.known(|client| client.with_backend.is_some())
    }

    /// The sessions whose connections are not read.
    pub(crate) fn paused(&self) -> Vec<usize> {
        self.known(|client| client.is_paused)
    }

    /// The sessions that are not forgotten.
    pub(crate) fn sessions(&self) -> Vec<usize> {
        self.known(|_| true)
    }

    /// The sessions whose connections should end.
    pub(crate) fn told_to_close(&self) -> Vec<usize> {
        self.known(|client| client.is_connected && !client.is_reachable)
    }

    /// The sessions whose connections have not ended.
    pub(crate) fn connected(&self) -> Vec<usize> {
        self.known(|client| client.is_connected)
    }

    fn known(&self, is_meant: impl Fn(&Client) -> bool) -> Vec<usize> {
        let clients = self.clients.values().filter(|client| is_meant(client));
        let mut names: Vec<usize> = clients.map(|client| client.who).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn opened(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn info(&self, who: usize) -> Map<String, Value> {
        let (shard, handle) = self.places[who];
        let info = self.shards[shard].broker.session(handle).unwrap().info;
        let Value::Object(info) = read(info.text()) else {
            panic!("{info:?}");
        };
        info
    }

    /// How many lists for all shards there were.
    pub(crate) fn lists(&self) -> u64 {
        self.lists
    }

    /// How many events are not answered yet.
    pub(crate) fn events_held(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.broker.events_held())
            .sum()
    }

    /// How long it is until something is due.
    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        let shards = self.shards.iter();
        let due = shards
            .filter_map(|shard| shard.broker.next_deadline())
            .min()?;
        Some(due.0 - self.now.0)
    }

    /// Begins to write down all effects as they come.
    pub(crate) fn write_down(&mut self) {
        self.written = Some(String::new());
    }

    pub(crate) fn take_written(&mut self) -> Option<String> {
        self.written.take()
    }

    fn call(
        &mut self,
        who: usize,
        verb: impl FnOnce(&mut Broker, Timestamp, SessionHandle, &mut Effects),
    ) {
        let (shard, session) = self.places[who];
        let mut out = Effects::default();
        let here = &mut self.shards[shard];
        verb(&mut here.broker, here.now, session, &mut out);
        self.perform(shard, out);
    }

    fn route(&mut self, mut orders: Orders) {
        self.lists += 1;
        orders.ticket = self.lists;
        for shard in &mut self.shards {
            shard.mail.push_back(Mail::Execute(orders.clone()));
        }
    }
}

const START: Timestamp = Timestamp(1_000_000);

/// More than any retry waits.
pub(crate) const LONG_MS: u64 = 4_000_000;

pub(crate) fn parsed(list: &str) -> CommandList {
    let reading = Reading::lenient(100);
    CommandList::parse(&Bytes::copy_from_slice(list.as_bytes()), reading).unwrap()
}
