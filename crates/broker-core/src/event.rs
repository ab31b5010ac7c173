//! What the backend is told, and how telling it can fail.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::json;
use crate::message::ClientMessage;
use crate::session::{SessionHandle, SessionId};
use crate::time::Timestamp;

/// What is told the backend in one go: an event, or several of different sessions. One try.
#[derive(Clone, Debug)]
pub struct Call {
    /// What its outcome is reported for.
    pub handle: CallHandle,
    /// At least one; the same on every try.
    pub events: SmallVec<[Event; 1]>,
}

/// A call that no broker waits for, with one event.
impl From<Event> for Call {
    fn from(event: Event) -> Call {
        Call {
            handle: CallHandle::default(),
            events: SmallVec::from([event]),
        }
    }
}

impl Call {
    /// Its name, the same on every try: that of its event, or one of its own where it has several.
    #[must_use]
    pub fn id(&self) -> Option<CallId> {
        let first = self.events.first()?.id;
        Some(if self.events.len() == 1 {
            CallId::Event(first)
        } else {
            CallId::Batch(first)
        })
    }
}

/// The local name of a call while it is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallHandle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// The name of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallId {
    /// It tells this event.
    Event(EventId),
    /// It tells several, of which this is the first.
    Batch(EventId),
}

impl CallId {
    /// Appends the written form.
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            CallId::Event(event) => event.write(out),
            CallId::Batch(first) => {
                out.extend_from_slice(b"batch-");
                first.write(out);
            }
        }
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallId::Event(event) => event.fmt(f),
            CallId::Batch(first) => write!(f, "batch-{first}"),
        }
    }
}

/// One fact on its way to the backend, as one try to tell it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name, the same on every try.
    pub id: EventId,
    /// The session that caused it.
    pub session: SessionHandle,
    /// When it happened.
    pub time: Timestamp,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// What happened.
    pub fact: Arc<Fact>,
    /// The session info at the moment of this try: a JSON object.
    pub connection: Arc<str>,
    /// How the connection was opened.
    pub handshake: Arc<Handshake>,
}

/// What happened to a session.
#[derive(Debug)]
pub enum Fact {
    /// A client connected: `session-connect`.
    Connected {
        /// What it has entered, where its dialect knows of such.
        entrance: Option<Box<Entrance>>,
    },
    /// A client sent a message: `client-…`.
    Received(ClientMessage),
    /// A client has registered a name: `session-register`.
    Registered {
        /// The name as it was given: any JSON.
        id: Arc<str>,
    },
    /// A client has let go of a name, or another one holds it now: `session-unregister`.
    Unregistered {
        /// The name as it was given: any JSON.
        id: Arc<str>,
    },
    /// A client has acknowledged a message of the backend's: `session-ack`.
    Acknowledged {
        /// The number that the message carried.
        ack: u64,
        /// What it answers: a JSON list.
        args: Box<str>,
    },
    /// The connection ended: `session-disconnect`.
    Disconnected {
        /// The close code of RFC 6455 §7.4; 1006 for a lost peer.
        code: u16,
        /// The reason given with it; often empty.
        reason: Box<str>,
    },
    /// The broker has started: `broker-start`. It belongs to no client.
    Started {
        /// A name for this run of the broker.
        boot: Box<str>,
    },
}

/// What a client enters with a session of its own, and what it has to say for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// The namespace; begins with `/`.
    pub namespace: Box<str>,
    /// A JSON object.
    pub auth: Box<str>,
}

/// The kinds of [`Fact`], by the names that headers and metrics use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// `session-connect`
    Connect,
    /// `client`: a message, an acknowledgement, or a name registered or let go of.
    Client,
    /// `session-disconnect`
    Disconnect,
    /// `broker-start`
    Start,
}

impl EventKind {
    /// The name used by the header `Wsbroker-Event`, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Connect => "session-connect",
            EventKind::Client => "client",
            EventKind::Disconnect => "session-disconnect",
            EventKind::Start => "broker-start",
        }
    }
}

