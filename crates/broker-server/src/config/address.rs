//! Where a listener is: an IP address with a port, or a Unix socket.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

/// An address to listen on: `127.0.0.1:4080`, `[::1]:4080` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddr {
    /// TCP; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix stream socket at this path.
    Unix(PathBuf),
}

impl ListenAddr {
    /// Whether only this machine can connect: a loopback address or a Unix
    /// socket.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => is_loopback(address.ip()),
            Self::Unix(_) => true,
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Why a text is no address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddrError {
    /// `unix:` with nothing behind it.
    #[error("`unix:` needs the path of the socket behind it")]
    NoPath,
    /// The host is a name; an address is wanted, since a name may mean several.
    #[error("`{0}` is not an address: write the IP address, such as 127.0.0.1:{1} or [::1]:{1}")]
    HostName(String, u16),
    /// A port alone.
    #[error("`{0}` has no host: write 127.0.0.1:{1}, or 0.0.0.0:{1} for every interface")]
    PortOnly(String, u16),
    /// Neither of the shapes.
    #[error("`{0}` is not an address: expected IP:PORT, such as 127.0.0.1:4080, or unix:PATH")]
    Shape(String),
}

impl FromStr for ListenAddr {
    type Err = ParseAddrError;

    fn from_str(text: &str) -> Result<Self, ParseAddrError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(ParseAddrError::NoPath)
            } else {
                Ok(Self::Unix(PathBuf::from(path)))
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| explain(text))
    }
}

fn explain(text: &str) -> ParseAddrError {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    match port.parse() {
        Ok(port) if host.is_empty() => ParseAddrError::PortOnly(text.to_owned(), port),
        Ok(port) if !host.contains([':', '[', '/']) => {
            ParseAddrError::HostName(text.to_owned(), port)
        }
        Ok(_) | Err(_) => ParseAddrError::Shape(text.to_owned()),
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl<'de> Deserialize<'de> for ListenAddr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// For listeners that can be switched off: `"off"` is `None`.
pub(super) fn or_off<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ListenAddr>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "off" => Ok(None),
        text => text.parse().map(Some).map_err(de::Error::custom),
    }
}
