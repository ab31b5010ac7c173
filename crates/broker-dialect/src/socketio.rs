//! Socket.IO: what clients of the JavaScript library and its kin speak, over WebSockets and by polling.
//!
//! Two protocols lie on each other. [`engine`] is Engine.IO: packets, polling bodies, heartbeat and upgrade of one
//! session.
//!
//! **Never here:** sockets, HTTP, queues, clocks.

pub mod engine;
