//! A broker of several shards, its gate, and a backend that can fail in every way, in virtual time.
//!
//! It holds them to the delivery promise at any time: what a session has to tell arrives in order, again only after a
//! failure, and while the backend is away one probe at a time is made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker_core::{
    BackendGate, Broker, Call, CallHandle, ClientMessage, CommandList, Config, CookieRule, Effect,
    Effects, EventId, Fact, Failure, GateConfig, Gating, Info, Loss, Opening, Refusal,
    SessionHandle, SessionId, Standing, Timestamp,
};

/// What comes of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They are answered after so many milliseconds.
    Well(u64),
    /// No connection can be made.
    Refusing,
    /// They are answered with this status at once; nothing was taken.
    Unwilling(u16),
    /// What they tell is taken, and then the connection is cut.
    Cutting,
    /// What they tell is taken, and then there is silence.
    Hanging,
}

/// How long a call may take, in milliseconds.
pub(crate) const TIMEOUT_MS: u64 = 10_000;

/// What the backend can't take without a crash.
pub(crate) const POISON: &str = r#""poison""#;

#[derive(Debug)]
pub(crate) struct World {
    shards: Vec<Broker>,
    gate: BackendGate,
    rung: BTreeSet<u16>,
    pub(crate) now: Timestamp,
    pub(crate) mood: Mood,
    /// Calls that have not come back.
    out: BTreeMap<(u16, CallHandle), Out>,
    clients: Vec<Client>,
    names: BTreeMap<SessionId, usize>,
    /// Every call that was made: when, and for whom.
    pub(crate) calls: Vec<(Timestamp, Vec<usize>)>,
    /// What was given up.
    pub(crate) lost: Vec<(usize, Loss)>,
    /// Whose handshakes were answered with yes, and with no.
    pub(crate) admitted: Vec<usize>,
    pub(crate) refused: Vec<(usize, Refusal)>,
    max_in_flight: usize,
    is_once: bool,
}

#[derive(Debug)]
struct Out {
    due: Timestamp,
    failure: Option<Failure>,
    events: Vec<EventId>,
    /// Made after the backend was known to be away.
    is_probe: bool,
}

#[derive(Debug)]
struct Client {
    shard: u16,
    session: SessionHandle,
    is_connected: bool,
    /// Its handshake waits for the backend.
    is_waiting: bool,
    /// How many events it has caused.
    caused: u64,
    /// The number of the latest event that has arrived, how often it has, and whether that was answered.
    arrived: u64,
    times: u32,
    is_answered: bool,
    /// Events that were given up.
    given_up: BTreeSet<u64>,
    is_forgotten: bool,
    /// How long each event took from when it happened to its answer, in milliseconds.
    waits: Vec<u64>,
    since: BTreeMap<u64, Timestamp>,
}

impl World {
    pub(crate) fn new(shards: u16, gate: &GateConfig, config: &Config) -> World {
        let shard = |number| {
            let mut config = config.clone();
            (config.shard, config.shards) = (number, shards);
            config.gate = Gating::Shared;
            Broker::new(config)
        };
        World {
            shards: (0..shards).map(shard).collect(),
            gate: BackendGate::new(shards, gate),
            rung: BTreeSet::new(),
            now: Timestamp(1_000_000),
            mood: Mood::Well(5),
            out: BTreeMap::new(),
            clients: Vec::new(),
            names: BTreeMap::new(),
            calls: Vec::new(),
            lost: Vec::new(),
            admitted: Vec::new(),
            refused: Vec::new(),
            max_in_flight: gate.max_in_flight,
            is_once: config.delivery == broker_core::Delivery::AtMostOnce,
        }
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn is_away(&self) -> bool {
        self.gate.standing().is_away
    }

    pub(crate) fn standing(&self) -> Standing {
        self.gate.standing()
    }

    pub(crate) fn events_held(&self) -> usize {
        self.shards.iter().map(Broker::events_held).sum()
    }

    pub(crate) fn sessions(&self) -> usize {
        self.shards.iter().map(Broker::sessions).sum()
    }

    /// The longest that an event of a client has waited for its answer, or waits, in milliseconds.
    pub(crate) fn longest_wait_ms(&self, who: usize) -> u64 {
        let client = &self.clients[who];
        let waiting = client.since.values().map(|since| self.now.0 - since.0);
        client
            .waits
            .iter()
            .copied()
            .chain(waiting)
            .max()
            .unwrap_or(0)
    }

    /// A client connects.
    pub(crate) fn open(&mut self) -> usize {
        self.open_with(false)
    }

    /// A client asks to be let in, which the backend decides on.
    pub(crate) fn knock(&mut self) -> usize {
        self.open_with(true)
    }

    fn open_with(&mut self, is_asked: bool) -> usize {
        let shard = (self.clients.len() % self.shards.len()) as u16;
        let (who, id) = self.named(shard, is_asked);
        let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1000).unwrap();
        let mut opening = Opening::new(id, info);
        opening.is_asked = is_asked;
        let mut out = Effects::default();
        let session = self.shards[usize::from(shard)].open(self.now, opening, &mut out);
        self.clients[who].session = session;
        self.settle_all(shard, out);
        who
    }

