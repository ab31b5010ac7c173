#![doc = include_str!("../README.md")]
//!
//! # Its parts
//! - [`Listener`] accepts sockets. [`proxy_protocol`] reads for whom a proxy has connected, before anything else is read.
//! - [`Stream`] is a [`Socket`], perhaps with [`tls`] over it; [`Reader`] and [`Writer`] are the two directions of one, or
//!   of a stream of [`http2`], or of any stream that stays on another runtime, by a [`bridge`].
//! - [`handshake`] checks whether a request is a good WebSocket handshake, and makes the answer.
//! - [`ws`] is a WebSocket connection as a pure state machine (RFC 6455), with compression (RFC 7692).
//! - [`Outbound`] is the bounded queue of frames that a connection has still to send.

pub mod bridge;
pub mod handshake;
pub mod http2;
mod listener;
mod outbound;
pub mod proxy_protocol;
mod stream;
pub mod tls;
pub mod ws;

pub use listener::{Accepted, Listener, LocalAddr, OwnedPath};
pub use outbound::{Flushed, Full, Outbound};
pub use stream::{Patient, Reader, Socket, SocketReader, SocketWriter, Stream, Writer};
