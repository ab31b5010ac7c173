//! What the core itself costs: matching, fan-out, session changes and events, with no socket anywhere.
//!
//! `cargo bench -p broker-bench` runs it. Every broker holds 10,000 sessions of three cookies, of which ten in a row
//! share a room, as in the scenarios over real connections.

use std::{fmt, sync::Arc};

use broker_core::{
    Broker, ClientMessage, CommandList, Config, CookieRule, Effect, Effects, Info, Opening, Orders,
    Reading, SessionHandle, SessionId, Source, Timestamp,
};
use bytes::Bytes;
use divan::{Bencher, black_box};

const SESSIONS: usize = 10_000;

/// A command's message: 64 bytes of JSON.
const MESSAGE: &str = r#""..............................................................""#;

fn main() {
    divan::main();
}

/// A room of ten, found by the index that equality has, or by looking at every session, as operators need.
#[divan::bench(args = [
    Search { name: "index", criteria: r#"{"room":"r0617"}"#, found: 10 },
    Search { name: "index, then a second field", criteria: r#"{"room":"r0617","user":"u006173"}"#, found: 1 },
    Search { name: "scan", criteria: r#"{"room":{"$in":["r0617"]}}"#, found: 10 },
])]
fn send_to_a_room(bencher: Bencher<'_, '_>, search: &Search) {
    let mut shard = Shard::with_sessions(SESSIONS);
    let list = send(search.criteria);
    // Builds the index, too.
    assert_eq!(shard.execute(&list).recipients.len(), search.found);
    bencher.bench_local(|| shard.execute(&list).recipients.len());
}

/// A message for everyone.
#[divan::bench(args = [2000, 10_000])]
fn send_to_everyone(bencher: Bencher<'_, '_>, sessions: usize) {
    let mut shard = Shard::with_sessions(sessions);
    let list = send("{}");
    assert_eq!(shard.execute(&list).recipients.len(), sessions);
    bencher
        .counter(divan::counter::ItemsCount::new(sessions))
        .bench_local(|| shard.execute(&list).recipients.len());
}

