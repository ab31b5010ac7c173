//! What can be seen of a broker from outside: its effects, with sessions by the order they were opened in.

use std::collections::BTreeMap;

use broker_core::{Message, Outcome, Refusal};
use serde_json::{Value, json};

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// The backend was told of an event.
    Told {
        who: usize,
        number: u64,
        attempt: u32,
        message: Value,
        connection: Value,
    },
    /// A fan-out, to its recipients in the order of opening.
    Sent { to: Vec<usize>, payload: String },
    /// Connections were told to close.
    Closed {
        to: Vec<usize>,
        code: u16,
        reason: String,
    },
    /// A line was written to the log.
    Logged { text: String, level: String },
    /// A command that is not the broker's was handed on.
    RanOther { name: String, origin: Option<usize> },
    /// A list was executed; on several shards: on all of them, its outcomes merged.
    Executed {
        ticket: u64,
        origin: Option<usize>,
        outcomes: Vec<Value>,
    },
    /// A connection was told to close, since too much of it is held.
    Overflowed(usize),
    /// A connection is not read any more.
    Paused(usize),
    /// A connection is read again.
    Resumed(usize),
    /// A try failed.
    Retrying {
        who: usize,
        number: u64,
        attempt: u32,
    },
    /// An event was given up.
    Dropped {
        who: usize,
        number: u64,
        reason: &'static str,
    },
    /// A handshake that waited is answered with yes.
    Admitted(usize),
    /// It is answered with no.
    Refused { who: usize, why: Refusal },
    /// A session was forgotten.
    Ended(usize),
}

impl Seen {
    /// Whether it is the work of a list of commands.
    pub(crate) fn is_of_a_list(&self) -> bool {
        matches!(
            self,
            Seen::Sent { .. } | Seen::Closed { .. } | Seen::Logged { .. } | Seen::RanOther { .. }
        )
    }

    /// The sessions that notice it, or for which the backend does.
    fn noticed_by(&self) -> &[usize] {
        match self {
            Seen::Sent { to, .. } | Seen::Closed { to, .. } => to,
            Seen::Told { who, .. }
            | Seen::Retrying { who, .. }
            | Seen::Dropped { who, .. }
            | Seen::Refused { who, .. }
            | Seen::Admitted(who)
            | Seen::Overflowed(who)
            | Seen::Paused(who)
            | Seen::Resumed(who)
            | Seen::Ended(who) => std::slice::from_ref(who),
            Seen::Logged { .. } | Seen::RanOther { .. } | Seen::Executed { .. } => &[],
        }
    }

    /// It, as if it were for one session alone.
    fn for_one(&self, who: usize) -> Seen {
        let mut seen = self.clone();
        if let Seen::Sent { to, .. } | Seen::Closed { to, .. } = &mut seen {
            *to = vec![who];
        }
        seen
    }
}

/// Everything that each session noticed, in order.
pub(crate) fn noticed(seen: &[Seen]) -> BTreeMap<usize, Vec<Seen>> {
    let mut noticed: BTreeMap<usize, Vec<Seen>> = BTreeMap::new();
    for seen in seen {
        for &who in seen.noticed_by() {
            noticed.entry(who).or_default().push(seen.for_one(who));
        }
    }
    noticed
}

/// Joins the parts of fan-outs and closings that were performed in slices.
pub(crate) fn joined(seen: &[Seen]) -> Vec<Seen> {
    let mut whole: Vec<Seen> = Vec::new();
    for part in seen {
        match (whole.last_mut(), part) {
            (
                Some(Seen::Sent { to, payload }),
                Seen::Sent {
                    to: more,
                    payload: same,
                },
            ) if payload == same => to.extend(more),
            (
                Some(Seen::Closed { to, code, reason }),
                Seen::Closed {
                    to: more,
                    code: same_code,
                    reason: same,
                },
            ) if (&*code, &*reason) == (same_code, same) => to.extend(more),
            _ => whole.push(part.clone()),
        }
    }
    for part in &mut whole {
        if let Seen::Sent { to, .. } | Seen::Closed { to, .. } = part {
            to.sort_unstable();
        }
    }
    whole
}

/// A message with the way it travels.
pub(crate) fn payload(message: &Message) -> String {
    match message {
        Message::Json(text) => format!("json {}", String::from_utf8_lossy(text)),
        Message::Text(text) => format!("text {}", String::from_utf8_lossy(text)),
        Message::Binary(bytes) => format!("binary {:?}", bytes.to_vec()),
    }
}

/// An outcome as the admin API would show it, more or less.
pub(crate) fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Sent { matched, .. } => json!({ "sent": matched }),
        Outcome::Changed { matched } => json!({ "changed": matched }),
        Outcome::Closed { matched } => json!({ "closed": matched }),
        Outcome::Listed(listing) => {
            let infos = listing.sessions.iter().map(|(_, info)| read(info));
            json!({
                "listed": infos.collect::<Vec<_>>(),
                "matched": listing.matched,
                "cursor": listing.cursor(),
            })
        }
        Outcome::Counted { matched, by } => {
            let by: Option<BTreeMap<&str, usize>> = by
                .as_ref()
                .map(|by| by.iter().map(|(value, count)| (&**value, *count)).collect());
            json!({ "counted": matched, "by": by })
        }
        Outcome::Answered => json!("answered"),
        Outcome::Logged => json!("logged"),
        Outcome::Refused(broker_core::CommandError::SessionsFull {
            matched, refused, ..
        }) => json!({ "changed": matched, "unchanged": refused }),
        Outcome::Refused(_) => json!("refused"),
        Outcome::Own(value) => json!({ "own": &**value }),
        Outcome::Elsewhere => json!("elsewhere"),
    }
}

/// JSON that the broker wrote, which has to be JSON.
pub(crate) fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
