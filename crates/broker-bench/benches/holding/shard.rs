//! A broker whose backend can be away.

use broker_core::{
    Broker, Call, CallHandle, ClientMessage, CommandList, Config, CookieRule, Effect, Effects,
    Failure, Info, Opening, SessionHandle, SessionId, Timestamp,
};

/// 64 bytes of JSON.
const MESSAGE: &str = r#"{"type":"say","text":"........................................"}"#;

pub(crate) struct Shard {
    pub(crate) broker: Broker,
    pub(crate) now: Timestamp,
    effects: Effects,
    /// What is with the backend.
    pub(crate) calls: Vec<Call>,
}

impl Shard {
    /// So many sessions that the backend knows of.
    pub(crate) fn with_sessions(count: usize) -> (Shard, Vec<SessionHandle>) {
        let mut shard = Shard {
            broker: Broker::new(Config::default()),
            now: Timestamp(0),
            effects: Effects::default(),
            calls: Vec::new(),
        };
        let sessions = (0..count).map(|number| shard.open(number)).collect();
        (shard, sessions)
    }

    fn open(&mut self, number: usize) -> SessionHandle {
        let mut random = [0; 14];
        random[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let id = SessionId::new(0, random);
        let cookies = format!("sid=9f86d081884c7d659a2feaa0{number:08x}; user=u{number:06}");
        let headers = std::iter::once(cookies.as_bytes());
        let info = Info::at_connect(headers, &CookieRule::All, "127.0.0.1", id, 1024)
            .expect("it is short");
        let opening = Opening::new(id, info);
        let session = self.broker.open(self.now, opening, &mut self.effects);
        self.perform();
        for call in std::mem::take(&mut self.calls) {
            self.answer(call.handle);
        }
        session
    }

    pub(crate) fn receive(&mut self, session: SessionHandle) {
        let message = ClientMessage::parse(MESSAGE).expect("it is JSON");
        self.broker
            .receive(self.now, session, message, &mut self.effects);
        self.perform();
    }

    pub(crate) fn answer(&mut self, call: CallHandle) {
        let list = CommandList::default();
        self.broker
            .backend_replied(self.now, call, [list], &mut self.effects);
        self.perform();
    }

    /// The backend refuses the connection for all that is with it.
    pub(crate) fn refuse_all(&mut self) {
        for call in std::mem::take(&mut self.calls) {
            let failure = Failure::Unreachable("connection refused".into());
            self.broker
                .backend_failed(self.now, call.handle, failure, &mut self.effects);
        }
        self.perform();
    }

    pub(crate) fn handle_timeout(&mut self) {
        self.broker.handle_timeout(self.now, &mut self.effects);
        self.perform();
    }

    fn perform(&mut self) {
        self.effects.recipients.clear();
        for effect in self.effects.list.drain(..) {
            if let Effect::CallBackend(call) = effect {
                self.calls.push(call);
            }
        }
    }
}
