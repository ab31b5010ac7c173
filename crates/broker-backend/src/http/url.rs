//! Where an application listens, read from one line of configuration.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use tokio_rustls::rustls::pki_types::ServerName;

/// The address of an application: `http://[user[:password]@]host[:port][/path][?query]`, the same with
/// `https://`, or `unix:PATH[:/url]`.
///
/// `Display` and `Debug` never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    /// Absolute, without user and password; what stands for the host of a Unix socket is `localhost`.
    uri: Uri,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    /// Whom the certificate has to be for, where TLS is spoken.
    server_name: Option<ServerName<'static>>,
    socket: Option<PathBuf>,
    /// What may be shown of the text it was read from.
    shown: Box<str>,
}

/// A text is not the address of an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// No scheme, or one that is not ours.
    #[error("a backend's URL begins with http://, https:// or unix:")]
    Scheme,
    /// `http://` or `https://` without a host.
    #[error("the backend's URL names no host")]
    NoHost,
    /// A port that is no number from 1 to 65535.
    #[error("`{0}` is no port")]
    Port(Box<str>),
    /// `unix:` without a path.
    #[error(
        "unix: is followed by the path of a socket and, after a colon, a URL path: unix:/run/app.sock:/events"
    )]
    NoSocket,
    /// A part that holds letters it cannot hold.
    #[error("the {part} of the backend's URL cannot be read: {what}")]
    Invalid {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        what: Box<str>,
    },
}

impl HttpUrl {
    /// The target of a request.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The value of the header `Host`.
    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The value of the header `Authorization`, if the URL named a user.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Whom the application's certificate has to be for, if the URL is `https://`.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }

    /// The Unix socket to connect to, if it is not TCP.
    pub(super) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<HttpUrl, UrlError> {
        if let Some(rest) = after_scheme(text, "unix:") {
            return unix(rest);
        }
        if let Some(rest) = after_scheme(text, "https://") {
            return tcp(Scheme::HTTPS, rest);
        }
        tcp(
            Scheme::HTTP,
            after_scheme(text, "http://").ok_or(UrlError::Scheme)?,
        )
    }
}

fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn tcp(scheme: Scheme, rest: &str) -> Result<HttpUrl, UrlError> {
    let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let authority: Authority = match host {
        "" => return Err(UrlError::NoHost),
        host => host.parse().map_err(|error| invalid("host", error))?,
    };
    if authority.host().is_empty() {
        return Err(UrlError::NoHost);
    }
    let port = authority.as_str()[authority.host().len()..].strip_prefix(':');
    if let Some(port) = port
        && !port.parse().is_ok_and(|number: u16| number > 0)
    {
        return Err(UrlError::Port(port.into()));
    }
    // RFC 9110 §7.2: the port is left out where it is the scheme's own.
    let default_port = if scheme == Scheme::HTTPS { "443" } else { "80" };
    let host = if port == Some(default_port) {
        authority.host()
    } else {
        authority.as_str()
    };
    let shown_user = match user.map(|user| user.split_once(':')) {
        None => String::new(),
        Some(None) => format!("{}@", user.unwrap_or_default()),
        Some(Some((name, _))) => format!("{name}:…@"),
    };
    let server_name = match scheme == Scheme::HTTPS {
        true => Some(server_name(&authority)?),
        false => None,
    };
    let target = target_of(target)?;
    Ok(HttpUrl {
        host: header("host", host)?,
        authorization: user.map(basic).transpose()?,
        server_name,
        socket: None,
        shown: format!("{scheme}://{shown_user}{authority}{target}").into(),
        uri: absolute(scheme, authority, target)?,
    })
}

/// A name or an address, as certificates have them (RFC 9110 §4.3.4): an IPv6 address is there without its brackets.
fn server_name(authority: &Authority) -> Result<ServerName<'static>, UrlError> {
    let host = authority.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let name = bare.unwrap_or(host).to_owned();
    ServerName::try_from(name).map_err(|error| invalid("host", error))
}

fn unix(rest: &str) -> Result<HttpUrl, UrlError> {
    let (socket, target) = match rest.find(":/") {
        Some(colon) => (&rest[..colon], &rest[colon + 1..]),
        None => (rest, ""),
    };
    if socket.is_empty() {
        return Err(UrlError::NoSocket);
    }
    let target = target_of(target)?;
    Ok(HttpUrl {
        host: HeaderValue::from_static("localhost"),
        authorization: None,
        server_name: None,
        socket: Some(socket.into()),
        shown: format!("unix:{socket}:{target}").into(),
        uri: absolute(Scheme::HTTP, Authority::from_static("localhost"), target)?,
    })
}

/// Path and query; a fragment is the reader's own and never sent.
fn target_of(text: &str) -> Result<PathAndQuery, UrlError> {
    let text = text.split('#').next().unwrap_or_default();
    let text = if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{text}")
    };
    text.parse().map_err(|error| invalid("path", error))
}

fn absolute(scheme: Scheme, authority: Authority, target: PathAndQuery) -> Result<Uri, UrlError> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|error| invalid("host or path", error))
}

/// RFC 7617 §2: `user:password` in base64. Both may be percent-encoded in the URL.
fn basic(user: &str) -> Result<HeaderValue, UrlError> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut pair = percent_decoded(name);
    pair.push(b':');
    pair.extend(percent_decoded(password));
    let mut value = header("user", &format!("Basic {}", BASE64.encode(pair)))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A `%` that is not followed by two hexadecimal digits stands for itself.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |place: usize| char::from(*after.get(place)?).to_digit(16);
        if first == b'%'
            && let (Some(high), Some(low)) = (digit(0), digit(1))
        {
            out.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            out.push(first);
            rest = after;
        }
    }
    out
}

fn header(part: &'static str, text: &str) -> Result<HeaderValue, UrlError> {
    HeaderValue::from_str(text).map_err(|error| invalid(part, error))
}

fn invalid(part: &'static str, error: impl fmt::Display) -> UrlError {
    UrlError::Invalid {
        part,
        what: error.to_string().into(),
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

#[cfg(test)]
mod tests;
