//! Lists of commands, and a small broker to run them on.

use std::sync::Arc;

use broker_core::{
    Broker, CallHandle, ClientMessage, CommandList, Config, CookieRule, Effect, Effects, Info,
    Opening, Orders, Outcome, Reading, SessionHandle, SessionId, Source, Timestamp, write_receipts,
    write_results,
};
use bytes::Bytes;
use serde_json::Value;

pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// The input is the body of a request. It is read as the admin port does and as the public port does, and run.
pub(crate) fn feed(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    let strict = CommandList::parse(&body, reading(true));
    let lenient = CommandList::parse(&body, reading(false));
    match (strict, lenient) {
        (Ok(strict), Ok(lenient)) => {
            assert_eq!(strict.entries.len(), lenient.entries.len());
            run(strict, write_receipts);
            run(lenient, write_results);
        }
        (Err(error), Err(_)) => assert!(!error.to_string().is_empty()),
        (Err(error), Ok(list)) => assert!(list.entries.is_empty(), "only strictly: {error}"),
        (Ok(_), Err(error)) => panic!("only leniently: {error}"),
    }
}

pub(crate) fn reading(strict: bool) -> Reading<'static> {
    match strict {
        true => Reading::strict(100),
        false => Reading::lenient(100),
    }
}

/// Runs a list, and reads what is written about it.
fn run(list: CommandList, write: fn(&CommandList, &[Outcome], &mut Vec<u8>)) {
    let mut shard = Shard::new();
    let list = Arc::new(list);
    let orders = Orders {
        list: list.clone(),
        source: Source::Admin,
        origin: None,
        ticket: 1,
    };
    let mut effects = Effects::default();
    shard.broker.execute(NOW, orders, &mut effects);
    let outcomes = shard.finish(&mut effects).expect("it is executed");
    assert_eq!(outcomes.len(), list.entries.len());
    let mut written = Vec::new();
    write(&list, &outcomes, &mut written);
    if !written.is_empty() {
        let written: Value = serde_json::from_slice(&written).expect("what is answered is JSON");
        assert_eq!(written.as_array().map(Vec::len), Some(list.entries.len()));
    }
}

/// A broker with a few sessions that the backend knows of.
pub(crate) struct Shard {
    pub(crate) broker: Broker,
    pub(crate) sessions: Vec<SessionHandle>,
}

impl Shard {
    pub(crate) fn new() -> Shard {
        let mut config = Config::default();
        config.max_session = 1024;
        // So small that what spans slices does so here.
        config.slice = 2;
        let mut broker = Broker::new(config);
        let mut effects = Effects::default();
        let sessions = ["a=1; b=x", "a=2; b=x", "a=1; c="].into_iter().zip(1..);
        let open = |(cookies, seed): (&str, u8)| {
            let id = SessionId::new(0, [seed; 14]);
            let cookies = std::iter::once(cookies.as_bytes());
            let info = Info::at_connect(cookies, &CookieRule::All, "::1", id, 1024);
            let opening = Opening::new(id, info.expect("it is short"));
            broker.open(NOW, opening, &mut effects)
        };
        let sessions: Vec<SessionHandle> = sessions.map(open).collect();
        for effect in std::mem::take(&mut effects.list) {
            if let Effect::CallBackend(call) = effect {
                let no_commands = [CommandList::default()];
                broker.backend_replied(NOW, call.handle, no_commands, &mut effects);
            }
        }
        Shard { broker, sessions }
    }

    /// A message of a session's client, with which the backend is called.
    pub(crate) fn says(&mut self, session: SessionHandle, effects: &mut Effects) {
        let message = ClientMessage::parse(r#"{"type":"hello"}"#).expect("it is JSON");
        self.broker.receive(NOW, session, message, effects);
    }

    /// Lets all work end; gives the outcomes of the last list that did.
    pub(crate) fn finish(&mut self, effects: &mut Effects) -> Option<Vec<Outcome>> {
        // Every slice does something, and there is little to be done.
        for _ in 0..100_000 {
            if !self.broker.is_busy() {
                return self.perform(effects);
            }
            self.broker.resume(NOW, effects);
        }
        panic!("the commands do not end");
    }

    fn perform(&self, effects: &mut Effects) -> Option<Vec<Outcome>> {
        let mut last = None;
        let recipients = effects.recipients.len();
        for effect in effects.list.drain(..) {
            match effect {
                Effect::Executed { outcomes, .. } => last = Some(outcomes),
                Effect::Deliver { to, .. } => assert!(to.end <= recipients),
                Effect::Close { to, code, reason } => {
                    assert!(to.end <= recipients && reason.len() <= 123);
                    assert!(code == 1000 || (3000..5000).contains(&code), "{code}");
                }
                Effect::Route(_) => panic!("there is one shard"),
                Effect::RunOther { .. }
                | Effect::CallBackend(_)
                | Effect::Admit(_)
                | Effect::Refuse { .. }
                | Effect::Overflow(_)
                | Effect::Pause(_)
                | Effect::Resume(_)
                | Effect::Log { .. }
                | Effect::Tell { .. }
                | Effect::Post { .. }
                | Effect::Unanswered { .. }
                | Effect::Retrying { .. }
                | Effect::Dropped { .. }
                | Effect::Ended(_) => {}
            }
        }
        effects.recipients.clear();
        last
    }
}

/// The last call to the backend.
pub(crate) fn called(effects: &Effects) -> CallHandle {
    for effect in effects.list.iter().rev() {
        if let Effect::CallBackend(call) = effect {
            return call.handle;
        }
    }
    panic!("the backend is not called");
}
