//! Which web pages may connect, by the `Origin` that browsers send (RFC 6454).

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

/// One rule of `access.origins`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginRule {
    /// `"*"`: every page, also those without an origin of their own.
    Any,
    /// `"null"`: pages without an origin of their own, such as local files.
    Null,
    /// `"https://example.org"`: pages of this host, scheme and port.
    Host(Origin),
    /// `"https://*.example.org"`: pages of any host below the one held here.
    Subdomains(Origin),
}

impl OriginRule {
    /// Whether a page with this `Origin` header value may connect.
    #[must_use]
    pub fn matches(&self, header: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Null => header == "null",
            Self::Host(allowed) => Origin::parse(header).as_ref() == Some(allowed),
            Self::Subdomains(parent) => Origin::parse(header).is_some_and(|origin| {
                origin.scheme == parent.scheme
                    && origin.port == parent.port
                    && is_below(&origin.host, &parent.host)
            }),
        }
    }

    /// Whether `host` (a name or address without a port) is one that the rule
    /// names; `"*"` and `"null"` name none.
    #[must_use]
    pub fn names_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match self {
            Self::Any | Self::Null => false,
            Self::Host(origin) => host == origin.host,
            Self::Subdomains(parent) => is_below(&host, &parent.host),
        }
    }
}

/// Whether `host` is `<something>.<parent>`.
fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|label| !label.is_empty())
}

/// Scheme, host and port of a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// In lower case.
    scheme: String,
    /// In lower case; IPv6 addresses in their brackets.
    host: String,
    /// The scheme's own port is spelled out, so that equal origins are equal.
    port: Option<u16>,
}

impl Origin {
    /// Reads `scheme://host[:port]` and nothing more.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let name_end = match authority.strip_prefix('[') {
            Some(_) => authority.find(']')? + 1,
            None => authority.find(':').unwrap_or(authority.len()),
        };
        let (host, port) = authority.split_at(name_end);
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None if port.is_empty() => default_port(&scheme),
            None => return None,
        };
        let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        let is_host = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\*,\"<>".contains(&byte);
        let well_formed = !scheme.is_empty()
            && scheme.bytes().all(is_scheme)
            && !host.is_empty()
            && host.bytes().all(is_host);
        well_formed.then(|| Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Why a text is no origin rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseOriginError {
    /// An origin has no path, and browsers send none.
    #[error("`{0}` has a path; an origin ends with its host or port: {1}")]
    Path(String, String),
    /// A host alone.
    #[error("`{0}` has no scheme: write https://{0} or http://{0}")]
    NoScheme(String),
    /// None of the shapes.
    #[error(
        "`{0}` is not an origin: expected https://example.org, https://*.example.org, null or *"
    )]
    Shape(String),
}

impl FromStr for OriginRule {
    type Err = ParseOriginError;

    fn from_str(text: &str) -> Result<Self, ParseOriginError> {
        match text {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Null),
            _ => {}
        }
        let shape = || ParseOriginError::Shape(text.to_owned());
        let Some((scheme, rest)) = text.split_once("://") else {
            let is_name = text.contains('.') && Origin::parse(&format!("https://{text}")).is_some();
            return Err(if is_name {
                ParseOriginError::NoScheme(text.to_owned())
            } else {
                shape()
            });
        };
        if let Some((authority, _)) = rest.split_once('/') {
            let stem = format!("{scheme}://{authority}");
            return Err(ParseOriginError::Path(text.to_owned(), stem));
        }
        match rest.strip_prefix("*.") {
            Some(parent) => Origin::parse(&format!("{scheme}://{parent}")).map(Self::Subdomains),
            None => Origin::parse(text).map(Self::Host),
        }
        .ok_or_else(shape)
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Null => f.write_str("null"),
            Self::Host(origin) => write!(f, "{}://{}", origin.scheme, origin.authority()),
            Self::Subdomains(origin) => write!(f, "{}://*.{}", origin.scheme, origin.authority()),
        }
    }
}

impl Origin {
    /// Host and port; the port only where it is not the scheme's own.
    fn authority(&self) -> String {
        match self.port {
            Some(port) if self.port != default_port(&self.scheme) => {
                format!("{}:{port}", self.host)
            }
            Some(_) | None => self.host.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for OriginRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
