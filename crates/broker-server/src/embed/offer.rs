//! A handshake that an application's own server has read, over either version of HTTP.

use broker_transport::handshake::{self, Accept, Agreed, Compression, Refusal};
use http::{HeaderValue, Method, Request, Response, Version};

/// A good handshake, and what is agreed on so far.
#[derive(Debug)]
pub(super) enum Offer {
    /// An upgrade of HTTP/1.1.
    Http1(Accept),
    /// An extended CONNECT of HTTP/2.
    Http2(Agreed),
}

/// Whether a request asks for a WebSocket, rightly or wrongly: [`Handle::adopt`](crate::Handle::adopt) and
/// [`Acceptor::accept`](super::Acceptor::accept) find out, and say what is wrong.
#[must_use]
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    if is_http1(request) {
        !matches!(handshake::check(request, &[]), Ok(None))
    } else {
        request.method() == Method::CONNECT && protocol(request) == Some("websocket")
    }
}

impl Offer {
    /// Checks a request that should be a handshake.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of<B>(request: &Request<B>, subprotocols: &[String]) -> Result<Offer, Refusal> {
        let offer = if is_http1(request) {
            handshake::check(request, subprotocols)?.map(Offer::Http1)
        } else {
            handshake::check_extended_connect(request, protocol(request), subprotocols)?
                .map(Offer::Http2)
        };
        offer.ok_or(Refusal::NoUpgrade)
    }

    /// Agrees on compression, and on a subprotocol instead of the one so far, if there is one.
    pub(super) fn agree(
        &mut self,
        compression: Option<Compression>,
        subprotocol: Option<HeaderValue>,
    ) {
        let (our_compression, our_subprotocol) = match self {
            Offer::Http1(accept) => (&mut accept.compression, &mut accept.subprotocol),
            Offer::Http2(agreed) => (&mut agreed.compression, &mut agreed.subprotocol),
        };
        *our_compression = compression;
        *our_subprotocol = subprotocol.or(our_subprotocol.take());
    }

    /// The subprotocol that is agreed on so far.
    pub(super) fn subprotocol(&self) -> Option<&HeaderValue> {
        match self {
            Offer::Http1(accept) => accept.subprotocol.as_ref(),
            Offer::Http2(agreed) => agreed.subprotocol.as_ref(),
        }
    }

    /// The answer: 101, or 200 over HTTP/2.
    pub(super) fn into_response(self) -> Response<()> {
        match self {
            Offer::Http1(accept) => accept.into_response(),
            Offer::Http2(agreed) => agreed.into_response(),
        }
    }
}

fn is_http1<B>(request: &Request<B>) -> bool {
    request.version() <= Version::HTTP_11
}

#[cfg(feature = "http2")]
fn protocol<B>(request: &Request<B>) -> Option<&str> {
    use hyper::ext::Protocol;

    request.extensions().get::<Protocol>().map(Protocol::as_str)
}

/// Without HTTP/2, hyper serves no extended CONNECT.
#[cfg(not(feature = "http2"))]
fn protocol<B>(_request: &Request<B>) -> Option<&str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_a_websocket_in_whatever_way_does_so() {
        let request = |version, method: Method, headers: &[(&str, &str)]| {
            let mut builder = Request::builder().version(version).method(method).uri("/");
            for (name, value) in headers {
                builder = builder.header(*name, *value);
            }
            builder.body(()).unwrap()
        };
        let upgrade = ("upgrade", "websocket");
        let good = [
            ("host", "here"),
            upgrade,
            ("connection", "keep-alive, upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ];
        assert!(is_upgrade(&request(Version::HTTP_11, Method::GET, &good)));
        let asks = |version, method, headers: &[_]| is_upgrade(&request(version, method, headers));
        assert!(asks(Version::HTTP_11, Method::POST, &[upgrade]));
        assert!(asks(Version::HTTP_10, Method::GET, &[upgrade]));
        assert!(!asks(Version::HTTP_11, Method::GET, &[("upgrade", "h2c")]));
        assert!(!asks(Version::HTTP_11, Method::GET, &[]));
        assert!(!asks(Version::HTTP_2, Method::CONNECT, &[]));
        assert!(!asks(Version::HTTP_2, Method::GET, &good));

        if cfg!(not(feature = "http2")) {
            return;
        }
        let mut connect = request(Version::HTTP_2, Method::CONNECT, &good[3..4]);
        let websocket = hyper::ext::Protocol::from_static("websocket");
        connect.extensions_mut().insert(websocket);
        assert!(is_upgrade(&connect));
        let offer = Offer::of(&connect, &[]).unwrap();
        assert_eq!(offer.into_response().status(), 200);
    }
}
