#![doc = include_str!("../README.md")]
//!
//! # Its parts
//! Each [`Dialect`] is a state machine, one per connection:
//!
//! - [`receive`](DialectState::receive) takes a message of the client's and says what is to be done about it, as
//!   [`Action`]s;
//! - [`next_deadline`](DialectState::next_deadline) and [`handle_timeout`](DialectState::handle_timeout) are its sense of
//!   time;
//! - [`encode`](DialectKind::encode) writes a message of the backend's once for all who hear the same ([`Audience`]).
//!
//! A connection has a session of its own; with Socket.IO its client has further ones, one for each namespace that it
//! enters ([`Sessions`]), and may be carried by polling, which [`socketio`] reads and writes.

#![forbid(unsafe_code)]

mod dialect;
mod options;
mod registry;

mod echo;
pub mod socketio;
mod wsbroker;
mod wsmsgbroker;

pub use dialect::{
    Action, Audience, Dialect, EncodeError, Incoming, Outgoing, Sessions, Start, Words,
};
pub use options::{BinaryMessages, Options};
pub use registry::{DialectKind, DialectState, UnknownDialect};
pub use wsmsgbroker::DESTINATIONS_MAX;
