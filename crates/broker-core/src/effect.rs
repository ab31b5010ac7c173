//! What the driver has to do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::command::{CommandList, LogLevel, Message, OtherCommand};
use crate::event::{Call, EventId, EventKind, Failure};
use crate::letter::{Letter, Notice};
use crate::outcome::Outcome;
use crate::request::RequestToken;
use crate::session::SessionHandle;

/// A buffer of effects, filled by the verbs of [`Broker`](crate::Broker) and emptied by the driver, in order.
#[derive(Debug, Default)]
pub struct Effects {
    /// What has to be done, first things first.
    pub list: Vec<Effect>,
    /// The sessions that effects go to; each effect has its part of it.
    pub recipients: Vec<SessionHandle>,
}

impl Effects {
    /// Has something said to these sessions, if there are any.
    pub(crate) fn tell(
        &mut self,
        sessions: impl IntoIterator<Item = SessionHandle>,
        notice: Notice,
    ) {
        let start = self.recipients.len();
        self.recipients.extend(sessions);
        let to = start..self.recipients.len();
        if !to.is_empty() {
            self.list.push(Effect::Tell { notice, to });
        }
    }
}

/// One thing to do. The driver matches on it in one place.
#[derive(Debug)]
pub enum Effect {
    /// Tell the backend, then report with [`Broker::backend_replied`](crate::Broker::backend_replied) or
    /// [`Broker::backend_failed`](crate::Broker::backend_failed), exactly once.
    CallBackend(Call),
    /// Answer this session's handshake: the backend lets the client in.
    Admit(SessionHandle),
    /// Refuse this session's handshake. Nothing is left of the session, unless the backend has still to be told of its end.
    Refuse {
        /// Whose handshake it is.
        session: SessionHandle,
        /// Why.
        refusal: Refusal,
    },
    /// Queue a message for the connections of these recipients.
    Deliver {
        /// What they get.
        message: Message,
        /// Which part of [`Effects::recipients`].
        to: Range<usize>,
        /// The place of the `send` in the list that is being executed.
        entry: usize,
    },
    /// Say something to these recipients, in the words of their dialects.
    Tell {
        /// What is said.
        notice: Notice,
        /// Which part of [`Effects::recipients`]; whoever stands there twice hears it twice.
        to: Range<usize>,
    },
    /// Bring a letter to another shard, behind those that went there before.
    Post {
        /// Its shard.
        shard: u16,
        /// The letter.
        letter: Letter,
    },
    /// A request of a client was not answered in time; nobody can answer it any more.
    Unanswered {
        /// Who has asked.
        session: SessionHandle,
        /// What the client has called the request.
        token: RequestToken,
    },
    /// Start the close handshake with the connections of these recipients.
    Close {
        /// Which part of [`Effects::recipients`].
        to: Range<usize>,
        /// The close code.
        code: u16,
        /// The reason; at most 123 bytes.
        reason: Box<str>,
    },
    /// Start the close handshake with this session's connection: more of it would be held for the backend than may be, and
    /// the configuration says [`OnFull::Close`](crate::OnFull::Close).
    Overflow(SessionHandle),
    /// Read no more from this session's connection.
    Pause(SessionHandle),
    /// Read from this session's connection again.
    Resume(SessionHandle),
    /// Hand these orders to every shard, this one too, in one order for all.
    Route(Orders),
    /// Write a line to the log, whatever its level.
    Log {
        /// Any JSON.
        text: Box<str>,
        /// How important the writer finds it.
        level: LogLevel,
    },
    /// Run a command that is not the broker's; what comes of it is the outcome of this entry.
    RunOther {
        /// The command.
        command: OtherCommand,
        /// Who caused the list, if it lives here.
        origin: Option<SessionHandle>,
        /// Its place in the list that is being executed.
        entry: usize,
    },
    /// A list was executed on this shard. All its other effects stand before this one, and after the last one's.
    Executed {
        /// Whose list it was.
        orders: Orders,
        /// One for each entry.
        outcomes: Vec<Outcome>,
    },
    /// A call failed; its events are held, and the call is made again.
    Retrying {
        /// The event, or the first of several.
        event: EventId,
        /// How often it was tried.
        attempt: u32,
        /// What went wrong.
        failure: Failure,
    },
    /// An event is given up.
    Dropped {
        /// The event.
        event: EventId,
        /// Which kind it was.
        kind: EventKind,
        /// Why.
        reason: Loss,
    },
    /// Nothing is left of this session; its slot may be used again.
    Ended(SessionHandle),
}

/// Why an event is given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The backend has answered, and another try would be answered no better.
    #[error("{0}")]
    Refused(Failure),
    /// It failed again and again while others were answered.
    #[error("poison: it failed again and again while others were answered; {0}")]
    Poison(Failure),
    /// It may have arrived, and what may have arrived is not to be sent again.
    #[error("{0}; it may have arrived, and delivery is at most once")]
    Doubtful(Failure),
    /// It was held for longer than messages are.
    #[error("it was held for longer than backend.hold.max_age")]
    Expired,
    /// There was no room to hold it.
    #[error("there was no room to hold it: backend.hold.{0}")]
    NoRoom(Lack),
}

impl Loss {
    /// The closed set of names that metrics and logs use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Loss::Refused(failure) => failure.name(),
            Loss::Poison(_) => "poison",
            Loss::Doubtful(_) => "doubtful",
            Loss::Expired => "max_age",
            Loss::NoRoom(lack) => lack.name(),
        }
    }
}

/// What a message found too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Its session holds as many messages as one may.
    Events,
    /// All sessions of the shard together hold as many bytes as they may.
    Bytes,
}

impl Lack {
    /// The setting that is the limit.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Lack::Events => "max_events",
            Lack::Bytes => "max_bytes",
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a client is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The backend did not let it in, or did not answer as it should.
    Backend(Failure),
    /// A command closes the connection before it is let in, most likely one of the backend's answer.
    Closed,
    /// The backend is away, and will next be tried after so long, as far as is known.
    Away(Duration),
}

/// A list of commands, who it came from, and who waits for its outcome.
#[derive(Clone, Debug)]
pub struct Orders {
    /// What is to be done.
    pub list: Arc<CommandList>,
    /// Through which door it came.
    pub source: Source,
    /// The session that caused it, if one did.
    pub origin: Option<Origin>,
    /// The driver's own note, to find who waits for the outcome.
    pub ticket: u64,
}

impl Orders {
    /// The commands of an answer to an event of this session.
    #[must_use]
    pub fn of_answer(list: CommandList, origin: Origin) -> Orders {
        Orders {
            list: Arc::new(list),
            source: Source::Answer,
            origin: Some(origin),
            ticket: 0,
        }
    }
}

/// The session that caused a list of commands: where it lives, and its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its shard.
    pub shard: u16,
    /// Its handle on that shard.
    pub session: SessionHandle,
    /// The number of its event that is answered when the list has been carried out, if one is.
    pub settles: Option<u64>,
}

/// The doors through which commands come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The backend's answer to an event.
    Answer,
    /// A command POST on the public port.
    Public,
    /// The admin API.
    Admin,
    /// The program that embeds the broker.
    Embedder,
}

impl Source {
    /// The name that logs and metrics use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Source::Answer => "answer",
            Source::Public => "public",
            Source::Admin => "admin",
            Source::Embedder => "embedder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_door_has_a_name() {
        use Source::{Admin, Answer, Embedder, Public};
        assert_eq!(
            [Answer, Public, Admin, Embedder].map(Source::name),
            ["answer", "public", "admin", "embedder"]
        );
    }
}
