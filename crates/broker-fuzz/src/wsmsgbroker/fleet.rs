//! Two clients, the shards that they are on, and a backend that says nothing by itself.

use std::collections::VecDeque;
use std::sync::Arc;

use broker_core::{
    Ack, Broker, CommandList, Config, CookieRule, Effect, Effects, Event, Fact, Info, Letter,
    Notice, Opening, Orders, SessionHandle, SessionId, Source, Timestamp, json,
};
use broker_dialect::{
    Action, Audience, DialectKind, DialectState, Incoming, Options, Outgoing, Start, Words,
};
use bytes::Bytes;

use super::ledger::{ClientIndex, Ledger};
use crate::commands::{NOW, reading};
use crate::told::Object;

pub(super) struct Fleet {
    now: Timestamp,
    options: Options,
    shards: Vec<Broker>,
    /// All there ever were; the two that are connected stand in `connected`.
    clients: Vec<Client>,
    connected: [ClientIndex; 2],
    letters: VecDeque<(u16, Letter)>,
    ledger: Ledger,
    /// What is being passed on from client to client.
    relayed: Option<Bytes>,
    /// How many answers have been heard.
    answers: usize,
}

struct Client {
    dialect: DialectState,
    shard: u16,
    session: SessionHandle,
    id: SessionId,
    is_open: bool,
}

impl Fleet {
    pub(super) fn new(options: Options, shards: u16) -> Fleet {
        let shards = (0..shards).map(|shard| {
            let mut config = Config::default();
            (config.shard, config.shards) = (shard, shards);
            config.max_session = 2048;
            Broker::new(config)
        });
        let mut fleet = Fleet {
            now: NOW,
            options,
            shards: shards.collect(),
            clients: Vec::new(),
            connected: [0, 1],
            letters: VecDeque::new(),
            ledger: Ledger::default(),
            relayed: None,
            answers: 0,
        };
        for place in 0..2 {
            fleet.connect(place);
        }
        fleet
    }

