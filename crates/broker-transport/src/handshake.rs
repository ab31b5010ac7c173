//! The opening handshake: a pure check of a request of HTTP/1.1 (RFC 6455 §4.2) or HTTP/2 (RFC 8441 §5).
//!
//! **It reads a request and writes a response, and does neither on a socket.** [`check`] (for HTTP/2
//! [`check_extended_connect`]) tells three things apart: an
//! ordinary request, a handshake to [`Accept`], and one to refuse with a [`Refusal`] that says what is wrong with it.
//! Whether a page of its origin may connect at all is a question of configuration, and not asked here.
//!
//! Of extensions only [`compression`] is spoken. Whether it is to be agreed on is again a question of configuration.

mod extended_connect;
mod extension;
mod refusal;
mod subprotocol;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};

pub use self::extended_connect::{Agreed, check_extended_connect};
pub use self::extension::{Compression, compression};
pub use self::refusal::Refusal;
pub use self::subprotocol::offers_subprotocol;

/// What the answer to a good handshake says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// `Sec-WebSocket-Accept`: proof that the client's key was read (RFC 6455 §4.2.2).
    pub key: HeaderValue,
    /// `Sec-WebSocket-Protocol`: the subprotocol that is agreed on, if any.
    pub subprotocol: Option<HeaderValue>,
    /// `Sec-WebSocket-Extensions`: the compression that is agreed on, if any. [`check`] agrees on none.
    pub compression: Option<Compression>,
}

/// Checks whether a request is a WebSocket handshake, and a good one. `None` means that it is an ordinary request.
///
/// `subprotocols` are those that are spoken, the preferred one first; with none the first that is offered is taken.
///
/// # Errors
/// It asks for a WebSocket, but not as RFC 6455 §4.2.1 wants it.
pub fn check<B>(request: &Request<B>, subprotocols: &[String]) -> Result<Option<Accept>, Refusal> {
    let headers = request.headers();
    let names_websocket = lists(headers, &header::UPGRADE, "websocket");
    if !names_websocket
        && !headers.contains_key(header::SEC_WEBSOCKET_KEY)
        && !headers.contains_key(header::SEC_WEBSOCKET_VERSION)
    {
        return Ok(None);
    }

    if request.method() != Method::GET {
        return Err(Refusal::NotGet);
    }
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::NotHttp11);
    }
    if only(headers, &header::HOST).is_none() {
        return Err(Refusal::NotOneHost);
    }
    if !names_websocket {
        return Err(Refusal::NoUpgrade);
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(Refusal::NoConnectionUpgrade);
    }
    if has_body(headers) {
        return Err(Refusal::Body);
    }
    // The drafts of 2010 have neither this header nor a key that fits, so they are told the version first.
    if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::OtherVersion);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or(Refusal::NotOneKey)?;
    if !is_sixteen_bytes(key.as_bytes()) {
        return Err(Refusal::BadKey);
    }
    let subprotocol = subprotocol::choose(headers, subprotocols)?;
    Ok(Some(Accept {
        key: accept_key(key),
        subprotocol,
        compression: None,
    }))
}

impl Accept {
    /// The answer: 101 and the headers that go with it (RFC 6455 §4.2.2).
    #[must_use]
    pub fn into_response(self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.key);
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        if let Some(compression) = self.compression {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, compression.to_value());
        }
        response
    }
}

/// The elements of a header that is a comma-separated list, over all its lines, without blanks and empty elements
/// (RFC 9110 §5.6.1).
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

fn lists(headers: &HeaderMap, name: &HeaderName, element: &str) -> bool {
    list(headers, name).any(|listed| listed.eq_ignore_ascii_case(element.as_bytes()))
}

/// The value of a header that has exactly one line.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).into_iter();
    let line = lines.next()?;
    lines.next().is_none().then_some(line)
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a body is announced. Its bytes would be taken for frames after the 101.
fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers
            .get_all(header::CONTENT_LENGTH)
            .into_iter()
            .any(|len| len != "0")
}

/// Whether a key is the base64 of 16 bytes: 22 characters and the padding. The four bits that the last character has
/// to spare are not looked at, since clients that draw characters instead of bytes get them wrong (RFC 4648 §3.5).
fn is_sixteen_bytes(key: &[u8]) -> bool {
    let Some((characters, b"==")) = key.split_last_chunk() else {
        return false;
    };
    characters.len() == 22
        && characters
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

fn accept_key(key: &HeaderValue) -> HeaderValue {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    HeaderValue::from_str(&accept).unwrap_or_else(|_| unreachable!("base64 is visible ASCII"))
}

#[cfg(test)]
mod tests;
