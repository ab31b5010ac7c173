//! The opening handshake over HTTP/2: an extended CONNECT (RFC 8441 §5).

use http::header::{self, HeaderValue};
use http::{Method, Request, Response};

use super::{Compression, Refusal, has_body, only, subprotocol};

/// What the answer to a good extended CONNECT says. There is no key to prove that it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// `Sec-WebSocket-Protocol`: the subprotocol that is agreed on, if any.
    pub subprotocol: Option<HeaderValue>,
    /// `Sec-WebSocket-Extensions`: the compression that is agreed on, if any. The check agrees on none.
    pub compression: Option<Compression>,
}

/// Checks whether a request of HTTP/2 asks for a WebSocket, and does it well; `protocol` is its `:protocol`. `None`
/// means that it is an ordinary request.
///
/// `subprotocols` are those that are spoken, as for [`check`](super::check).
///
/// # Errors
/// It is a CONNECT to something else, or not as RFC 8441 §5 and RFC 6455 §4.2.1 want it.
pub fn check_extended_connect<B>(
    request: &Request<B>,
    protocol: Option<&str>,
    subprotocols: &[String],
) -> Result<Option<Agreed>, Refusal> {
    if request.method() != Method::CONNECT {
        return Ok(None);
    }
    match protocol {
        Some("websocket") => {}
        Some(_) => return Err(Refusal::OtherProtocol),
        None => return Err(Refusal::NoProtocol),
    }
    let headers = request.headers();
    if has_body(headers) {
        return Err(Refusal::Body);
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::OtherVersion);
    }
    Ok(Some(Agreed {
        subprotocol: subprotocol::choose(headers, subprotocols)?,
        compression: None,
    }))
}

impl Agreed {
    /// The answer: 200, after which the frames begin.
    #[must_use]
    pub fn into_response(self) -> Response<()> {
        let mut response = Response::new(());
        let headers = response.headers_mut();
        if let Some(subprotocol) = self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        }
        if let Some(compression) = self.compression {
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, compression.to_value());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::builder().method(method).uri("https://x/chat");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap()
    }

    const VERSION: (&str, &str) = ("sec-websocket-version", "13");

    #[test]
    fn an_extended_connect_is_answered_without_a_key() {
        let offers = [VERSION, ("sec-websocket-protocol", "other, chat")];
        let request = request(Method::CONNECT, &offers);
        let ours = ["chat".to_owned()];
        let agreed = check_extended_connect(&request, Some("websocket"), &ours);
        let response = agreed.unwrap().unwrap().into_response();
        assert_eq!(response.status(), 200);
        let headers: Vec<_> = response.headers().iter().collect();
        let chat = HeaderValue::from_static("chat");
        assert_eq!(headers, [(&header::SEC_WEBSOCKET_PROTOCOL, &chat)]);
    }

    #[test]
    fn whatever_is_no_connect_is_an_ordinary_request() {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let request = request(method, &[VERSION]);
            assert_eq!(check_extended_connect(&request, None, &[]), Ok(None));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (protocol, headers, refusal) in [
            (None, &[VERSION][..], Refusal::NoProtocol),
            (Some("connect-udp"), &[VERSION], Refusal::OtherProtocol),
            (Some("WebSocket"), &[VERSION], Refusal::OtherProtocol),
            (Some("websocket"), &[], Refusal::OtherVersion),
            (
                Some("websocket"),
                &[("sec-websocket-version", "8")],
                Refusal::OtherVersion,
            ),
            (
                Some("websocket"),
                &[VERSION, VERSION],
                Refusal::OtherVersion,
            ),
            (
                Some("websocket"),
                &[VERSION, ("content-length", "5")],
                Refusal::Body,
            ),
            (
                Some("websocket"),
                &[VERSION, ("sec-websocket-protocol", "a b")],
                Refusal::BadSubprotocol,
            ),
        ] {
            let request = request(Method::CONNECT, headers);
            let found = check_extended_connect(&request, protocol, &[]);
            assert_eq!(found, Err(refusal), "{protocol:?} {headers:?}");
        }
    }
}