    fn connect(&mut self, place: usize) {
        let shard = (place % self.shards.len()) as u16;
        let mut seed = [1; 14];
        seed[..8].copy_from_slice(&self.clients.len().to_le_bytes());
        let id = SessionId::new(shard, seed);
        let start = Start::new(self.now, id, &self.options);
        let dialect = DialectKind::Wsmsgbroker.open(&start, &mut |action| {
            panic!("nothing was said: {action:?}");
        });
        let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 2048);
        let opening = Opening::new(id, info.expect("it is short"));
        let mut effects = Effects::default();
        let session = self.shards[usize::from(shard)].open(self.now, opening, &mut effects);
        self.connected[place] = self.clients.len();
        self.clients.push(Client {
            dialect,
            shard,
            session,
            id,
            is_open: true,
        });
        self.perform(shard, effects);
    }

    /// One of the two says something.
    pub(super) fn says(&mut self, place: usize, said: &[u8], is_binary: bool) {
        let text = (!is_binary).then(|| self.ledger.with_acks(&String::from_utf8_lossy(said)));
        let incoming = match &text {
            Some(text) => Incoming::Text(text),
            None => Incoming::Binary(said),
        };
        let index = self.connected[place];
        let mut actions = Vec::new();
        let client = &mut self.clients[index];
        { &mut client.dialect }.receive(self.now, incoming, &mut |action| actions.push(action));
        let Ok([action]) = <[Action; 1]>::try_from(actions) else {
            panic!("a frame is one thing, or passed over");
        };
        self.act(index, action);
    }

    fn act(&mut self, index: ClientIndex, action: Action) {
        let Client { shard, session, .. } = self.clients[index];
        let (now, broker) = (self.now, &mut self.shards[usize::from(shard)]);
        let mut effects = Effects::default();
        match action {
            Action::Register(name) => {
                if broker.register(now, session, name, &mut effects).is_err() {
                    assert!(effects.list.is_empty(), "refused, and yet: {effects:?}");
                }
            }
            Action::Unregister => broker.unregister(now, session, &mut effects),
            Action::Relay(relay) => {
                assert_eq!(relay.told.is_some(), self.options.relay_events);
                if let Some(token) = &relay.token {
                    self.ledger.asks(index, token.text());
                }
                self.relayed = Some(relay.message.clone());
                broker.relay(now, session, relay, &mut effects);
            }
            Action::Answer { ack, message } => return self.answer(index, ack, message),
            Action::PassOver(why) => assert!(!why.is_empty()),
            Action::Message(_)
            | Action::Enter { .. }
            | Action::Leave { .. }
            | Action::Say { .. }
            | Action::Acknowledge { .. }
            | Action::AbandonUpgrade
            | Action::Refuse { .. }
            | Action::Reply(_) => panic!("not in this dialect: {action:?}"),
        }
        self.perform(shard, effects);
        self.relayed = None;
    }

    /// Whoever was not asked is refused, and nobody hears of it; of those who were, the first is heard.
    fn answer(&mut self, index: ClientIndex, ack: Ack, message: Option<Bytes>) {
        let Client { shard, session, .. } = self.clients[index];
        let was_asked = self.ledger.was_asked(index, &ack.to_string());
        let broker = &mut self.shards[usize::from(shard)];
        let mut effects = Effects::default();
        let taken = broker.answer(self.now, session, ack, message, &mut effects);
        assert_eq!(taken.is_ok(), was_asked, "{ack}");
        if !was_asked {
            assert!(effects.list.is_empty(), "a forged ack does {effects:?}");
            return;
        }
        let before = self.answers;
        self.perform(shard, effects);
        let heard = self.answers - before;
        let at_most = usize::from(self.ledger.is_first_answer(&ack.to_string()));
        assert!(heard <= at_most, "{heard} answers for {ack}");
    }

    pub(super) fn leaves(&mut self, place: usize) {
        self.close(self.connected[place]);
        self.connect(place);
    }

    fn close(&mut self, index: ClientIndex) {
        let client = &mut self.clients[index];
        client.is_open = false;
        let (shard, session) = (client.shard, client.session);
        self.ledger.leaves(index);
        let mut effects = Effects::default();
        let broker = &mut self.shards[usize::from(shard)];
        broker.close(self.now, session, 1000, "", &mut effects);
        self.perform(shard, effects);
    }

    pub(super) fn waits(&mut self, seconds: u16) {
        self.now = Timestamp(self.now.0 + 1000 * u64::from(seconds));
        for (shard, place) in (0..).zip(0..self.shards.len()) {
            let mut effects = Effects::default();
            self.shards[place].handle_timeout(self.now, &mut effects);
            self.perform(shard, effects);
        }
    }

    /// Carries out commands on every shard, as those of the admin port are.
    pub(super) fn execute(&mut self, commands: &[u8]) {
        let body = self.ledger.with_acks(&String::from_utf8_lossy(commands));
        let Ok(list) = CommandList::parse(&Bytes::from(body), reading(false)) else {
            return;
        };
        let orders = Orders {
            list: Arc::new(list),
            source: Source::Admin,
            origin: None,
            ticket: 1,
        };
        for (shard, place) in (0..).zip(0..self.shards.len()) {
            let mut effects = Effects::default();
            self.shards[place].execute(self.now, orders.clone(), &mut effects);
            while self.shards[place].is_busy() {
                self.shards[place].resume(self.now, &mut effects);
            }
            self.perform(shard, effects);
        }
        for place in 0..2 {
            if !self.clients[self.connected[place]].is_open {
                self.connect(place);
            }
        }
    }

    /// Nothing waits for ever, and nothing is left of whoever has gone.
    pub(super) fn end(mut self) {
        self.waits(3600);
        assert!(self.ledger.is_settled(), "{:?}", self.ledger);
        for index in self.connected {
            self.close(index);
        }
        let left = self.shards.iter().map(Broker::sessions).sum::<usize>();
        assert_eq!(left, 0, "sessions are left");
    }

    /// Does what a shard wants done, and what the others do about that.
    fn perform(&mut self, shard: u16, effects: Effects) {
        self.perform_here(shard, effects);
        while let Some((shard, letter)) = self.letters.pop_front() {
            let mut effects = Effects::default();
            self.shards[usize::from(shard)].take_letter(self.now, letter, &mut effects);
            self.perform_here(shard, effects);
        }
    }

    fn perform_here(&mut self, shard: u16, mut effects: Effects) {
        // What is answered has effects of its own, behind those that there are.
        let mut list = VecDeque::from(std::mem::take(&mut effects.list));
        while let Some(effect) = list.pop_front() {
            match effect {
                Effect::CallBackend(call) => {
                    call.events.iter().for_each(|event| self.is_told(event));
                    let nothing = vec![CommandList::default(); call.events.len()];
                    let broker = &mut self.shards[usize::from(shard)];
                    broker.backend_replied(self.now, call.handle, nothing, &mut effects);
                }
                Effect::Post { shard, letter } => self.letters.push_back((shard, letter)),
                Effect::Tell { notice, to } => {
                    let recipients = effects.recipients[to].to_vec();
                    for session in recipients {
                        self.hears(shard, session, &notice);
                    }
                }
                Effect::Unanswered { session, token } => {
                    let client = self.client(shard, session);
                    self.ledger.ends(client, token.text());
                }
                Effect::Deliver { message, .. } => {
                    let kind = DialectKind::Wsmsgbroker;
                    let words = kind.encode(&Audience::Dialect, &message);
                    let frame = frame(&words.expect("it can say anything"));
                    assert_eq!(frame.names(), ["action", "message"]);
                    assert_eq!(frame.string("action"), "message");
                }
                Effect::Close { to, .. } => {
                    for session in effects.recipients[to].iter().copied() {
                        let client = self.client(shard, session);
                        self.close(client);
                    }
                }
                Effect::Overflow(session) => {
                    let client = self.client(shard, session);
                    self.close(client);
                }
                Effect::Dropped { .. } | Effect::Retrying { .. } => {
                    panic!("the backend answers: {effect:?}");
                }
                Effect::Admit(_) | Effect::Refuse { .. } | Effect::Route(_) => {
                    panic!("nobody wants that: {effect:?}");
                }
                Effect::RunOther { .. }
                | Effect::Pause(_)
                | Effect::Resume(_)
                | Effect::Log { .. }
                | Effect::Executed { .. }
                | Effect::Ended(_) => {}
            }
            list.extend(effects.list.drain(..));
        }
    }

    fn client(&self, shard: u16, session: SessionHandle) -> ClientIndex {
        let mut clients = self.clients.iter();
        let place = clients.position(|client| (client.shard, client.session) == (shard, session));
        place.expect("a client that there is or was")
    }

    /// The backend is told of what clients do in words of the broker's, and of what they say under a client's type.
    fn is_told(&mut self, event: &Event) {
        let mut told = Vec::new();
        event.fact.write_message(&mut told);
        let told = Object::read(&told);
        let (kind, names): (_, &[&str]) = match &*event.fact {
            Fact::Connected { entrance: None } => ("session-connect", &["type"]),
            Fact::Registered { .. } => ("session-register", &["type", "id"]),
            Fact::Unregistered { .. } => ("session-unregister", &["type", "id"]),
            Fact::Disconnected { .. } => ("session-disconnect", &["type", "code", "reason"]),
            Fact::Received(_) if told.get("ack").is_some() => {
                self.ledger.shows(told.string("ack"), None);
                ("client-send", &["type", "dest", "message", "ack"])
            }
            Fact::Received(_) => ("client-send", &["type", "dest", "message"]),
            other @ (Fact::Connected { .. } | Fact::Acknowledged { .. } | Fact::Started { .. }) => {
                panic!("not in this dialect: {other:?}");
            }
        };
        assert_eq!(told.string("type"), kind);
        assert_eq!(told.names(), names);
        assert!(kind != "client-send" || self.options.relay_events);

        json::check(event.connection.as_bytes()).expect("anybody can read the info");
        let info = Object::read(event.connection.as_bytes());
        assert_eq!(info.string("ip"), "::1");
        assert_eq!(info.string("wskey"), event.id.session.to_string());
    }

    /// A client is told what the client library knows, and an ack is for no other.
    fn hears(&mut self, shard: u16, session: SessionHandle, notice: &Notice) {
        let index = self.client(shard, session);
        let client = &self.clients[index];
        assert!(client.is_open, "{} is gone: {notice:?}", client.id);
        let words = client.dialect.kind().notice(&Audience::Dialect, notice);
        let words = words.expect("it can say so");
        let frame = frame(&words.expect("it has words for it"));
        let (required, optional): (&[&str], &[&str]) = match notice {
            Notice::Registered(_) | Notice::Unregistered(_) => (&["action", "id"], &[]),
            Notice::Message { message, ack, .. } => {
                assert_eq!(Some(message), self.relayed.as_ref());
                assert_eq!(frame.get("message").map(str::as_bytes), Some(&message[..]));
                if let Some(ack) = ack {
                    self.ledger.shows(ack.to_string(), Some(index));
                }
                (&["action", "message"], &["ack", "from"])
            }
            Notice::Answer { token, .. } => {
                assert_eq!(frame.get("ack"), Some(token.text()));
                self.ledger.ends(index, token.text());
                self.answers += 1;
                (&["action", "ack", "from", "message"], &[])
            }
        };
        let action = match notice {
            Notice::Registered(_) => "registered",
            Notice::Unregistered(_) => "unregistered",
            Notice::Message { .. } => "message",
            Notice::Answer { .. } => "answer",
        };
        assert_eq!(frame.string("action"), action);
        let names = frame.names();
        assert!(names.starts_with(required), "{names:?}");
        let more = &names[required.len()..];
        assert!(more.iter().all(|name| optional.contains(name)), "{names:?}");
    }
}

/// What a client is sent: one text, an object.
fn frame(words: &Words) -> Object {
    let mut messages = words.messages();
    let (Some(Outgoing::Text(text)), None) = (messages.next(), messages.next()) else {
        panic!("a frame is one text");
    };
    Object::read(&text)
}
