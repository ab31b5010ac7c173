//! HTTP/1.1 to the letter, where hyper is lenient or leaves the choice to its user.
//!
//! hyper refuses by itself what it cannot parse. What is left is refused here, before anything looks at a request: by
//! [`answered`], what its head says wrong; by [`HttpStream`], a head with two ways of finding its end. Whoever is
//! refused is answered and then shut out, since a client that is wrong about one request may be wrong about where the
//! next one begins.
//!
//! **Nothing here is about WebSockets or commands**: both ports, and every request, are held to the same.

mod heads;
mod stream;

use std::net::Ipv6Addr;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Version};
use thiserror::Error;

pub(crate) use self::stream::HttpStream;
use crate::counters::{Counters, Refused, Rejected};
use crate::reply::{self, Reply};

/// How long a request's path and query may be, in bytes.
const TARGET_BYTES_MAX: usize = 8 * 1024;

/// What is wrong with a request. The message is the one-line reason for the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum Fault {
    /// RFC 9112 §3.2.
    #[error("there must be one Host header")]
    NotOneHost,
    /// RFC 9112 §3.2, RFC 3986 §3.2.2.
    #[error("the Host header is not a host with a port or none")]
    BadHost,
    /// RFC 9112 §3.2.
    #[error("the target of the request is not a path")]
    BadTarget,
    /// RFC 9110 §15.5.15.
    #[error("the path is longer than 8 KiB")]
    LongTarget,
    /// RFC 9112 §6.3, §7.
    #[error("the body must be chunked once")]
    BadCoding,
    /// RFC 9112 §6.1.
    #[error("no transfer coding but chunked is spoken here")]
    OtherCoding,
}

/// The answer to a request: a refusal, or what `answer` makes of it.
pub(crate) async fn answered<B, A: Future<Output = Reply>>(
    counters: &Counters,
    request: Request<B>,
    answer: impl FnOnce(Request<B>) -> A,
) -> Reply {
    // HTTP/2 has its own framing, and ends its streams by itself.
    let is_http1 = request.version() < Version::HTTP_2;
    // After chunks `HttpStream` can't tell where the next head begins.
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let (reply, is_last) = match refusal(counters, &request) {
        None => (answer(request).await, is_chunked),
        Some(refusal) => (refusal, true),
    };
    match is_last && is_http1 {
        true => reply::with(reply, header::CONNECTION, "close"),
        false => reply,
    }
}

/// The reply to a request that is wrong.
pub(crate) fn refusal<B>(counters: &Counters, request: &Request<B>) -> Option<Reply> {
    let fault = check(request).err()?;
    let status = fault.status();
    counters.count_refused(fault.counted());
    tracing::debug!(
        event = "refused",
        status = status.as_u16(),
        "request: {fault}"
    );
    Some(reply::text(status, fault.to_string()))
}

/// Counts what hyper has refused by itself, where a connection has ended with an error.
pub(crate) fn count_ended(counters: &Counters, error: &hyper::Error) {
    if error.is_timeout() {
        counters.count_rejected(Rejected::HandshakeTimeout);
    } else if error.is_parse_too_large() {
        counters.count_refused(Refused::HeadTooLarge);
    } else if error.is_parse() {
        counters.count_refused(Refused::BadRequest);
    }
}

fn check<B>(request: &Request<B>) -> Result<(), Fault> {
    check_target(request)?;
    check_host(request)?;
    check_coding(request.headers())
}

/// A path, or an address with one, which proxies are sent (RFC 9112 §3.2.2). The other two forms are for the methods
/// that they are made for, which get an answer of their own.
fn check_target<B>(request: &Request<B>) -> Result<(), Fault> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("", |path| path.as_str());
    if target.len() > TARGET_BYTES_MAX {
        return Err(Fault::LongTarget);
    }
    let is_other_form = match *request.method() {
        Method::CONNECT => true,
        Method::OPTIONS => target == "*",
        _ => false,
    };
    match is_other_form || (target.starts_with('/') && target.is_ascii()) {
        true => Ok(()),
        false => Err(Fault::BadTarget),
    }
}

/// One `Host`, which older versions need not have and HTTP/2 has elsewhere.
fn check_host<B>(request: &Request<B>) -> Result<(), Fault> {
    let mut hosts = request.headers().get_all(header::HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host) => Ok(()),
        (Some(_), None) => Err(Fault::BadHost),
        (None, _) if request.version() != Version::HTTP_11 => Ok(()),
        (None, _) | (Some(_), Some(_)) => Err(Fault::NotOneHost),
    }
}

/// `uri-host [ ":" port ]` of RFC 9110 §7.2, without the comma that RFC 3986 allows in a name: it is what several
/// hosts in one line look like.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(value) = value.to_str() else {
        return false;
    };
    let (is_good_name, port) = match value.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (name, port) = value.split_at(value.find(':').unwrap_or(value.len()));
            (!name.is_empty() && name.bytes().all(is_in_name), port)
        }
    };
    is_good_name && is_port(port)
}

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

/// A colon and a number, which may be missing; or nothing.
fn is_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits.is_empty() || digits.parse::<u16>().is_ok())
        }
        None => port.is_empty(),
    }
}

/// `chunked` alone. hyper sees to it that it is the last coding, and takes off no other.
fn check_coding(headers: &HeaderMap) -> Result<(), Fault> {
    let lines = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let (mut chunked, mut others) = (0, 0);
    for coding in codings.map(<[u8]>::trim_ascii) {
        match coding.eq_ignore_ascii_case(b"chunked") {
            true => chunked += 1,
            false => others += 1,
        }
    }
    match (chunked, others) {
        (0 | 1, 0) => Ok(()),
        (0 | 1, _) => Err(Fault::OtherCoding),
        _ => Err(Fault::BadCoding),
    }
}

impl Fault {
    fn status(self) -> StatusCode {
        match self {
            Fault::NotOneHost | Fault::BadHost | Fault::BadTarget | Fault::BadCoding => {
                StatusCode::BAD_REQUEST
            }
            Fault::LongTarget => StatusCode::URI_TOO_LONG,
            Fault::OtherCoding => StatusCode::NOT_IMPLEMENTED,
        }
    }

    fn counted(self) -> Refused {
        match self {
            Fault::LongTarget => Refused::UriTooLong,
            Fault::NotOneHost
            | Fault::BadHost
            | Fault::BadTarget
            | Fault::BadCoding
            | Fault::OtherCoding => Refused::BadRequest,
        }
    }
}
