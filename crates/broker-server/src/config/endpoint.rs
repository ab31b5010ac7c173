//! Which path speaks which dialect.

use std::fmt;
use std::str::FromStr;

use broker_dialect::{BinaryMessages, DialectKind};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::words::{self, ParseWordError};

/// A path of the public listener and what is spoken there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a table with `path` and `dialect`"
)]
#[non_exhaustive]
pub struct Endpoint {
    /// The request paths this endpoint answers.
    pub path: EndpointPath,
    /// The wire protocol towards clients.
    #[serde(deserialize_with = "read_dialect")]
    pub dialect: DialectKind,
    /// What becomes of binary messages.
    #[serde(deserialize_with = "read_binary")]
    pub binary: BinaryMessages,
    /// Whether the backend is told of what clients say to each other
    /// (`wsmsgbroker`).
    pub relay_events: bool,
    /// Whether clients of Engine.IO 3 are served, which are those of
    /// Socket.IO 1.x and 2.x (`socketio`).
    pub allow_eio3: bool,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            path: EndpointPath::Any,
            dialect: DialectKind::Wsbroker,
            binary: BinaryMessages::Event,
            relay_events: false,
            allow_eio3: false,
        }
    }
}

impl Endpoint {
    /// The place of the endpoint that answers a request for `path` (without
    /// its query): the most specific one, that is an exact path before the
    /// longest prefix before `*`.
    #[must_use]
    pub fn route(endpoints: &[Self], path: &str) -> Option<usize> {
        let fitting = (0..endpoints.len()).filter(|place| endpoints[*place].path.matches(path));
        fitting.max_by_key(|place| endpoints[*place].path.specificity())
    }
}

fn read_dialect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DialectKind, D::Error> {
    words::read(deserializer, words::dialect)
}

fn read_binary<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BinaryMessages, D::Error> {
    words::read(deserializer, words::binary)
}

/// `PATH=DIALECT`, the short form of the command line.
impl FromStr for Endpoint {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        let (path, dialect) = text
            .rsplit_once('=')
            .ok_or_else(|| ParseEndpointError::Shape(text.to_owned()))?;
        Ok(Self {
            path: path.parse()?,
            dialect: words::dialect(dialect)?,
            ..Self::default()
        })
    }
}

/// The request paths that an endpoint answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EndpointPath {
    /// `"*"`: every path.
    Any,
    /// `"/chat/*"`: what begins with the text held here, here `/chat/`.
    Prefix(String),
    /// `"/chat"`: this path alone, compared byte for byte.
    Exact(String),
}

impl EndpointPath {
    /// Whether a request for `path` (without its query) is answered here.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Exact(exact) => path == exact,
        }
    }

    /// Orders overlapping paths: the greater one wins.
    fn specificity(&self) -> (u8, usize) {
        match self {
            Self::Any => (0, 0),
            Self::Prefix(prefix) => (1, prefix.len()),
            Self::Exact(_) => (2, 0),
        }
    }
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseEndpointError {
    /// The short form without its `=`.
    #[error("`{0}` is not PATH=DIALECT, such as /chat=wsbroker")]
    Shape(String),
    /// There is nothing.
    #[error("an endpoint needs a path; \"*\" is every path")]
    Empty,
    /// A `*` that is neither alone nor the last part.
    #[error("`{0}`: a `*` stands alone or at the end, as in \"/chat/*\"")]
    Star(String),
    /// A character that no request path has, so that it would never match.
    #[error("`{0}`: the character {1:?} is never part of a request's path; write it %-encoded")]
    Character(String, char),
    /// The dialect is none.
    #[error(transparent)]
    Dialect(#[from] ParseWordError),
}

impl FromStr for EndpointPath {
    type Err = ParseEndpointError;

    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        if text.is_empty() {
            return Err(ParseEndpointError::Empty);
        }
        if matches!(text, "*" | "/*") {
            return Ok(Self::Any);
        }
        let unusable =
            |character: &char| !character.is_ascii_graphic() || "?#".contains(*character);
        if let Some(character) = text.chars().find(unusable) {
            return Err(ParseEndpointError::Character(text.to_owned(), character));
        }
        let slash = if text.starts_with('/') { "" } else { "/" };
        let (stem, is_prefix) = match text.strip_suffix("/*") {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        if stem.contains('*') {
            return Err(ParseEndpointError::Star(text.to_owned()));
        }
        Ok(if is_prefix {
            Self::Prefix(format!("{slash}{stem}/"))
        } else {
            Self::Exact(format!("{slash}{stem}"))
        })
    }
}

impl fmt::Display for EndpointPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Exact(exact) => f.write_str(exact),
        }
    }
}

impl<'de> Deserialize<'de> for EndpointPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
