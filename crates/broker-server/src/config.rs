//! What an operator or embedder can choose.
//!
//! [`Config`] is plain data: `Config::default()` is the documented default of
//! every key, and public fields are changed directly. Values that have rules
//! of their own (sizes, addresses, origins) are types that can only be made by
//! parsing, so that whoever holds a `Config` has nothing left to parse. What
//! only shows between values, [`Config::validate`] and [`Config::exposed`] say.
//!
//! It can be read with serde; unknown keys are errors. **Nothing here reads
//! the environment or flags, and no file but those that a value names: tokens,
//! certificates, the backend's secret.**

mod access;
mod address;
mod backend;
mod check;
mod counts;
mod endpoint;
mod file;
mod keys;
mod limits;
mod origin;
mod session;
mod tls;
mod units;
mod websocket;
mod words;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use serde::Deserialize;

pub use broker_dialect::{BinaryMessages, DialectKind};

pub use access::{Access, IpRule, ParseIpRuleError, ParseTokenError, Token, TokenFileError};
pub use address::{ListenAddr, ParseAddrError};
pub use backend::{Backend, BackendFileError, BackendTarget, Hold, ParseBackendError};
pub(crate) use check::HEADER_BYTES_MIN;
pub use check::{Exposed, Invalid, Missing};
pub use endpoint::{Endpoint, EndpointPath, ParseEndpointError};
pub use file::FileError;
pub use keys::{KEYS, Key, Kind};
pub use limits::Limits;
pub use origin::{Origin, OriginRule, ParseOriginError};
pub use session::{Cookies, Session};
pub use tls::{CertificateError, Tls};
pub use units::{ByteSize, ParseUnitError, TimeSpan};
pub use websocket::{ParseSubprotocolError, Subprotocol, WebSocket};
pub use words::{
    BackendFormat, Compression, Connect, Delivery, LogFormat, LogLevel, OnFull, ParseWordError,
    SlowConsumer,
};

/// The whole configuration, one field per section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Where the broker listens, and with how many shards.
    pub listen: Listen,
    /// Which path speaks which dialect.
    #[serde(rename = "endpoint")]
    pub endpoints: Vec<Endpoint>,
    /// The application behind the broker.
    pub backend: Backend,
    /// Who may give commands, and which web pages may connect.
    pub access: Access,
    /// Upper bounds.
    pub limits: Limits,
    /// What is particular to WebSocket connections.
    pub websocket: WebSocket,
    /// What a session starts with.
    pub session: Session,
    /// How the broker ends.
    pub drain: Drain,
    /// What is logged, and how.
    pub log: Log,
    /// The certificate of the public listener.
    pub tls: Tls,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            endpoints: vec![Endpoint::default()],
            backend: Backend::default(),
            access: Access::default(),
            limits: Limits::default(),
            websocket: WebSocket::default(),
            session: Session::default(),
            drain: Drain::default(),
            log: Log::default(),
            tls: Tls::default(),
        }
    }
}

/// Where the broker listens, and with how many shards.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Listen {
    /// For clients and the compatible command door.
    pub public: ListenAddr,
    /// For operators; `None` (written "off") opens no such listener.
    #[serde(deserialize_with = "address::or_off")]
    pub admin: Option<ListenAddr>,
    /// How many shards there are; `None` (written 0) is one per core.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub shards: Option<NonZeroU32>,
    /// Whether each connection to the public listener begins with a header of
    /// the PROXY protocol, which only `access.trusted_proxies` may send.
    pub proxy_protocol: bool,
}

impl Default for Listen {
    fn default() -> Self {
        let loopback = |port| ListenAddr::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        Self {
            public: loopback(4080),
            admin: Some(loopback(4081)),
            shards: None,
            proxy_protocol: false,
        }
    }
}

/// How the broker ends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Drain {
    /// From the request to end to the end, at most.
    pub timeout: TimeSpan,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            timeout: TimeSpan::from_secs(25),
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Log {
    /// The least important records that are still logged.
    pub level: LogLevel,
    /// The shape of the records.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Auto,
        }
    }
}