impl Fact {
    /// Which kind of fact it is.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Fact::Connected { .. } => EventKind::Connect,
            Fact::Received(_)
            | Fact::Registered { .. }
            | Fact::Unregistered { .. }
            | Fact::Acknowledged { .. } => EventKind::Client,
            Fact::Disconnected { .. } => EventKind::Disconnect,
            Fact::Started { .. } => EventKind::Start,
        }
    }

    /// Whether a client can bring about as many as it likes, so that what is held of them has limits.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.kind() == EventKind::Client
    }

    /// Appends the event's `message` as JSON; the prefix `client-` is put on here and nowhere else.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        match self {
            Fact::Connected { entrance: None } => {
                out.extend_from_slice(br#"{"type":"session-connect"}"#);
            }
            Fact::Connected {
                entrance: Some(entrance),
            } => {
                out.extend_from_slice(br#"{"type":"session-connect","namespace":"#);
                json::write_string(out, &entrance.namespace);
                out.extend_from_slice(br#","auth":"#);
                out.extend_from_slice(entrance.auth.as_bytes());
                out.push(b'}');
            }
            Fact::Received(message) => message.write_prefixed(out),
            Fact::Registered { id } => write_named(out, "session-register", id),
            Fact::Unregistered { id } => write_named(out, "session-unregister", id),
            Fact::Acknowledged { ack, args } => {
                out.extend_from_slice(
                    format!(r#"{{"type":"session-ack","ack":{ack},"args":"#).as_bytes(),
                );
                out.extend_from_slice(args.as_bytes());
                out.push(b'}');
            }
            Fact::Disconnected { code, reason } => {
                out.extend_from_slice(br#"{"type":"session-disconnect","code":"#);
                out.extend_from_slice(code.to_string().as_bytes());
                out.extend_from_slice(br#","reason":"#);
                json::write_string(out, reason);
                out.push(b'}');
            }
            Fact::Started { boot } => {
                out.extend_from_slice(br#"{"type":"broker-start","boot":"#);
                json::write_string(out, boot);
                out.push(b'}');
            }
        }
    }

    /// About how many bytes of text it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Fact::Connected { entrance } => entrance
                .as_ref()
                .map_or(0, |entrance| entrance.namespace.len() + entrance.auth.len()),
            Fact::Acknowledged { args, .. } => args.len(),
            Fact::Received(message) => message.text().len(),
            Fact::Registered { id } | Fact::Unregistered { id } => id.len(),
            Fact::Disconnected { reason, .. } => reason.len(),
            Fact::Started { boot } => boot.len(),
        }
    }
}

fn write_named(out: &mut Vec<u8>, kind: &str, id: &str) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.push(b'}');
}

/// The name of an event: its session's public id and the event's number in that session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// The session it belongs to.
    pub session: SessionId,
    /// Counts from 1 in each session.
    pub number: u64,
}

impl EventId {
    /// Appends the written form. It stands in every request to the backend, which is why it is not left to `fmt`.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.session.letters());
        out.push(b'-');
        out.extend_from_slice(itoa::Buffer::new().format(self.number).as_bytes());
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session, self.number)
    }
}

/// What is known of the request that opened a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Path and query of the request, as sent.
    pub path: Box<str>,
    /// Names (lower-case) and values of the request's headers that the driver was told to keep; often none.
    pub headers: Box<[(Box<str>, Box<str>)]>,
}

/// Why one try to tell the backend came to nothing.
///
/// Each variant's text is for the log. [`Failure::is_retryable`] is the whole policy of what is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection could be made: nothing has arrived there.
    #[error("backend cannot be reached: {0}")]
    Unreachable(Box<str>),
    /// The connection ended before the answer was complete: the event may have arrived.
    #[error("connection to the backend was lost: {0}")]
    Interrupted(Box<str>),
    /// No complete answer within the time-out: the event may have arrived.
    #[error("backend did not answer within {0:?}")]
    TimedOut(Duration),
    /// An answer with a status other than 2xx.
    #[error("backend answered {code}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// The answer's `Retry-After`, if it had one.
        retry_after: Option<Duration>,
    },
    /// A 2xx whose body is no list of commands: says where and shows the first bytes.
    #[error("{0}")]
    BadAnswer(Box<str>),
    /// The embedder's own code ended in a panic.
    #[error("in-process backend failed: {0}")]
    Panicked(Box<str>),
}

impl Failure {
    /// Whether another try may help: no connection, a lost one, a time-out, 429 and 5xx.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Failure::Unreachable(_) | Failure::Interrupted(_) | Failure::TimedOut(_) => true,
            Failure::Status { code, .. } => *code == 429 || (500..600).contains(code),
            Failure::BadAnswer(_) | Failure::Panicked(_) => false,
        }
    }

    /// Whether the event may have arrived and been taken, though it was not answered as it should.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        match self {
            Failure::Interrupted(_) | Failure::TimedOut(_) => true,
            Failure::Status { code, .. } => (500..600).contains(code),
            Failure::Unreachable(_) | Failure::BadAnswer(_) | Failure::Panicked(_) => false,
        }
    }

    /// Whether it says that the backend has too much to do.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        match self {
            Failure::TimedOut(_) => true,
            Failure::Status { code, .. } => matches!(code, 429 | 503 | 504),
            Failure::Unreachable(_)
            | Failure::Interrupted(_)
            | Failure::BadAnswer(_)
            | Failure::Panicked(_) => false,
        }
    }

    /// How long the backend asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Failure::Status { retry_after, .. } => *retry_after,
            Failure::Unreachable(_)
            | Failure::Interrupted(_)
            | Failure::TimedOut(_)
            | Failure::BadAnswer(_)
            | Failure::Panicked(_) => None,
        }
    }

    /// The closed set of names that metrics and logs use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Unreachable(_) => "unreachable",
            Failure::Interrupted(_) => "interrupted",
            Failure::TimedOut(_) => "timeout",
            Failure::Status { code: 300..400, .. } => "redirect",
            Failure::Status { code: 400..500, .. } => "client_error",
            Failure::Status { .. } => "server_error",
            Failure::BadAnswer(_) => "bad_answer",
            Failure::Panicked(_) => "panic",
        }
    }
}

#[cfg(test)]
mod tests;
