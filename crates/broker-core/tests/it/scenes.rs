//! What the broker does, scene by scene.

mod ages;
mod away;
mod batches;
mod driver;
mod handshakes;
mod holding;
mod lines;
mod permits;
mod probing;
mod relaying;
mod retrying;
mod slices;
mod stale;
mod starting;
mod work;

use std::time::Duration;

use broker_core::{Config, Failure, GateConfig, Gating};

/// No connection to the backend could be made.
fn unreachable() -> Failure {
    Failure::Unreachable("connection refused".into())
}

/// The backend answered with a status, and perhaps asked to be left alone for some seconds.
fn status(code: u16, retry_after_s: Option<u64>) -> Failure {
    Failure::Status {
        code,
        retry_after: retry_after_s.map(Duration::from_secs),
    }
}

/// A configuration that differs from the default in what `change` says, and for which the backend is never away.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.gate = unwavering(0);
    change(&mut config);
    config
}

/// The same with nothing else changed.
fn steady() -> Config {
    config(|_| {})
}

/// A gate that lets so many through at once, whatever comes of it.
pub(crate) fn unwavering(max_in_flight: usize) -> Gating {
    let mut gate = GateConfig::default();
    gate.max_in_flight = max_in_flight;
    gate.is_paced = false;
    gate.away_after = None;
    Gating::Own(gate)
}