    /// The broker starts, and its first shard has to tell so; it is counted among the clients, as one who has left.
    pub(crate) fn start(&mut self) -> usize {
        let (who, id) = self.named(0, false);
        self.clients[who].is_connected = false;
        self.work(0, |broker, now, out| broker.start(now, id, "boot", out));
        who
    }

    /// A new client, known before its first event goes out.
    fn named(&mut self, shard: u16, is_waiting: bool) -> (usize, SessionId) {
        let who = self.clients.len();
        let mut random = [0; 14];
        random[..8].copy_from_slice(&(who as u64).to_be_bytes());
        let id = SessionId::new(shard, random);
        self.names.insert(id, who);
        self.clients.push(Client {
            shard,
            session: SessionHandle {
                slot: 0,
                generation: 0,
            },
            is_connected: true,
            is_waiting,
            caused: 1,
            arrived: 0,
            times: 0,
            is_answered: true,
            given_up: BTreeSet::new(),
            is_forgotten: false,
            waits: Vec::new(),
            since: BTreeMap::from([(1, self.now)]),
        });
        (who, id)
    }

    pub(crate) fn say(&mut self, who: usize, text: &str) {
        if !self.clients[who].is_connected || self.clients[who].is_waiting {
            return;
        }
        self.cause(who);
        let session = self.clients[who].session;
        let message = ClientMessage::parse(text).unwrap();
        self.work(self.clients[who].shard, |broker, now, out| {
            broker.receive(now, session, message, out);
        });
    }

    pub(crate) fn leave(&mut self, who: usize) {
        if !std::mem::replace(&mut self.clients[who].is_connected, false) {
            return;
        }
        self.cause(who);
        let session = self.clients[who].session;
        self.work(self.clients[who].shard, |broker, now, out| {
            broker.close(now, session, 1000, "", out);
        });
    }

    fn cause(&mut self, who: usize) {
        let client = &mut self.clients[who];
        client.caused += 1;
        client.since.insert(client.caused, self.now);
    }

