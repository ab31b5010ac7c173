//! Commands: what the application asks of the broker.

mod each;
mod error;
mod fields;
mod parse;

use bytes::Bytes;

use crate::criteria::Criteria;
use crate::request::Ack;

pub use error::{CommandError, ListError};
pub use fields::COMMAND_NAMES_MAX;
pub use parse::Reading;

/// What was asked in one go: by an answer, a request to a command door, or the embedder.
///
/// Its commands take effect one after the other on every shard, and no other list comes in between.
#[derive(Clone, Debug, Default)]
pub struct CommandList {
    /// In the order they were written.
    pub entries: Vec<Entry>,
    /// What was passed over when they were read, for the log.
    pub overlooked: Vec<Overlooked>,
}

/// A field of a command that was passed over: one that the command has no use for, or `data.ip` and `data.wskey` of a
/// `session`, which are the broker's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlooked {
    /// The command's `type`.
    pub command: &'static str,
    /// The field; of a long name, its beginning.
    pub field: Box<str>,
}

/// One place of a [`CommandList`].
#[derive(Clone, Debug)]
pub enum Entry {
    /// A command that can be run.
    Run(Command),
    /// A command that was refused when it was read; the others run.
    Refused {
        /// Its `type`, if it has one that can be read.
        name: Option<Box<str>>,
        /// Why.
        error: CommandError,
    },
    /// A command of a type that is not ours: the embedder's own, or unknown.
    Other(OtherCommand),
}

impl Entry {
    /// The command's `type`, if it has one that can be read.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Entry::Run(command) => Some(command.verb.name()),
            Entry::Refused { name, .. } => name.as_deref(),
            Entry::Other(command) => Some(&command.name),
        }
    }
}

/// A command and whom it is aimed at.
#[derive(Clone, Debug)]
pub struct Command {
    /// The sessions it is for.
    pub aim: Aim,
    /// What is to be done.
    pub verb: Verb,
}

/// Which sessions a command is for.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    /// `match`; without it, the session that caused the event, or everyone where no event did.
    pub criteria: Option<Criteria>,
    /// `except`: who is left out.
    pub except: Option<Except>,
}

/// Who is left out of an aim.
#[derive(Clone, Debug)]
pub enum Except {
    /// `"self"`: the session that caused the event.
    Origin,
    /// Sessions for which criteria hold.
    Matching(Criteria),
}

/// What a command does.
#[derive(Clone, Debug)]
pub enum Verb {
    /// `send`: a message to clients.
    Send(Message),
    /// `session`: changes session info.
    Session {
        /// A JSON object to merge.
        data: Box<str>,
        /// Names of fields to take out.
        unset: Vec<Box<str>>,
    },
    /// `close`: ends connections.
    Close {
        /// 1000, or 3000 to 4999.
        code: u16,
        /// At most 123 bytes.
        reason: Box<str>,
    },
    /// `list`: the session infos of the aimed, in order of connecting.
    List(Page),
    /// `count`: how many are aimed at.
    Count {
        /// A field: counts per value of it.
        by: Option<Box<str>>,
    },
    /// `answer`: replies to a request of a client's, whoever it was.
    Answer {
        /// The `ack` of the request.
        ack: Ack,
        /// Any JSON.
        message: Option<Bytes>,
    },
    /// `log`: a line in the broker's log.
    Log {
        /// What to write; any JSON.
        text: Box<str>,
        /// How important it is.
        level: LogLevel,
    },
}

impl Verb {
    /// The command's `type`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Verb::Send(_) => "send",
            Verb::Session { .. } => "session",
            Verb::Close { .. } => "close",
            Verb::List(_) => "list",
            Verb::Count { .. } => "count",
            Verb::Answer { .. } => "answer",
            Verb::Log { .. } => "log",
        }
    }
}

/// Every `type` that is ours.
pub const COMMAND_TYPES: [&str; 7] = ["send", "session", "close", "list", "count", "answer", "log"];

/// What `send` carries to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A JSON value, as it was written; how it travels is the dialect's matter.
    Json(Bytes),
    /// A text frame as it is: UTF-8.
    Text(Bytes),
    /// A binary frame as it is.
    Binary(Bytes),
}

impl Message {
    /// Its length in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Message::Json(bytes) | Message::Text(bytes) | Message::Binary(bytes) => bytes.len(),
        }
    }
}

/// Which part of a `list` is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The fields of interest; all without it.
    pub fields: Option<Vec<Box<str>>>,
    /// At most so many sessions.
    pub limit: Option<usize>,
    /// Only sessions that connected after this place in the order of connecting.
    pub after: Option<u64>,
}

/// Levels of the `log` command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// `error`
    Error,
    /// `warn`
    Warn,
    /// `info`, the default.
    #[default]
    Info,
    /// `debug`
    Debug,
}

/// A command that is not one of [`COMMAND_TYPES`], or that the embedder has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherCommand {
    /// Its `type`.
    pub name: Box<str>,
    /// The whole command: a JSON object.
    pub text: Bytes,
}

#[cfg(test)]
mod tests;
