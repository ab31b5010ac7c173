//! What a client's HTTP request says in its query, and how the protocol refuses one.

use super::{Revision, Transport};
use crate::socketio::Settings;

/// A request of a client's, by its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The protocol that the client speaks.
    pub revision: Revision,
    /// The transport that it asks for.
    pub transport: Transport,
    /// The session that it belongs to; none for one that is to begin.
    pub sid: Option<String>,
    /// Whether the client takes binary bodies; protocol 3 asks by `b64`.
    pub takes_binary: bool,
    /// The callback of JSONP, by which clients of protocol 3 poll where a browser lets them do nothing else.
    pub is_jsonp: bool,
}

/// Why a request is refused, as clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such transport.
    #[error("Transport unknown")]
    UnknownTransport,
    /// There is no such session.
    #[error("Session ID unknown")]
    UnknownSession,
    /// A session begins with GET.
    #[error("Bad handshake method")]
    BadMethod,
    /// It does not fit its session.
    #[error("Bad request")]
    BadRequest,
    /// The session is refused: by whom comes from, or for want of room.
    #[error("Forbidden")]
    Forbidden,
    /// The protocol is unknown or switched off.
    #[error("Unsupported protocol version")]
    UnsupportedRevision,
}

impl RequestError {
    /// The number that goes with it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            RequestError::UnknownTransport => 0,
            RequestError::UnknownSession => 1,
            RequestError::BadMethod => 2,
            RequestError::BadRequest => 3,
            RequestError::Forbidden => 4,
            RequestError::UnsupportedRevision => 5,
        }
    }

    /// What a client is told, as JSON.
    #[must_use]
    pub fn to_json(self) -> String {
        format!(r#"{{"code":{},"message":"{self}"}}"#, self.code())
    }
}

impl Request {
    /// Reads a query, without its question mark.
    ///
    /// # Errors
    /// When it asks for what there is not.
    pub fn read(text: &str, settings: &Settings) -> Result<Request, RequestError> {
        // Of a parameter that stands twice, the last.
        let value = |name: &str| {
            let pairs = form_urlencoded::parse(text.as_bytes());
            pairs.filter(|(known, _)| known == name).last()
        };
        let value = |name: &str| value(name).map(|(_, value)| value);
        let transport = match value("transport").as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(RequestError::UnknownTransport),
        };
        let revision = Revision::of_query(value("EIO").as_deref(), settings.allow_eio3);
        let revision = revision.ok_or(RequestError::UnsupportedRevision)?;
        Ok(Request {
            revision,
            transport,
            sid: value("sid").map(|sid| sid.into_owned()),
            takes_binary: value("b64").is_none(),
            is_jsonp: value("j").is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, allow_eio3: bool, expected: Result<(Revision, Transport), u8>) {
        let settings = Settings {
            allow_eio3,
            ..Settings::default()
        };
        let read = Request::read(query, &settings);
        let read = read.map(|request| (request.revision, request.transport));
        assert_eq!(read.map_err(RequestError::code), expected, "{query}");
    }

    #[test]
    fn a_query_says_what_is_asked_for() {
        check(
            "EIO=4&transport=polling&t=abc",
            false,
            Ok((Revision::Four, Transport::Polling)),
        );
        check(
            "transport=websocket&EIO=4",
            false,
            Ok((Revision::Four, Transport::WebSocket)),
        );
        check(
            "EIO=3&transport=polling",
            true,
            Ok((Revision::Three, Transport::Polling)),
        );
        check("EIO=3&transport=polling", false, Err(5));
        check("EIO=4&transport=tube", false, Err(0));
        check("EIO=4", false, Err(0));
        check("", true, Err(0));
        check("EIO=5&transport=websocket", false, Err(5));
    }

    #[test]
    fn a_query_may_name_a_session() {
        let query = "EIO=3&transport=polling&b64=1&sid=a%2Bb&j=0";
        let settings = Settings {
            allow_eio3: true,
            ..Settings::default()
        };
        let request = Request::read(query, &settings).unwrap();
        assert_eq!(request.sid.as_deref(), Some("a+b"));
        assert!(!request.takes_binary && request.is_jsonp);
    }

    #[test]
    fn a_refusal_is_told_as_json() {
        let told = RequestError::UnknownSession.to_json();
        assert_eq!(told, r#"{"code":1,"message":"Session ID unknown"}"#);
    }
}
