//! The application behind the broker: where it is, how it is asked, and how
//! much is kept for it while it is away.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::counts;
use super::units::{ByteSize, TimeSpan};
use super::words::{BackendFormat, OnFull};

/// The backend and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// The longest answer that is read.
    pub max_answer: ByteSize,
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
            hold: Hold::default(),
        }
    }
}

/// How much is kept for a backend that is slow or away.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hold {
    /// Message events of one connection.
    pub max_events: NonZeroU32,
    /// Bytes of all connections together.
    pub max_bytes: ByteSize,
    /// What happens to a connection that has no room left.
    pub on_full: OnFull,
}

impl Default for Hold {
    fn default() -> Self {
        Self {
            max_events: counts::at_least_one(1000),
            max_bytes: ByteSize::mib(64),
            on_full: OnFull::Pause,
        }
    }
}

/// Where events go: `none`, `demo` or an `http://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendTarget {
    /// Nowhere: events are neither held nor counted as dropped.
    None,
    /// The built-in demo application.
    Demo,
    /// An application that speaks HTTP.
    Http(BackendUrl),
}

/// The URL of a backend. `Display` and `Debug` hide its password.
#[derive(Clone, PartialEq, Eq)]
pub struct BackendUrl {
    /// The URL as it was written; it parses as an absolute `http://` URI.
    text: String,
}

impl BackendUrl {
    /// The whole URL, with the password that it may carry.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Why a text is no backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseBackendError {
    /// Known, but not in this version.
    #[error("`{0}` URLs are not available in this version; use http://")]
    Later(&'static str),
    /// Another scheme, or none.
    #[error("`{0}` is not a backend: expected http://HOST[:PORT]/PATH, demo or none")]
    Shape(String),
    /// `http://` with something behind it that is no URL.
    #[error("not a valid URL: {0}")]
    Invalid(String),
}

impl FromStr for BackendTarget {
    type Err = ParseBackendError;

    fn from_str(text: &str) -> Result<Self, ParseBackendError> {
        match text {
            "none" => Ok(Self::None),
            "demo" => Ok(Self::Demo),
            _ => parse_url(text).map(Self::Http),
        }
    }
}

fn parse_url(text: &str) -> Result<BackendUrl, ParseBackendError> {
    let has_scheme = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if has_scheme("https://") {
        return Err(ParseBackendError::Later("https://"));
    }
    if has_scheme("unix:") {
        return Err(ParseBackendError::Later("unix:"));
    }
    if !has_scheme("http://") {
        return Err(ParseBackendError::Shape(redact(text)));
    }
    let uri: http::Uri = text
        .parse()
        .map_err(|error| ParseBackendError::Invalid(format!("{error}")))?;
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(BackendUrl {
            text: text.to_owned(),
        }),
        Some(_) | None => Err(ParseBackendError::Invalid("it names no host".to_owned())),
    }
}

/// Replaces what stands between `scheme://user:` and `@` by three dots.
fn redact(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{scheme}://{name}:…@{host}{path}"),
            None => text.to_owned(),
        },
        None => text.to_owned(),
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

impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.text))
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for BackendTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
