//! Who may give commands, and whose word about an address is believed.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::file::{self, FileError};
use super::origin::OriginRule;

/// The doors for commands and the rules for web pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Access {
    /// Addresses that may POST commands to the public listener; none by
    /// default, so that this door is shut.
    pub allow: Vec<IpRule>,
    /// Web pages that may connect; empty means any, which only listeners on
    /// loopback may have.
    pub origins: Vec<OriginRule>,
    /// What `Authorization: Bearer` may carry.
    pub tokens: Vec<Token>,
    /// A file with more of them, one to a line.
    pub token_file: Option<PathBuf>,
    /// Proxies whose word about a client's address is believed, by
    /// `X-Forwarded-For`, `Forwarded` or the PROXY protocol.
    pub trusted_proxies: Vec<IpRule>,
}

impl Access {
    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|rule| rule.contains(ip))
    }

    /// The tokens of the configuration and those of its `token_file`, in which
    /// empty lines and lines that begin with `#` mean nothing.
    ///
    /// # Errors
    /// The file cannot be read, holds no token, or a line is no token.
    pub fn load_tokens(&self) -> Result<Vec<Token>, TokenFileError> {
        let mut tokens = self.tokens.clone();
        if let Some(path) = &self.token_file {
            tokens.extend(read_tokens(path)?);
        }
        Ok(tokens)
    }
}

const TOKEN_FILE: &str = "access.token_file";

fn read_tokens(path: &Path) -> Result<Vec<Token>, TokenFileError> {
    let bytes = file::read(TOKEN_FILE, path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut tokens = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let token = line
            .parse()
            .map_err(|error| TokenFileError::Line(path.to_owned(), index + 1, error))?;
        tokens.push(token);
    }
    if tokens.is_empty() {
        return Err(TokenFileError::Empty(path.to_owned()));
    }
    Ok(tokens)
}

/// Why a token file gave no tokens. Every kind names its key of the configuration first.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The line of this number is no token.
    #[error("`{TOKEN_FILE}`: {path}:{1}: {2}", path = .0.display())]
    Line(PathBuf, usize, #[source] ParseTokenError),
    /// There is no token in it, so that nobody could come in.
    #[error("`{TOKEN_FILE}`: {path} holds no token", path = .0.display())]
    Empty(PathBuf),
}

/// A secret that opens the doors for commands. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Visible ASCII, at least one character: what fits into a header as it is.
    text: String,
}

impl Token {
    /// The secret itself; compare it in constant time only.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Why a text is no token. The text is not repeated, since it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTokenError {
    /// There is nothing.
    #[error("a token is empty")]
    Empty,
    /// It could not be sent in a header as it is.
    #[error("a token holds a blank or a character that is not visible ASCII")]
    Character,
}

impl FromStr for Token {
    type Err = ParseTokenError;

    fn from_str(text: &str) -> Result<Self, ParseTokenError> {
        if text.is_empty() {
            Err(ParseTokenError::Empty)
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(ParseTokenError::Character)
        } else {
            Ok(Self {
                text: text.to_owned(),
            })
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// An address or a range of them: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.
///
/// An IPv4 address and its IPv4-mapped IPv6 form are the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpRule {
    /// Never a range of IPv4-mapped addresses.
    net: IpNet,
}

impl IpRule {
    /// Whether the rule holds for an address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.net.contains(&ip.to_canonical())
    }
}

/// Why a text is no address and no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIpRuleError {
    /// Neither of the shapes.
    #[error("`{0}` is not an IP address or range: expected 192.0.2.1, 10.0.0.0/8 or fd00::/8")]
    Shape(String),
    /// The address has bits beyond the prefix: most often a slip.
    #[error("`{0}` has address bits beyond its prefix; write {1}")]
    HostBits(String, IpNet),
}

impl FromStr for IpRule {
    type Err = ParseIpRuleError;

    fn from_str(text: &str) -> Result<Self, ParseIpRuleError> {
        let shape = || ParseIpRuleError::Shape(text.to_owned());
        if !text.contains('/') {
            let ip: IpAddr = text.parse().map_err(|_| shape())?;
            return Ok(Self {
                net: IpNet::from(ip.to_canonical()),
            });
        }
        let net = unmapped(text.parse().map_err(|_| shape())?);
        if net.trunc() != net {
            return Err(ParseIpRuleError::HostBits(text.to_owned(), net.trunc()));
        }
        Ok(Self { net })
    }
}

/// Turns a range within `::ffff:0:0/96` into the IPv4 range it stands for.
fn unmapped(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
        (ip @ IpAddr::V4(_), Some(prefix)) if net.addr().is_ipv6() => {
            IpNet::new(ip, prefix).unwrap_or(net)
        }
        _ => net,
    }
}

impl fmt::Display for IpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.net.prefix_len() == self.net.max_prefix_len() {
            self.net.addr().fmt(f)
        } else {
            self.net.fmt(f)
        }
    }
}

impl<'de> Deserialize<'de> for IpRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
