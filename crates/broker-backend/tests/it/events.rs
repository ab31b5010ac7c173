//! Events to tell, and short forms of what comes back.

use std::sync::Arc;

use broker_backend::{Http, HttpConfig};
use broker_core::{
    ClientMessage, CommandList, Entry, Event, EventId, Fact, Handshake, SessionHandle, SessionId,
    Timestamp,
};

/// What the session of every [`event`] is called.
pub(crate) const WSKEY: &str = "AHBwcHBwcHBwcHBwcHBwAA";

pub(crate) fn event(fact: Fact) -> Event {
    Event {
        id: EventId {
            session: SessionId::new(0, [7; 14]),
            number: 3,
        },
        session: SessionHandle {
            slot: 0,
            generation: 0,
        },
        time: Timestamp(1_793_898_189_042),
        attempt: 1,
        fact: Arc::new(fact),
        connection: format!(r#"{{"user":"ann","ip":"::1","wskey":"{WSKEY}"}}"#).into(),
        handshake: Arc::new(Handshake {
            path: "/chat?room=1".into(),
            headers: [("cookie", "user=ann"), ("x-a", "1"), ("x-a", "2")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
        }),
    }
}

pub(crate) fn message(text: &str) -> Event {
    event(Fact::Received(ClientMessage::parse(text).unwrap()))
}

pub(crate) fn connected() -> Event {
    event(Fact::Connected { entrance: None })
}

pub(crate) fn disconnected() -> Event {
    event(Fact::Disconnected {
        code: 1006,
        reason: "say \"bye\"".into(),
    })
}

pub(crate) fn http(url: &str) -> Http {
    Http::new(config(url))
}

pub(crate) fn config(url: &str) -> HttpConfig {
    HttpConfig::new(url.parse().unwrap())
}

/// The `type` of each command.
pub(crate) fn names(list: &CommandList) -> Vec<&str> {
    list.entries
        .iter()
        .map(|entry| match entry {
            Entry::Run(command) => command.verb.name(),
            Entry::Refused { .. } => "refused",
            Entry::Other(other) => &other.name,
        })
        .collect()
}
