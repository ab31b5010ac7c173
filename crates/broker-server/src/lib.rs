#![doc = include_str!("../README.md")]
//!
//! # Its parts
//! [`Server::start`] takes a [`Config`](config::Config) and a [`Backend`](broker_backend::Backend) and gives a
//! [`Handle`]. Each shard is a thread with its own connections, its own [`Broker`](broker_core::Broker) and its own
//! connections to the backend; within a shard nothing is locked, and between shards there is one bounded mailbox each.
//! [`embed`] is for servers of an application's own.

pub mod config;

mod accept;
mod admin;
mod application;
mod clock;
mod counters;
mod demo;
mod door;
pub mod embed;
mod embedded;
mod forwarded;
mod greeting;
mod handle;
mod handover;
mod health;
mod http2;
mod introduction;
mod load;
mod mailbox;
mod overlooked;
mod permits;
mod polling;
mod public;
mod random;
mod reply;
mod server;
mod shard;
mod strict;
mod transit;

pub use broker_backend as backend;
pub use broker_core as core;
pub use broker_transport::tls::{Identity, IdentityError};
pub use broker_transport::{Listener, LocalAddr};

pub use self::application::{ProbeError, probe};
pub use self::counters::{Closed, Counters, Failed, Lost, Refused, Rejected, Streamed};
pub use self::handle::{Handle, ReloadError};
pub use self::mailbox::{Report, ShuttingDown};
pub use self::server::{Server, StartError};
