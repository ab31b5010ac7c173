//! Which headers of a client's handshake an application may be given: none that it could take for the broker's word, or
//! a proxy's.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use serde::de::{self, Deserialize, Deserializer};

/// What begins the names of headers that speak for the broker, for who signed, or for a proxy.
const RESERVED_STARTS: [&str; 3] = ["wsbroker-", "webhook-", "x-forwarded-"];
/// Other headers by which proxies say who a client is. The broker reads those of trusted proxies, and tells the `ip`.
const RESERVED: [&str; 8] = [
    "forwarded",
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];

/// The name of a header, in lower case, that clients may have passed on to the application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PassedHeader(Box<str>);

/// Why no header of that name is passed on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassedHeaderError {
    /// It is no token (RFC 9110 §5.1).
    #[error("`{0}` is not the name of a header")]
    NotAName(Box<str>),
    /// A client could forge with it what the application trusts.
    #[error(
        "`{0}` is never passed on from a client, who could forge with it what only the broker or a proxy may say"
    )]
    Reserved(Box<str>),
}

impl PassedHeader {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PassedHeader {
    type Err = PassedHeaderError;

    fn from_str(text: &str) -> Result<PassedHeader, PassedHeaderError> {
        let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
            return Err(PassedHeaderError::NotAName(text.into()));
        };
        // CGI, and what grew out of it, makes one variable of both.
        let spelled = name.as_str().replace('_', "-");
        let is_reserved = RESERVED.contains(&&*spelled)
            || RESERVED_STARTS
                .iter()
                .any(|start| spelled.starts_with(start));
        match is_reserved {
            true => Err(PassedHeaderError::Reserved(text.into())),
            false => Ok(PassedHeader(name.as_str().into())),
        }
    }
}

impl fmt::Display for PassedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PassedHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PassedHeader, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers_are_taken_in_lower_case() {
        for (text, name) in [
            ("cookie", "cookie"),
            ("User-Agent", "user-agent"),
            ("X_Tenant", "x_tenant"),
            ("x-forwarding", "x-forwarding"),
            ("webhook", "webhook"),
        ] {
            let header: PassedHeader = text.parse().unwrap();
            assert_eq!(header.as_str(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", " cookie", "coo kie", "cookie:", "cöökie", "a\r\nb"] {
            let error = text.parse::<PassedHeader>().unwrap_err();
            assert_eq!(error, PassedHeaderError::NotAName(text.into()));
        }
    }

    #[test]
    fn what_a_client_could_forge_is_refused_however_it_is_spelled() {
        for text in [
            "wsbroker-event",
            "Wsbroker-Connection",
            "wsbroker_path",
            "webhook-id",
            "WEBHOOK_SIGNATURE",
            "Forwarded",
            "X-Forwarded-For",
            "x_forwarded-proto",
            "x-forwarded-anything",
            "X-Real-IP",
            "x_real_ip",
            "true-client-ip",
            "CF-Connecting-IP",
        ] {
            let error = text.parse::<PassedHeader>().unwrap_err();
            assert_eq!(error, PassedHeaderError::Reserved(text.into()));
        }
    }
}
