//! Shards whose clients talk to each other: letters between two shards keep their order, and otherwise travel as the test
//! likes. What clients hear and what the backend is told is written down.

use std::collections::{BTreeMap, VecDeque};

use broker_core::{
    Ack, Broker, CallHandle, ClientMessage, CommandList, Config, CookieRule, Effect, Effects, Info,
    Letter, Message, Name, NotAsked, Notice, Opening, Orders, RegisterError, Relay, RequestToken,
    SessionHandle, SessionId, Source, Timestamp,
};
use bytes::Bytes;

use crate::fleet::parsed;

/// Something that a client hears, or that the backend is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Registered(String),
    Unregistered(String),
    Message {
        message: String,
        from: Option<String>,
        ack: Option<String>,
    },
    Answer {
        token: String,
        from: Option<String>,
        message: Option<String>,
    },
    /// Its request was not answered in time.
    Unanswered(String),
    /// A `send` of the application's.
    Sent(String),
    /// The backend is told of it.
    Told(String),
}

#[derive(Debug)]
pub(crate) struct Town {
    shards: Vec<Broker>,
    /// Letters under way, by the shards that they go from and to.
    letters: BTreeMap<(u16, u16), VecDeque<Letter>>,
    /// How many letters there have been.
    posted: usize,
    /// How often something was said, to however many.
    pub(crate) said: usize,
    /// Lists for all shards that not all have carried out.
    orders: Vec<VecDeque<Orders>>,
    calls: VecDeque<(u16, CallHandle)>,
    clients: Vec<Client>,
    now: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) shard: u16,
    pub(crate) session: SessionHandle,
    pub(crate) is_connected: bool,
    pub(crate) heard: Vec<Heard>,
}

impl Town {
    pub(crate) fn new(shards: u16, config: &Config) -> Town {
        let broker = |shard| {
            let mut config = config.clone();
            (config.shard, config.shards) = (shard, shards);
            Broker::new(config)
        };
        Town {
            shards: (0..shards).map(broker).collect(),
            letters: BTreeMap::new(),
            posted: 0,
            said: 0,
            orders: vec![VecDeque::new(); usize::from(shards)],
            calls: VecDeque::new(),
            clients: Vec::new(),
            now: Timestamp(1_000_000),
        }
    }

