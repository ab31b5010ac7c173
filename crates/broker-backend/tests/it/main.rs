//! The backends, each against the real thing: an application on a loopback socket, or hooks of an embedder's own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and clippy lets only test functions themselves say so"
)]

mod answers;
mod batches;
mod contract;
mod events;
mod formats;
mod handshakes;
mod hooks;
mod keep_alive;
mod round_trip;
mod server;
mod streaming;
mod tell;
mod tls;
mod trouble;
