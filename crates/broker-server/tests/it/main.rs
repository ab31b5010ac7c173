//! The driver through its public API: real sockets, real threads, free ports.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and clippy lets only test functions themselves say so"
)]

mod broker;

mod admin_door;
mod away;
mod bad_commands;
mod bad_frames;
mod bad_handshakes;
mod bad_http;
mod closing;
mod compression;
mod counted;
mod drain;
mod echo;
mod embed;
mod events;
mod floods;
mod held;
mod hold_policies;
mod hooks;
mod http2;
mod limits;
mod order;
mod outcomes;
mod panics;
mod permits;
mod pings;
mod proxies;
mod proxy_protocol;
mod public_door;
mod slow;
mod slow_crowd;
mod socketio;
mod streams;
mod tls;
mod waiting;
mod wsmsgbroker;
