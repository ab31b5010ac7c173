//! Client-facing wire protocols: what a client's messages mean, and how the broker's look to it.
//!
//! A transport hands over whole messages, a dialect reads them into the vocabulary of `broker-core` and writes the
//! broker's messages in its own words. Each [`Dialect`] is a pure state machine, one per connection:
//!
//! - [`receive`](DialectState::receive) takes a message of the client's and says what is to be done about it, as
//!   [`Action`]s;
//! - [`next_deadline`](DialectState::next_deadline) and [`handle_timeout`](DialectState::handle_timeout) are its sense of
//!   time;
//! - [`encode`](DialectKind::encode) writes a message of the backend's once for all who hear the same ([`Audience`]).
//!
//! ```
//! use broker_core::{SessionId, Timestamp};
//! use broker_dialect::{Action, DialectKind, Incoming, Options, Start};
//!
//! let kind: DialectKind = "wsbroker".parse()?;
//! let (now, id) = (Timestamp(1_700_000_000_000), SessionId::new(0, [1; 14]));
//! let mut dialect = kind.open(&Start::new(now, id, &Options::default()), &mut |_| {});
//! dialect.receive(now, Incoming::Text(r#"{"type":"say"}"#), &mut |action| match action {
//!     Action::Message(message) => assert_eq!(message.text(), r#"{"type":"say"}"#),
//!     other => unreachable!("wsbroker passes on what it is told, and nothing else: {other:?}"),
//! });
//! # Ok::<(), broker_dialect::UnknownDialect>(())
//! ```
//!
//! **Never here:** sockets, frames, clocks, tasks, the backend, the `client-` prefix (which the core puts on, so that no
//! dialect can forge an event of the broker's own).
//!
//! A connection has a session of its own; with Socket.IO its client has further ones, one for each namespace that it
//! enters ([`Sessions`]), and may be carried by polling, which [`socketio`] reads and writes.
//!
//! A new dialect is a file beside [`wsbroker`](DialectKind::Wsbroker)'s and a line in `registry.rs`;
//! `docs/recipes/add-a-dialect.md` leads there.

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
pub use options::{BinaryMessages, Options, UnknownBinaryMessages};
pub use registry::{DialectKind, DialectState, UnknownDialect};
pub use wsmsgbroker::DESTINATIONS_MAX;
