//! What a client takes on itself.

use std::time::Duration;

/// Upper bounds of one client: `Limits::default()`, changed where others are wanted. Where a count is 0, it is read as 1.
///
/// ```
/// let mut limits = broker_client::Limits::default();
/// limits.pending_requests_max = 16;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many requests may wait for their answers at a time; one more is refused. 1024. wsbroker keeps 4096 of a connection,
    /// and gives up the oldest for one more without a word.
    pub pending_requests_max: usize,
    /// How many events may wait to be read. One more stops the reading of the socket, so that the server holds back what
    /// else there is. 256.
    pub queued_events_max: usize,
    /// How many messages may wait to be written. Whoever sends one more waits for room. 64.
    pub queued_sends_max: usize,
    /// The longest message taken from the server; a longer one ends the connection. 16 MiB.
    pub message_bytes_max: usize,
    /// How long connecting may take, from looking up the name to the server's yes. 10 s.
    pub handshake_timeout: Duration,
    /// How long the server may take to agree to a close, and to end the socket after it. 5 s.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            pending_requests_max: 1024,
            queued_events_max: 256,
            queued_sends_max: 64,
            message_bytes_max: 16 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }
}
