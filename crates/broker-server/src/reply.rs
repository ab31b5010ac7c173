//! HTTP answers of the broker's own.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// An answer: its body is short and known.
pub(crate) type Reply = Response<Full<Bytes>>;

pub(crate) fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    reply
}

/// A line of text.
pub(crate) fn text(status: StatusCode, line: impl Into<String>) -> Reply {
    reply(
        status,
        "text/plain; charset=utf-8",
        format!("{}\n", line.into()),
    )
}

pub(crate) fn json(status: StatusCode, body: Vec<u8>) -> Reply {
    reply(status, "application/json", body)
}

/// A problem in the form of RFC 9457.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Reply {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
    reply(status, "application/problem+json", body.to_string())
}

/// Adds a header to an answer.
pub(crate) fn with(reply: Reply, name: header::HeaderName, value: &'static str) -> Reply {
    with_value(reply, name, HeaderValue::from_static(value))
}

/// Adds a header to an answer, in the place of one of that name.
pub(crate) fn with_value(
    mut reply: Reply,
    name: header::HeaderName,
    value: impl Into<HeaderValue>,
) -> Reply {
    reply.headers_mut().insert(name, value.into());
    reply
}