    /// Lets so much time pass, with all that happens meanwhile.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = Timestamp(self.now.0 + ms);
        let mut at_once = 0;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 10_000, "something is always due");
            self.now = self.now.max(next);
            self.happen();
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let calls = self.out.values().map(|out| out.due);
        let shards = self.shards.iter().filter_map(Broker::next_deadline);
        calls.chain(shards).min()
    }

    /// Does what is due.
    fn happen(&mut self) {
        let due = |out: &Out| out.due <= self.now;
        let back: Vec<_> = self
            .out
            .iter()
            .filter(|(_, out)| due(out))
            .map(|(key, _)| *key)
            .collect();
        for key in back {
            self.come_back(key);
        }
        for shard in 0..self.shards.len() as u16 {
            let deadline = self.shards[usize::from(shard)].next_deadline();
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.work(shard, |broker, now, out| broker.handle_timeout(now, out));
            }
        }
    }

    fn come_back(&mut self, (shard, handle): (u16, CallHandle)) {
        let Out {
            failure, events, ..
        } = self.out.remove(&(shard, handle)).unwrap();
        let is_in_doubt = failure.as_ref().is_some_and(is_in_doubt);
        for event in &events {
            let client = &mut self.clients[self.names[&event.session]];
            if client.is_waiting && !client.is_connected && (failure.is_none() || is_in_doubt) {
                // It has left meanwhile, and may have been let in.
                client.is_waiting = false;
                if is_in_doubt {
                    client.given_up.insert(1);
                }
            }
        }
        if failure.is_none() {
            for event in &events {
                let client = &mut self.clients[self.names[&event.session]];
                client.is_answered = true;
                let since = client.since.remove(&event.number).unwrap();
                client.waits.push(self.now.0 - since.0);
            }
        }
        self.work(shard, |broker, now, out| match failure {
            Some(failure) => broker.backend_failed(now, handle, failure, out),
            None => {
                let lists = events.iter().map(|_| CommandList::default());
                broker.backend_replied(now, handle, lists, out);
            }
        });
    }

    /// Something happens on a shard; then everybody does what the gate wants, until it wants nothing.
    fn work(&mut self, shard: u16, happens: impl FnOnce(&mut Broker, Timestamp, &mut Effects)) {
        let mut out = Effects::default();
        happens(&mut self.shards[usize::from(shard)], self.now, &mut out);
        self.settle_all(shard, out);
    }

    fn settle_all(&mut self, shard: u16, out: Effects) {
        self.settle(shard, out);
        for round in 0.. {
            assert!(round < 1000, "the shards ring each other without end");
            let Some(rung) = self.rung.pop_first() else {
                break;
            };
            self.shards[usize::from(rung)].ring();
            self.settle(rung, Effects::default());
        }
    }

    fn settle(&mut self, shard: u16, mut out: Effects) {
        self.perform(shard, &mut out);
        for round in 0.. {
            assert!(round < 100, "shard {shard} claims without end");
            let broker = &mut self.shards[usize::from(shard)];
            let Some(claim) = broker.claim() else { break };
            let rung = &mut self.rung;
            let grant = self.gate.claim(self.now, shard, claim, |other| {
                assert_ne!(other, shard, "nobody rings at his own door");
                rung.insert(other);
            });
            broker.granted(self.now, grant, &mut out);
            self.perform(shard, &mut out);
        }
    }

    fn perform(&mut self, shard: u16, out: &mut Effects) {
        for effect in std::mem::take(&mut out.list) {
            match effect {
                Effect::CallBackend(call) => self.call(shard, &call),
                Effect::Dropped { event, reason, .. } => {
                    let who = self.names[&event.session];
                    let client = &mut self.clients[who];
                    client.given_up.insert(event.number);
                    client.since.remove(&event.number);
                    self.lost.push((who, reason));
                }
                Effect::Ended(session) => {
                    let who = self.who(shard, session);
                    let client = &mut self.clients[who];
                    client.is_forgotten = true;
                    if client.is_waiting {
                        // It has left before the backend has let it in, and of that nobody need be told.
                        client.caused = client.arrived;
                        client.is_answered = true;
                    }
                }
                Effect::Admit(session) => {
                    let who = self.who(shard, session);
                    assert!(std::mem::take(&mut self.clients[who].is_waiting));
                    self.admitted.push(who);
                }
                Effect::Refuse { session, refusal } => {
                    let who = self.who(shard, session);
                    let client = &mut self.clients[who];
                    assert!(std::mem::take(&mut client.is_waiting));
                    assert!(std::mem::take(&mut client.is_connected));
                    client.given_up.insert(1);
                    client.since.remove(&1);
                    if matches!(&refusal, Refusal::Backend(failure) if is_in_doubt(failure)) {
                        self.cause(who);
                    }
                    self.refused.push((who, refusal));
                }
                Effect::Retrying { .. } | Effect::Pause(_) | Effect::Resume(_) => {}
                other => panic!("{other:?} has no cause"),
            }
        }
    }

    fn who(&self, shard: u16, session: SessionHandle) -> usize {
        let is_meant = |client: &Client| {
            client.shard == shard && client.session == session && !client.is_forgotten
        };
        self.clients.iter().position(is_meant).expect("a session")
    }

    fn call(&mut self, shard: u16, call: &Call) {
        let is_probe = self.gate.standing().is_away;
        let probes = self.out.values().filter(|out| out.is_probe).count();
        assert!(!is_probe || probes == 0, "two probes at once");
        let events: Vec<EventId> = call.events.iter().map(|event| event.id).collect();
        let who: Vec<usize> = events
            .iter()
            .map(|event| self.names[&event.session])
            .collect();
        for (event, who) in call.events.iter().zip(&who) {
            let client = &mut self.clients[*who];
            client.session = event.session;
            let is_asked_about = client.is_waiting;
            assert!(
                !is_asked_about || (event.attempt == 1 && events.len() == 1),
                "a handshake is decided on by itself, and once: {call:?}"
            );
        }
        self.calls.push((self.now, who));
        let is_poison =
            |fact: &Fact| matches!(fact, Fact::Received(message) if message.text() == POISON);
        let has_poison = call.events.iter().any(|event| is_poison(&event.fact));
        let (ms, is_taken, failure) = match self.mood {
            Mood::Well(ms) if has_poison => (
                ms,
                false,
                Some(Failure::Interrupted("it has crashed".into())),
            ),
            Mood::Well(ms) => (ms, true, None),
            Mood::Refusing => (0, false, Some(Failure::Unreachable("refused".into()))),
            Mood::Unwilling(code) => {
                let retry_after = None;
                (1, false, Some(Failure::Status { code, retry_after }))
            }
            Mood::Cutting => (3, true, Some(Failure::Interrupted("cut".into()))),
            Mood::Hanging => {
                let timeout = Duration::from_millis(TIMEOUT_MS);
                (TIMEOUT_MS, true, Some(Failure::TimedOut(timeout)))
            }
        };
        if is_taken {
            for event in &events {
                self.arrive(event);
            }
        }
        let out = Out {
            due: Timestamp(self.now.0 + ms),
            failure,
            events,
            is_probe,
        };
        assert!(self.out.insert((shard, call.handle), out).is_none());
        let limit = self.max_in_flight;
        assert!(
            limit == 0 || self.out.len() <= limit,
            "{} over {limit}",
            self.out.len()
        );
    }

    fn arrive(&mut self, event: &EventId) {
        let client = &mut self.clients[self.names[&event.session]];
        if client.arrived == event.number {
            assert!(
                !client.is_answered,
                "{event} arrives again though it was answered"
            );
            assert!(!self.is_once, "{event} arrives twice");
            client.times += 1;
            return;
        }
        let mut next = client.arrived + 1;
        while client.given_up.contains(&next) {
            next += 1;
        }
        assert_eq!(event.number, next, "{event} overtakes another");
        assert!(
            client.is_answered || client.given_up.contains(&client.arrived),
            "{event} comes before the one in front of it is answered"
        );
        (client.arrived, client.times, client.is_answered) = (event.number, 1, false);
    }

    /// The backend is well for long enough; then everything has arrived or was given up, and who has left is forgotten.
    pub(crate) fn end_well(&mut self) {
        self.mood = Mood::Well(5);
        for _ in 0..200 {
            self.pass(60_000);
            if self.events_held() == 0 {
                break;
            }
        }
        assert_eq!(self.events_held(), 0, "something is never told");
        assert!(self.out.is_empty() && !self.is_away());
        for (who, client) in self.clients.iter().enumerate() {
            // Each that has arrived was next in line, so the latest stands for all.
            let is_left = |number: &u64| !client.given_up.contains(number);
            let last = (1..=client.caused).rev().find(is_left).unwrap_or(0);
            assert!(
                client.arrived >= last,
                "what {who} has caused has not all arrived: {client:?}"
            );
            assert!(client.is_answered || client.given_up.contains(&client.arrived));
            assert_eq!(client.is_forgotten, !client.is_connected);
        }
    }
}

/// Whether a handshake that the backend was asked about may have been taken in all the same.
fn is_in_doubt(failure: &Failure) -> bool {
    matches!(failure, Failure::Interrupted(_) | Failure::TimedOut(_))
}
