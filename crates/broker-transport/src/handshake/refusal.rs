//! Why a handshake is refused.

use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use thiserror::Error;

/// What is wrong with a handshake. The message is the one-line reason for the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// RFC 6455 §4.1.
    #[error("a WebSocket handshake is a GET request")]
    NotGet,
    /// RFC 6455 §4.1.
    #[error("a WebSocket handshake needs HTTP/1.1")]
    NotHttp11,
    /// RFC 9112 §3.2.
    #[error("there must be one Host header")]
    NotOneHost,
    /// RFC 6455 §4.2.1, item 3.
    #[error("the Upgrade header does not name websocket")]
    NoUpgrade,
    /// RFC 6455 §4.2.1, item 4.
    #[error("the Connection header does not name upgrade")]
    NoConnectionUpgrade,
    /// A body after which the frames would begin.
    #[error("a WebSocket handshake has no body")]
    Body,
    /// RFC 6455 §4.2.1, item 6; §4.4.
    #[error("only WebSocket version 13 is spoken here")]
    OtherVersion,
    /// RFC 6455 §4.2.1, item 5.
    #[error("there must be one Sec-WebSocket-Key header")]
    NotOneKey,
    /// RFC 6455 §4.2.1, item 5.
    #[error("the Sec-WebSocket-Key is not the base64 of 16 bytes")]
    BadKey,
    /// RFC 6455 §4.1, item 10.
    #[error("the Sec-WebSocket-Protocol header is not a list of tokens")]
    BadSubprotocol,
    /// RFC 8441 §4: a CONNECT that wants a proxy.
    #[error("this is no proxy: a CONNECT needs :protocol websocket")]
    NoProtocol,
    /// RFC 8441 §4, RFC 9220 §3: a protocol that is not spoken.
    #[error("the only :protocol spoken here is websocket")]
    OtherProtocol,
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Refusal::NotGet | Refusal::NoProtocol => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::OtherProtocol => StatusCode::NOT_IMPLEMENTED,
            Refusal::NoUpgrade | Refusal::OtherVersion => StatusCode::UPGRADE_REQUIRED,
            Refusal::NotHttp11
            | Refusal::NotOneHost
            | Refusal::NoConnectionUpgrade
            | Refusal::Body
            | Refusal::NotOneKey
            | Refusal::BadKey
            | Refusal::BadSubprotocol => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers that the answer has because of its status (RFC 9110 §15.5.6, §15.5.22; RFC 6455 §4.4).
    pub fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        static ALLOW: [(HeaderName, HeaderValue); 1] =
            [(header::ALLOW, HeaderValue::from_static("GET"))];
        static UPGRADE: [(HeaderName, HeaderValue); 3] = [
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static("13"),
            ),
        ];
        let headers: &[_] = match self.status() {
            StatusCode::METHOD_NOT_ALLOWED => &ALLOW,
            StatusCode::UPGRADE_REQUIRED => &UPGRADE,
            _ => &[],
        };
        headers.iter().cloned()
    }
}
