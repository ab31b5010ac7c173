//! Why a list of commands, or one of its commands, is refused.

use crate::criteria::CriteriaError;
use crate::json::JsonError;
use crate::session::InfoTooLarge;

/// A whole list was refused: nothing of it was run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The text is not JSON, or is JSON that cannot be passed on.
    #[error("not JSON: {0}")]
    NotJson(#[from] JsonError),
    /// JSON, but neither a list nor an object.
    #[error("commands must be a list of objects or one object, got {got}")]
    NotAList {
        /// What it is, by its JSON type.
        got: &'static str,
    },
    /// The answer to several events is no list with an entry for each.
    #[error("the answer to {events} events must be a list with an entry for each, got {got}")]
    NotOneForEach {
        /// How many events there were.
        events: usize,
        /// What it is.
        got: Box<str>,
    },
    /// More commands than the limit `max_commands`.
    #[error("{count} commands are more than the limit max_commands of {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// One command was refused or could not be carried out; the others of its list were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// An element of the list that is no object.
    #[error("a command must be an object, got {got}")]
    NotAnObject {
        /// What it is, by its JSON type.
        got: &'static str,
    },
    /// No `type`, or one that is no string.
    #[error("a command needs a `type` that is a string")]
    NoType,
    /// A `type` that neither the broker nor the embedder knows.
    #[error("unknown command `{0}`")]
    Unknown(Box<str>),
    /// A field that stands twice.
    #[error("field `{0}` stands twice")]
    DuplicateField(Box<str>),
    /// A field that the command has no use for; only where the door is strict.
    #[error("unknown field `{0}`")]
    UnknownField(Box<str>),
    /// A field that the command cannot do without.
    #[error("`{command}` needs {field}")]
    MissingField {
        /// The command's `type`.
        command: &'static str,
        /// The field, or the choice of fields, in words.
        field: &'static str,
    },
    /// A field of a wrong kind or outside its range.
    #[error("`{field}` must be {wanted}")]
    WrongField {
        /// The field.
        field: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// `match` that cannot be read.
    #[error("`match`: {0}")]
    Match(CriteriaError),
    /// `except` that cannot be read.
    #[error("`except`: {0}")]
    Except(CriteriaError),
    /// `answer` to a request that does not wait, or no more: it was answered, has timed out, or its client has gone.
    #[error("no request waits for this `ack`")]
    NothingAsked,
    /// Some of the aimed sessions had no room for the data; they are unchanged.
    #[error("{refused} of {matched} sessions unchanged: {first}")]
    SessionsFull {
        /// How many sessions the command was for.
        matched: usize,
        /// How many of them are unchanged.
        refused: usize,
        /// What stood in the way of the first.
        first: InfoTooLarge,
    },
    /// The embedder's own command failed.
    #[error("`{name}`: {what}")]
    Own {
        /// The command's `type`.
        name: Box<str>,
        /// What the embedder says.
        what: Box<str>,
    },
}