    pub(crate) fn open(&mut self, shard: usize) -> usize {
        let shard = (shard % self.shards.len()) as u16;
        let who = self.clients.len();
        let mut random = [0; 14];
        random[12..].copy_from_slice(&(who as u16).to_be_bytes());
        let id = SessionId::new(shard, random);
        let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1000).unwrap();
        let mut out = Effects::default();
        let broker = &mut self.shards[usize::from(shard)];
        let session = broker.open(self.now, Opening::new(id, info), &mut out);
        self.clients.push(Client {
            shard,
            session,
            is_connected: true,
            heard: Vec::new(),
        });
        self.perform(shard, out);
        who
    }

    pub(crate) fn register(&mut self, who: usize, name: &str) -> Result<(), RegisterError> {
        let name = Name::read(name).unwrap();
        self.call(who, |broker, now, session, out| {
            broker.register(now, session, name, out)
        })
    }

    pub(crate) fn unregister(&mut self, who: usize) {
        self.call(who, Broker::unregister);
    }

    pub(crate) fn relay(&mut self, who: usize, to: &[&str], message: &str, token: Option<&str>) {
        let relay = Relay {
            to: to.iter().map(|&form| form.into()).collect(),
            message: Bytes::copy_from_slice(message.as_bytes()),
            token: token.map(|token| RequestToken::new(token).unwrap()),
            told: None,
        };
        self.call(who, |broker, now, session, out| {
            broker.relay(now, session, relay, out);
        });
    }

    pub(crate) fn ask(&mut self, who: usize, message: &str, token: &str) {
        let message = ClientMessage::parse(message).unwrap();
        let token = RequestToken::new(token).unwrap();
        self.call(who, |broker, now, session, out| {
            broker.ask(now, session, message, token, out);
        });
    }

    pub(crate) fn acknowledge(&mut self, who: usize, ack: u64, args: &str) {
        self.call(who, |broker, now, session, out| {
            broker.acknowledge(now, session, ack, args.into(), out);
        });
    }

    pub(crate) fn answer(&mut self, who: usize, ack: &str, message: &str) -> Result<(), NotAsked> {
        let ack: Ack = ack.parse().unwrap();
        let message = Some(Bytes::copy_from_slice(message.as_bytes()));
        self.call(who, |broker, now, session, out| {
            broker.answer(now, session, ack, message, out)
        })
    }

    pub(crate) fn leave(&mut self, who: usize) {
        self.clients[who].is_connected = false;
        self.call(who, |broker, now, session, out| {
            broker.close(now, session, 1000, "", out);
        });
    }

    /// How many letters it takes to bring a message to a name.
    pub(crate) fn letters_to(&mut self, who: usize, to: &str) -> usize {
        let before = self.posted;
        self.relay(who, &[to], "1", None);
        self.settle();
        self.posted - before
    }

    /// Commands come through a door, for all shards.
    pub(crate) fn execute(&mut self, list: &str) {
        self.route(Orders {
            list: parsed(list).into(),
            source: Source::Public,
            origin: None,
            ticket: 0,
        });
    }

    /// The oldest letter between two shards arrives, if there is one.
    pub(crate) fn deliver(&mut self, from: u16, to: u16) -> bool {
        let queue = self.letters.get_mut(&(from, to));
        let Some(letter) = queue.and_then(VecDeque::pop_front) else {
            return false;
        };
        let mut out = Effects::default();
        self.shards[usize::from(to)].take_letter(self.now, letter, &mut out);
        self.perform(to, out);
        true
    }

    /// The backend answers the oldest call.
    pub(crate) fn reply(&mut self, list: &str) -> bool {
        let Some((shard, call)) = self.calls.pop_front() else {
            return false;
        };
        let mut out = Effects::default();
        let lists: [CommandList; 1] = [parsed(list)];
        self.shards[usize::from(shard)].backend_replied(self.now, call, lists, &mut out);
        self.perform(shard, out);
        true
    }

    /// Everything that is under way arrives, and every event is answered.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "it does not come to an end");
            let pairs: Vec<(u16, u16)> = self.letters.keys().copied().collect();
            let mut is_busy = false;
            for (from, to) in pairs {
                is_busy |= self.deliver(from, to);
            }
            for shard in 0..self.shards.len() {
                if let Some(orders) = self.orders[shard].pop_front() {
                    let mut out = Effects::default();
                    self.shards[shard].execute(self.now, orders, &mut out);
                    self.perform(shard as u16, out);
                    is_busy = true;
                }
            }
            if !is_busy && !self.reply("") {
                break;
            }
        }
    }

    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = Timestamp(self.now.0 + ms);
        for shard in 0..self.shards.len() {
            let mut out = Effects::default();
            self.shards[shard].handle_timeout(self.now, &mut out);
            self.perform(shard as u16, out);
        }
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<u64> {
        let due = self.shards.iter().filter_map(Broker::next_deadline).min()?;
        Some(due.0 - self.now.0)
    }

    pub(crate) fn clients(&self) -> &[Client] {
        &self.clients
    }

    pub(crate) fn take_heard(&mut self, who: usize) -> Vec<Heard> {
        std::mem::take(&mut self.clients[who].heard)
    }

    pub(crate) fn info(&self, who: usize) -> String {
        let Client { shard, session, .. } = self.clients[who];
        let session = self.shards[usize::from(shard)].session(session).unwrap();
        session.info.text().to_string()
    }

    /// The last name of a client, as its session info shows it.
    pub(crate) fn shown_id(&self, who: usize) -> Option<String> {
        let Client { shard, session, .. } = self.clients[who];
        let session = self.shards[usize::from(shard)].session(session)?;
        session.info.get("id").map(Into::into)
    }

    fn call<T>(
        &mut self,
        who: usize,
        verb: impl FnOnce(&mut Broker, Timestamp, SessionHandle, &mut Effects) -> T,
    ) -> T {
        let Client { shard, session, .. } = self.clients[who];
        let mut out = Effects::default();
        let broker = &mut self.shards[usize::from(shard)];
        let result = verb(broker, self.now, session, &mut out);
        self.perform(shard, out);
        result
    }

    fn route(&mut self, orders: Orders) {
        for queue in &mut self.orders {
            queue.push_back(orders.clone());
        }
    }

    fn perform(&mut self, shard: u16, out: Effects) {
        let Effects { list, recipients } = out;
        for effect in list {
            match effect {
                Effect::Tell { notice, to } => {
                    self.said += 1;
                    for &session in &recipients[to] {
                        self.hear(shard, session, heard(notice.clone()));
                    }
                }
                Effect::Unanswered { session, token } => {
                    self.hear(shard, session, Heard::Unanswered(token.text().into()));
                }
                Effect::Post { shard: to, letter } => {
                    assert_ne!(to, shard, "a letter to itself");
                    let queue = self.letters.entry((shard, to)).or_default();
                    queue.push_back(letter);
                    self.posted += 1;
                }
                Effect::CallBackend(call) => {
                    for event in &call.events {
                        let mut told = Vec::new();
                        event.fact.write_message(&mut told);
                        let told = Heard::Told(String::from_utf8(told).unwrap());
                        self.hear(shard, event.session, told);
                    }
                    self.calls.push_back((shard, call.handle));
                }
                Effect::Deliver { message, to, .. } => {
                    let Message::Json(text) = message else {
                        panic!("{message:?}");
                    };
                    let text = String::from_utf8(text.into()).unwrap();
                    for &session in &recipients[to] {
                        self.hear(shard, session, Heard::Sent(text.clone()));
                    }
                }
                Effect::Route(orders) => self.route(orders),
                _ => {}
            }
        }
    }

    fn hear(&mut self, shard: u16, session: SessionHandle, heard: Heard) {
        let mut clients = self.clients.iter_mut();
        let client = clients
            .find(|client| (client.shard, client.session) == (shard, session))
            .unwrap();
        let is_of_backend = matches!(heard, Heard::Told(_));
        assert!(
            client.is_connected || is_of_backend,
            "it has gone: {heard:?}"
        );
        client.heard.push(heard);
    }
}

fn heard(notice: Notice) -> Heard {
    let text = |bytes: Bytes| String::from_utf8(bytes.into()).unwrap();
    let given = |from: std::sync::Arc<str>| from.to_string();
    match notice {
        Notice::Registered(name) => Heard::Registered(name.given().to_string()),
        Notice::Unregistered(name) => Heard::Unregistered(name.given().to_string()),
        Notice::Message { message, from, ack } => Heard::Message {
            message: text(message),
            from: from.map(given),
            ack: ack.map(|ack| ack.to_string()),
        },
        Notice::Answer {
            token,
            from,
            message,
        } => Heard::Answer {
            token: token.text().into(),
            from: from.map(given),
            message: message.map(text),
        },
    }
}
