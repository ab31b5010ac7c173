//! What is particular to WebSocket connections.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::units::{self, ByteSize, TimeSpan};
use super::words::Compression;

/// Pings, compression and subprotocols.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct WebSocket {
    /// Silence of the peer after which it is pinged; `None` (written 0) never
    /// pings.
    #[serde(deserialize_with = "units::zero_is_off")]
    pub ping_interval: Option<TimeSpan>,
    /// How long a ping may stay unanswered before the connection is closed
    /// with 4102; `None` (written 0) waits for ever.
    #[serde(deserialize_with = "units::zero_is_off")]
    pub pong_timeout: Option<TimeSpan>,
    /// Whether messages are compressed where the client offers it.
    pub compression: Compression,
    /// The size from which a message is worth compressing.
    pub compression_min: ByteSize,
    /// Subprotocols that are spoken, the preferred first; empty means that the
    /// first one a client offers is echoed, as npm `wsbroker` does.
    pub subprotocols: Vec<Subprotocol>,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            ping_interval: Some(TimeSpan::from_secs(25)),
            pong_timeout: Some(TimeSpan::from_secs(10)),
            compression: Compression::Auto,
            compression_min: ByteSize::kib(1),
            subprotocols: Vec::new(),
        }
    }
}

/// The name of a subprotocol: a token (RFC 6455 §4.1, RFC 9110 §5.6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subprotocol {
    /// Token characters, at least one.
    name: String,
}

impl Subprotocol {
    /// The name as it stands in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// Why a text names no subprotocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a subprotocol: expected letters, digits and !#$%&'*+-.^_`|~")]
pub struct ParseSubprotocolError(String);

impl FromStr for Subprotocol {
    type Err = ParseSubprotocolError;

    fn from_str(text: &str) -> Result<Self, ParseSubprotocolError> {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_token) {
            return Err(ParseSubprotocolError(text.to_owned()));
        }
        Ok(Self {
            name: text.to_owned(),
        })
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Subprotocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
