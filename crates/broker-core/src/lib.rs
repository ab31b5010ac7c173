#![doc = include_str!("../README.md")]
//!
//! # Its parts
//! [`Broker`] is all that one shard knows, and shows the loop that drives it; [`Effect`] is what it asks for.
//! [`CommandList`] is what applications ask, and [`Outcome`] what comes of it. One [`BackendGate`] says for all shards
//! whether the backend may be called. [`json`] is JSON as text, and [`form`] how JavaScript writes a value.

#![forbid(unsafe_code)]

mod broker;
pub mod close_code;
mod command;
mod config;
mod criteria;
mod effect;
mod event;
pub mod form;
mod gate;
pub mod json;
mod letter;
mod message;
mod name;
mod outcome;
mod pace;
mod random;
mod request;
mod session;
mod time;

pub use broker::{
    Broker, HELD_EVENT_BYTES, HELD_SESSION_BYTES, INDEXED_FIELDS_MAX, NotAsked, Opening, Relay,
    SessionView,
};
pub use command::{
    Aim, COMMAND_NAMES_MAX, COMMAND_TYPES, Command, CommandError, CommandList, Entry, Except,
    ListError, LogLevel, Message, OtherCommand, Overlooked, Page, Reading, Verb,
};
pub use config::{Backoff, Config, Delivery, Gating, OnFull};
pub use criteria::{CRITERIA_DEPTH_MAX, CRITERIA_TESTS_MAX, Criteria, CriteriaError};
pub use effect::{Effect, Effects, Lack, Loss, Orders, Origin, Refusal, Source};
pub use event::{
    Call, CallHandle, CallId, Entrance, Event, EventId, EventKind, Fact, Failure, Handshake,
};
pub use gate::{BackendGate, Claim, GateConfig, Grant, Pacer, Standing};
pub use letter::{Letter, Notice};
pub use message::ClientMessage;
pub use name::{
    GIVEN_BYTES_MAX, NAME_BYTES_MAX, NAMES_BYTES_MAX, NAMES_MAX, Name, NameError, RegisterError,
};
pub use outcome::{Listing, Outcome, write_receipts, write_results};
pub use pace::Pace;
pub use request::{
    Ack, NotAnAck, REQUESTS_MAX, RequestToken, Secret, TOKEN_BYTES_MAX, TokenTooLong,
};
pub use session::{CookieRule, Info, InfoTooLarge, NotASessionId, SessionHandle, SessionId};
pub use time::Timestamp;
