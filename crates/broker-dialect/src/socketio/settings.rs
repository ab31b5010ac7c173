//! What can be chosen about Socket.IO, shared by all connections of an endpoint.

use std::time::Duration;

/// The time-outs and limits of connections, with the original's defaults where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Protocol 4: how long after the last pong the client is pinged. Protocol 3: how often the client is told to ping.
    /// At least a millisecond.
    pub ping_interval: Duration,
    /// How long the other side of a heartbeat may take. At least a millisecond.
    pub ping_timeout: Duration,
    /// How long an upgrade may take from the WebSocket's handshake to the packet that completes it.
    pub upgrade_timeout: Duration,
    /// How long a connection may be in no namespace, and have asked for none.
    pub connect_timeout: Duration,
    /// The size in bytes up to which a packet is taken with all its attachments, and a polling body.
    pub max_payload: usize,
    /// The size in bytes up to which whoever reads polling bodies takes one, if that is less: clients are told, and post what
    /// is more in several.
    pub max_body: usize,
    /// The number of packets up to which a polling body is taken.
    pub max_payload_packets: usize,
    /// The number of attachments up to which a packet is taken.
    pub max_attachments: usize,
    /// The number of namespaces that one connection may be in.
    pub max_namespaces: u16,
    /// Whether clients 1.x and 2.x may connect.
    pub allow_eio3: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(45),
            max_payload: 1_000_000,
            max_body: usize::MAX,
            max_payload_packets: PAYLOAD_PACKETS_MAX,
            max_attachments: ATTACHMENTS_MAX,
            max_namespaces: NAMESPACES_MAX,
            allow_eio3: false,
        }
    }
}

/// How many attachments a packet has at most, either way. It is what clients from 4.8 on take.
pub const ATTACHMENTS_MAX: usize = 10;

/// How many namespaces a connection is in at most, unless it is set otherwise.
pub const NAMESPACES_MAX: u16 = 64;

/// The length of a namespace's name in bytes, without the query that protocol 3 may append.
pub const NAMESPACE_BYTES_MAX: usize = 256;

/// How many packets a polling body has at most, unless it is set otherwise.
pub const PAYLOAD_PACKETS_MAX: usize = 10_000;
