//! Agreeing on compression (RFC 6455 §9.1; permessage-deflate, RFC 7692 §7.1).

use http::header::{self, HeaderMap, HeaderValue};

use super::is_token_byte;
use crate::ws::Window;

/// The compression that is agreed on. Neither side takes over context, whether or not the client has offered that
/// (RFC 7692 §7.1.1), and the client chooses its window for itself, since any can be read (§7.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The window of what is compressed for the client.
    pub window: Window,
    /// Whether the client has asked for this window, and so has to be told of it.
    is_asked_for: bool,
}

/// The first offer of a client that is good. Those with a parameter that is unknown, stands there twice or has a value
/// it cannot have are passed over (RFC 7692 §7.1); a header that is no list of extensions offers nothing.
///
/// One pass over the header, whatever is in it.
#[must_use]
pub fn compression(headers: &HeaderMap) -> Option<Compression> {
    let mut agreed = None;
    for line in headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS) {
        let mut scanner = Scanner(line.as_bytes());
        while !scanner.is_at_end() {
            // A list may have empty elements (RFC 9110 §5.6.1).
            if scanner.takes(b',') {
                continue;
            }
            let offered = offer(&mut scanner)?;
            if !scanner.is_at_end() && !scanner.takes(b',') {
                return None;
            }
            agreed = agreed.or(offered);
        }
    }
    agreed
}

impl Compression {
    /// What the answer's `Sec-WebSocket-Extensions` says.
    pub(super) fn to_value(self) -> HeaderValue {
        const AGREED: &str =
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        if !self.is_asked_for {
            return HeaderValue::from_static(AGREED);
        }
        let bits = self.window.bits();
        HeaderValue::from_str(&format!("{AGREED}; server_max_window_bits={bits}"))
            .unwrap_or_else(|_| unreachable!("it is visible ASCII"))
    }
}

/// Reads one extension with its parameters: `None` if that is none, `Some(None)` if it is not one to agree on.
fn offer(scanner: &mut Scanner<'_>) -> Option<Option<Compression>> {
    let mut offer = match scanner.token()? {
        b"permessage-deflate" => Some(Offer::default()),
        _ => None,
    };
    while scanner.takes(b';') {
        let name = scanner.token()?;
        let value = match scanner.takes(b'=') {
            true => Some(scanner.value()?),
            false => None,
        };
        offer = offer.and_then(|offer| offer.with(name, value));
    }
    Some(offer.map(|offer| Compression {
        window: offer.server_window.unwrap_or(Window::MAX),
        is_asked_for: offer.server_window.is_some(),
    }))
}

/// The parameters of one offer so far (RFC 7692 §7.1). Those without a say in the agreement are noted all the same, as
/// none may come twice.
#[derive(Default)]
struct Offer {
    server_window: Option<Window>,
    client_window: bool,
    server_forgets: bool,
    client_forgets: bool,
}

impl Offer {
    /// The offer with one more parameter, if that can be agreed to.
    fn with(mut self, name: &[u8], value: Option<Value<'_>>) -> Option<Offer> {
        let first = match (name, value) {
            (b"server_no_context_takeover", None) => {
                !std::mem::replace(&mut self.server_forgets, true)
            }
            (b"client_no_context_takeover", None) => {
                !std::mem::replace(&mut self.client_forgets, true)
            }
            // The client's own wish for a window of 8 bits is none of our business.
            (b"client_max_window_bits", value)
                if value.is_none_or(|value| matches!(value.number(), Some(8..=15))) =>
            {
                !std::mem::replace(&mut self.client_window, true)
            }
            (b"server_max_window_bits", Some(value)) => {
                let window = Window::new(value.number()?)?;
                self.server_window.replace(window).is_none()
            }
            _ => false,
        };
        first.then_some(self)
    }
}

/// The value of a parameter, which is a token (RFC 6455 §9.1).
#[derive(Clone, Copy)]
enum Value<'h> {
    Plain(&'h [u8]),
    /// What stands between quotes, with backslashes before any of its characters.
    Quoted(&'h [u8]),
}

impl<'h> Value<'h> {
    fn bytes(self) -> impl Iterator<Item = u8> + 'h {
        let (mut raw, is_quoted) = match self {
            Value::Plain(raw) => (raw, false),
            Value::Quoted(raw) => (raw, true),
        };
        std::iter::from_fn(move || {
            if is_quoted && raw.first() == Some(&b'\\') {
                raw = &raw[1..];
            }
            raw.split_off_first().copied()
        })
    }

    /// A number of one or two digits, without leading zeros (RFC 7692 §7.1.2).
    fn number(self) -> Option<u8> {
        let mut digits = self.bytes();
        let first = digits.next().filter(|digit| matches!(digit, b'1'..=b'9'))? - b'0';
        let number = match digits.next() {
            None => return Some(first),
            Some(second @ b'0'..=b'9') => 10 * first + (second - b'0'),
            Some(_) => return None,
        };
        digits.next().is_none().then_some(number)
    }
}

/// What is left of a header's line.
struct Scanner<'h>(&'h [u8]);

impl<'h> Scanner<'h> {
    /// Whether nothing is left but blanks.
    fn is_at_end(&mut self) -> bool {
        self.0 = self.0.trim_ascii_start();
        self.0.is_empty()
    }

    /// Takes a character, with blanks before it, if it is what comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.0 = self.0.trim_ascii_start();
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    fn token(&mut self) -> Option<&'h [u8]> {
        self.0 = self.0.trim_ascii_start();
        let is_end = |byte: &u8| !is_token_byte(*byte);
        let len = self.0.iter().position(is_end).unwrap_or(self.0.len());
        self.0.split_off(..len).filter(|token| !token.is_empty())
    }

    fn value(&mut self) -> Option<Value<'h>> {
        if !self.takes(b'"') {
            return self.token().map(Value::Plain);
        }
        let mut len = 0;
        while *self.0.get(len)? != b'"' {
            len += if self.0[len] == b'\\' { 2 } else { 1 };
        }
        let value = Value::Quoted(self.0.split_off(..len)?);
        self.0 = &self.0[1..];
        let mut bytes = value.bytes().peekable();
        (bytes.peek().is_some() && bytes.all(is_token_byte)).then_some(value)
    }
}

#[cfg(test)]
mod tests;
