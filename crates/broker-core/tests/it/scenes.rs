//! What the broker does, scene by scene.

mod driver;
mod holding;
mod retrying;
mod slices;
mod stale;
mod work;

use std::time::Duration;

use broker_core::{Config, Failure};

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

/// A configuration that differs from the default in what `change` says.
fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    change(&mut config);
    config
}