/// A change of one session out of all, found by an indexed field, that moves it in the index of another.
#[divan::bench]
fn change_a_session(bencher: Bencher<'_, '_>) {
    let mut shard = Shard::with_sessions(SESSIONS);
    shard.execute(&send(r#"{"room":"r0617","user":"u006173"}"#));
    let moves = ["r0001", "r0002"].map(|room| {
        commands(&format!(
            r#"[{{"type":"session","match":{{"user":"u006173"}},"data":{{"room":"{room}"}}}}]"#
        ))
    });
    shard.execute(&moves[0]);
    let with_the_moved = shard.execute(&send(r#"{"room":"r0001"}"#));
    assert_eq!(with_the_moved.recipients.len(), 11);
    let mut turn = moves.iter().cycle();
    bencher.bench_local(|| turn.next().map(|list| shard.execute(list).list.len()));
}

/// A deep merge into a session info, by itself.
#[divan::bench]
fn merge_into_an_info(bencher: Bencher<'_, '_>) {
    let info = info(0);
    let data = r#"{"profile":{"name":"Ada","tags":["a","b"]},"room":"r0002","seen":1}"#;
    let data = broker_core::json::members(data).expect("it is JSON");
    let data = data.expect("it is an object");
    bencher.bench_local(|| black_box(&info).merged(black_box(&data), &[], usize::MAX));
}

/// A client's message, read and written as the backend is to see it.
#[divan::bench]
fn prefix_a_message(bencher: Bencher<'_, '_>) {
    let text = r#"{"text":"is anybody there? then please answer me","type":"ping"}"#;
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        let message = ClientMessage::parse(black_box(text)).expect("it is JSON");
        message.write_prefixed(&mut out);
        out.len()
    });
}

/// A message's way to the backend and the way of the `send` that it answers: all the core does for a round trip.
#[divan::bench]
fn round_trip(bencher: Bencher<'_, '_>) {
    let mut shard = Shard::with_sessions(SESSIONS);
    let session = shard.open(SESSIONS, true);
    shard.answer_events(&Bytes::new());
    let answer = Bytes::from_static(br#"[{"type":"send","message":{"type":"pong"}}]"#);
    let mut round_trip = || {
        shard.receive(session, r#"{"type":"ping","text":"hello"}"#);
        shard.answer_events(&answer)
    };
    assert_eq!(
        round_trip(),
        r#"{"type":"client-ping","text":"hello"}"#.len()
    );
    bencher.bench_local(round_trip);
}

/// A command POST's list, read.
#[divan::bench]
fn parse_commands(bencher: Bencher<'_, '_>) {
    let text = format!(r#"[{{"type":"send","match":{{"room":"r0617"}},"message":{MESSAGE}}}]"#);
    let body = Bytes::from(text);
    bencher.bench_local(|| CommandList::parse(black_box(&body), READING));
}

const READING: Reading<'_> = Reading::lenient(10_000);

struct Search {
    name: &'static str,
    criteria: &'static str,
    found: usize,
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A broker, driven as its driver does, with a clock that stands still.
struct Shard {
    broker: Broker,
    effects: Effects,
}

impl Shard {
    /// A shard with this many sessions, of which the backend hears nothing.
    fn with_sessions(count: usize) -> Self {
        let mut shard = Self {
            broker: Broker::new(Config::default()),
            effects: Effects::default(),
        };
        for number in 0..count {
            shard.open(number, false);
        }
        shard
    }

    fn open(&mut self, number: usize, is_told: bool) -> SessionHandle {
        let mut opening = Opening::new(session_id(number), info(number));
        opening.order = number as u64;
        opening.is_told = is_told;
        self.broker.open(Timestamp(0), opening, &mut self.effects)
    }

    fn receive(&mut self, session: SessionHandle, text: &str) {
        let message = ClientMessage::parse(text).expect("it is JSON");
        self.broker
            .receive(Timestamp(0), session, message, &mut self.effects);
    }

    /// Executes a list to its end; gives its effects.
    fn execute(&mut self, list: &Arc<CommandList>) -> &Effects {
        self.forget_effects();
        let orders = Orders {
            list: Arc::clone(list),
            source: Source::Public,
            origin: None,
            ticket: 0,
        };
        self.broker.execute(Timestamp(0), orders, &mut self.effects);
        while self.broker.is_busy() {
            self.broker.resume(Timestamp(0), &mut self.effects);
        }
        &self.effects
    }

    /// Writes out every event that is to go to the backend, and answers each with `answer`; gives the bytes written.
    fn answer_events(&mut self, answer: &Bytes) -> usize {
        let mut written = Vec::new();
        let effects = std::mem::take(&mut self.effects.list);
        for effect in effects {
            if let Effect::CallBackend(call) = effect {
                call.events[0].fact.write_message(&mut written);
                let list = CommandList::parse(answer, READING).expect("it is a list");
                let effects = &mut self.effects;
                self.broker
                    .backend_replied(Timestamp(0), call.handle, [list], effects);
            }
        }
        self.forget_effects();
        written.len()
    }

    fn forget_effects(&mut self) {
        self.effects.list.clear();
        self.effects.recipients.clear();
    }
}

fn send(criteria: &str) -> Arc<CommandList> {
    commands(&format!(
        r#"[{{"type":"send","match":{criteria},"message":{MESSAGE}}}]"#
    ))
}

fn commands(text: &str) -> Arc<CommandList> {
    let list = CommandList::parse(&Bytes::copy_from_slice(text.as_bytes()), READING);
    Arc::new(list.expect("it is a list"))
}

fn session_id(number: usize) -> SessionId {
    let mut random = [0; 14];
    random[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SessionId::new(0, random)
}

fn info(number: usize) -> Info {
    let room = number / 10;
    let cookies =
        format!("sid=9f86d081884c7d659a2feaa0{number:08x}; user=u{number:06}; room=r{room:04}");
    let headers = std::iter::once(cookies.as_bytes());
    Info::at_connect(
        headers,
        &CookieRule::All,
        "127.0.0.1",
        session_id(number),
        1024,
    )
    .expect("it is short")
}
