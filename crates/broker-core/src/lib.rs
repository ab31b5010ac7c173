//! The pure, synchronous state machine of one shard of wsbroker.
mod command;
mod criteria;
mod event;
pub mod form;
pub mod json;
mod message;
mod session;
mod time;

pub use command::{
    Aim, COMMAND_TYPES, Command, CommandError, CommandList, Entry, Except, ListError, LogLevel,
    Message, OtherCommand, Page, Reading, Verb,
};
pub use criteria::{CRITERIA_DEPTH_MAX, CRITERIA_TESTS_MAX, Criteria, CriteriaError};
pub use event::{Event, EventId, EventKind, Fact, Failure, Handshake};
pub use message::ClientMessage;
pub use session::{CookieRule, Info, InfoTooLarge, NotASessionId, SessionHandle, SessionId};
pub use time::Timestamp;
