//! Test client, scripted backend, transcript runner, contract suites.

pub mod authority;
pub mod backend;
pub mod client;
pub mod http2;
pub mod transcript;

use std::time::Duration;

/// How long anything may take that happens at once on an idle machine. Whoever waits longer has waited in vain: it is a
/// bound on failing tests, never something that a passing one depends on.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for what has to happen.
///
/// # Panics
/// When it has not happened within [`PATIENCE`].
pub async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(came) => came,
        Err(_) => panic!("waited in vain: {what}"),
    }
}
