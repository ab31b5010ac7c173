//! Upper bounds: everything that a peer can make grow has one.

use std::num::NonZeroU32;

use serde::Deserialize;

use super::counts;
use super::units::{self, ByteSize, TimeSpan};
use super::words::SlowConsumer;

/// Upper bounds on what peers may send, hold and take their time for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Connections of the process; `None` (written 0) is what the file limit
    /// allows, less a reserve.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub max_connections: Option<NonZeroU32>,
    /// Connections of one client's address, or of one IPv6 network of 64 bits;
    /// `None` (written 0) is no limit.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub max_connections_per_ip: Option<NonZeroU32>,
    /// Messages and pings of one client a second, on average; as many may come
    /// at once. `None` (written 0) is no limit.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub messages_per_second: Option<NonZeroU32>,
    /// A client's message, whole; `echo` endpoints have 16 MiB of their own.
    pub max_message: ByteSize,
    /// Frames that one message may come in; on `echo` endpoints those of 64 bytes
    /// or more do not count.
    #[serde(deserialize_with = "counts::positive")]
    pub max_fragments: NonZeroU32,
    /// From a message's first frame to its last; `None` (written 0) is no limit.
    #[serde(deserialize_with = "units::zero_is_off")]
    pub message_timeout: Option<TimeSpan>,
    /// Bytes queued for one connection, and 32 for each frame's place in the
    /// queue. Compared before a frame is queued: an empty queue takes any one
    /// frame.
    pub max_send_queue: ByteSize,
    /// How long a queue may stand without one byte leaving; `None` (written 0)
    /// is no limit.
    #[serde(deserialize_with = "units::zero_is_off")]
    pub write_timeout: Option<TimeSpan>,
    /// What happens to a connection whose queue is full.
    pub slow_consumer: SlowConsumer,
    /// One session's info as JSON.
    pub max_session: ByteSize,
    /// The body of a command request.
    pub max_body: ByteSize,
    /// Commands in one list.
    #[serde(deserialize_with = "counts::positive")]
    pub max_commands: NonZeroU32,
    /// The head of a request.
    pub max_header: ByteSize,
    /// From accepting a socket to its first byte.
    pub first_byte_timeout: TimeSpan,
    /// From accepting a socket to the end of the request's head.
    pub handshake_timeout: TimeSpan,
    /// From the end of a request's head to the end of its body.
    pub body_timeout: TimeSpan,
    /// From when our close frame, or our last byte, has left to the peer's end
    /// of the socket. Until it has left `write_timeout` holds, or, where that
    /// is off, this one for each step of it.
    pub close_timeout: TimeSpan,
    /// From a client's request to its answer.
    pub answer_timeout: TimeSpan,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: None,
            max_connections_per_ip: None,
            messages_per_second: None,
            max_message: ByteSize::mib(1),
            max_fragments: counts::at_least_one(1024),
            message_timeout: Some(TimeSpan::from_secs(30)),
            max_send_queue: ByteSize::mib(1),
            write_timeout: Some(TimeSpan::from_secs(10)),
            slow_consumer: SlowConsumer::Close,
            max_session: ByteSize::kib(16),
            max_body: ByteSize::mib(1),
            max_commands: counts::at_least_one(10_000),
            max_header: ByteSize::kib(16),
            first_byte_timeout: TimeSpan::from_secs(5),
            handshake_timeout: TimeSpan::from_secs(10),
            body_timeout: TimeSpan::from_secs(10),
            close_timeout: TimeSpan::from_secs(5),
            answer_timeout: TimeSpan::from_secs(3600),
        }
    }
}
