//! The application behind the broker: where it is, how it is asked, and how
//! much is kept for it while it is away.

mod files;

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use broker_backend::{HttpUrl, PassedHeader, Secret, UrlError};
use serde::Deserialize;
use serde::de::{self, Deserializer};

pub use self::files::BackendFileError;

use super::check::Invalid;
use super::counts;
use super::units::{self, ByteSize, TimeSpan};
use super::words::{BackendFormat, Connect, Delivery, OnFull};

/// The backend and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Backend {
    /// Where events go.
    pub url: BackendTarget,
    /// How an event is written into a request.
    pub format: BackendFormat,
    /// How long one request may take, from connecting to the answer's last byte.
    pub timeout: TimeSpan,
    /// How many requests may be under way at once over all shards; `None`
    /// (written 0) is no limit.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub max_in_flight: Option<NonZeroU32>,
    /// The longest answer that is read, and the longest line of one that is streamed.
    pub max_answer: ByteSize,
    /// Whether an event that may have arrived is sent again.
    pub delivery: Delivery,
    /// When it is told of clients that connect.
    pub connect: Connect,
    /// How many events of different connections one request tells at most.
    #[serde(deserialize_with = "counts::positive")]
    pub batch: NonZeroU32,
    /// How often an event may fail, while others are answered, before it is given up.
    #[serde(deserialize_with = "counts::positive")]
    pub retries: NonZeroU32,
    /// How long a streamed answer may be silent.
    pub stream_idle_timeout: TimeSpan,
    /// How many answers may be streamed at once over all shards; `None` (written 0) is no limit.
    #[serde(deserialize_with = "counts::zero_is_none")]
    pub max_streams: Option<NonZeroU32>,
    /// What events are signed with (Standard Webhooks). It needs the format
    /// `form` or `json`.
    pub secret: Option<Secret>,
    /// A file that holds it instead.
    pub secret_file: Option<PathBuf>,
    /// A PEM file of authorities: with it, the certificate of an `https://`
    /// backend comes from one of these, and none that the system trusts counts.
    pub ca: Option<PathBuf>,
    /// The headers of a client's handshake that `session-connect` carries; only
    /// in the format `json`.
    pub headers: Vec<PassedHeader>,
    /// What is kept while the backend is away.
    pub hold: Hold,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            url: BackendTarget::None,
            format: BackendFormat::Multipart,
            timeout: TimeSpan::from_secs(10),
            max_in_flight: NonZeroU32::new(256),
            max_answer: ByteSize::mib(4),
            delivery: Delivery::AtLeastOnce,
            connect: Connect::Notify,
            batch: NonZeroU32::MIN,
            retries: counts::at_least_one(8),
            stream_idle_timeout: TimeSpan::from_secs(60),
            max_streams: NonZeroU32::new(1000),
            secret: None,
            secret_file: None,
            ca: None,
            headers: Vec::new(),
            hold: Hold::default(),
        }
    }
}

/// How many headers of a handshake may be asked for: each is kept for as long
/// as its connection.
const HEADERS_MAX: usize = 64;

impl Backend {
    /// What of these settings contradicts another one.
    pub(super) fn contradictions(&self) -> Vec<Invalid> {
        let mut problems = Vec::new();
        let mut refuse = |key, reason: &str| {
            problems.push(Invalid {
                key,
                reason: reason.to_owned(),
            });
        };
        let secret_key = match (&self.secret, &self.secret_file) {
            (Some(_), Some(_)) => {
                let reason = "is set, and so is `backend.secret`: leave out one of them";
                refuse("backend.secret_file", reason);
                None
            }
            (Some(_), None) => Some("backend.secret"),
            (None, Some(_)) => Some("backend.secret_file"),
            (None, None) => None,
        };
        if let Some(key) = secret_key
            && self.format == BackendFormat::Multipart
        {
            let reason = "signs the raw body, which PHP cannot read of a multipart request; set\n\n    \
                 [backend]\n    format = \"form\"   # or \"json\"; PHP has the same two fields of a form in $_POST\n";
            refuse(key, reason);
        }
        const HEADERS: &str = "backend.headers";
        if !self.headers.is_empty() && self.format != BackendFormat::Json {
            let reason =
                "needs `backend.format` to be \"json\": the other formats have no room for headers";
            refuse(HEADERS, reason);
        }
        if self.headers.len() > HEADERS_MAX {
            refuse(HEADERS, &format!("lists more than {HEADERS_MAX} names"));
        }
        for (index, name) in self.headers.iter().enumerate() {
            if self.headers[..index].contains(name) {
                refuse(HEADERS, &format!("lists `{name}` twice"));
            }
        }
        problems
    }
}

/// How much is kept for a backend that is slow or away.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Hold {
    /// Message events of one connection.
    #[serde(deserialize_with = "counts::positive")]
    pub max_events: NonZeroU32,
    /// Bytes of all connections together: a message counts with 128 bytes on top of its text, and a connection for the
    /// 384 that its connect and disconnect may need.
    pub max_bytes: ByteSize,
    /// How long a message is kept; `None` (written 0) is for as long as it takes.
    #[serde(deserialize_with = "units::zero_is_off")]
    pub max_age: Option<TimeSpan>,
    /// What happens to a connection that has no room left.
    pub on_full: OnFull,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            max_events: counts::at_least_one(1000),
            max_bytes: ByteSize::mib(64),
            max_age: Some(TimeSpan::from_secs(3600)),
            on_full: OnFull::Pause,
        }
    }
}

/// Where events go: `none`, `demo`, or the address of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a configuration holds one")]
pub enum BackendTarget {
    /// Nowhere: events are neither held nor counted as dropped.
    None,
    /// The built-in demo application.
    Demo,
    /// An application that speaks HTTP: `http://…`, `https://…` or
    /// `unix:PATH:/url`.
    /// `Display` and `Debug` hide the password that the address may carry.
    Http(HttpUrl),
}

/// Why a text is no backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseBackendError {
    /// Neither of the words, and no address.
    #[error("expected http://HOST[:PORT]/PATH, https://…, unix:PATH:/URL, demo or none")]
    Shape,
    /// An address that can't be used.
    #[error(transparent)]
    Url(UrlError),
}

impl FromStr for BackendTarget {
    type Err = ParseBackendError;

    fn from_str(text: &str) -> Result<Self, ParseBackendError> {
        match text {
            "none" => Ok(Self::None),
            "demo" => Ok(Self::Demo),
            _ => text.parse().map(Self::Http).map_err(|error| {
                if error == UrlError::Scheme {
                    ParseBackendError::Shape
                } else {
                    ParseBackendError::Url(error)
                }
            }),
        }
    }
}

impl fmt::Display for BackendTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Demo => f.write_str("demo"),
            Self::Http(url) => url.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for BackendTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
