//! One request on a stream of HTTP/2, and its answer: a WebSocket, or a reply.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use broker_core::SessionId;
use broker_dialect::socketio::engine::RequestError;
use broker_transport::handshake::{self, Agreed};
use broker_transport::http2::{self, Presence, RequestBody};
use broker_transport::{Reader, Writer};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::Client;
use crate::config::TimeSpan;
use crate::door::read_body;
use crate::load::Seat;
use crate::polling::{self, Takeover};
use crate::public::{self, MAX_HEADERS};
use crate::reply::{self, Reply};
use crate::shard::{Admission, Invitation, NotAdmitted, Shard};
use crate::strict;

/// Answers a request; the stream counts as live meanwhile.
pub(super) async fn run(
    client: Rc<Client>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    presence: Presence,
) {
    let is_head = request.method() == Method::HEAD;
    let Some((reply, _presence)) = answer(&client, request, &mut respond, presence).await else {
        return;
    };
    let patience = client.shard.settings.write_timeout;
    if let Err(error) = send(respond, reply, is_head, patience).await {
        tracing::debug!(event = "trouble", "an answer was not taken: {error}");
    }
}

/// The reply to a request; none where its stream carries a WebSocket from now on.
async fn answer(
    client: &Client,
    mut request: Request<RecvStream>,
    respond: &mut SendResponse<Bytes>,
    presence: Presence,
) -> Option<(Reply, Presence)> {
    if let Err((status, reason)) = check_head(&mut request) {
        return Some((reply::text(status, reason), presence));
    }
    if let Some(refusal) = strict::refusal(&client.shard.settings.counters, &request) {
        return Some((refusal, presence));
    }
    let shard = &client.shard;
    let protocol = request.extensions().get::<h2::ext::Protocol>();
    let protocol = protocol.map(h2::ext::Protocol::as_str);
    let subprotocols = &shard.settings.subprotocols;
    let reply = match handshake::check_extended_connect(&request, protocol, subprotocols) {
        Ok(None) => {
            let length = length(&request);
            let request = request.map(|stream| RequestBody::new(stream, length));
            if polling::is_poll(&shard.settings, &request) {
                let beside = || client.peer.beside().map_err(NotAdmitted::Full);
                let (parts, body) = request.into_parts();
                let body = read_body(body, &shard.settings);
                let answered = polling::answer(shard, beside, parts, body);
                let reply = until_reset(respond, &presence, answered).await?;
                return Some((reply, presence));
            }
            public::Door::of(shard)
                .ordinary(client.peer.caller, request)
                .await
        }
        Ok(Some(agreed)) => {
            let (parts, received) = request.into_parts();
            match polling::taken_over(shard, &parts).await {
                Ok(Some(sid)) if sid.shard() == shard.number() => {
                    take_over(shard, sid, agreed, &parts, received, respond, presence);
                    return None;
                }
                // Its stream cannot leave the others of its connection.
                Ok(Some(_)) => {
                    let refusal = polling::refuse(shard, RequestError::BadRequest);
                    return Some((refusal, presence));
                }
                Ok(None) => {}
                Err(refusal) => return Some((refusal, presence)),
            }
            match until_reset(respond, &presence, admit(client, &parts)).await? {
                Ok(admitted) => {
                    open(
                        shard,
                        &parts.headers,
                        admitted,
                        agreed,
                        received,
                        respond,
                        presence,
                    );
                    return None;
                }
                Err(refusal) => refusal,
            }
        }
        Err(refusal) => public::refused(&shard.settings.counters, refusal),
    };
    Some((reply, presence))
}

/// What comes of something that may take long; none once its client has reset the stream or has gone.
async fn until_reset<T>(
    respond: &mut SendResponse<Bytes>,
    presence: &Presence,
    awaited: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        outcome = awaited => Some(outcome),
        reset = poll_fn(|cx| respond.poll_reset(cx)) => {
            if reset.is_ok() {
                presence.note_reset();
            }
            None
        }
    }
}

/// What HTTP/1 has seen to before a request is looked at.
fn check_head(request: &mut Request<RecvStream>) -> Result<(), (StatusCode, &'static str)> {
    if request.headers().len() > MAX_HEADERS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err((status, "there are more than 64 headers"));
    }
    name_host(request).ok_or((
        StatusCode::BAD_REQUEST,
        "it is not clear which host is meant",
    ))
}

/// Puts the host where HTTP/1 has it. The two places may not contradict each other (RFC 9113 §8.3.1).
fn name_host(request: &mut Request<RecvStream>) -> Option<()> {
    let mut named = request.headers().get_all(header::HOST).into_iter();
    let (host, more) = (named.next(), named.next());
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    match (host, authority) {
        _ if more.is_some() => None,
        (None, None) => None,
        (_, Some(authority)) if authority.contains('@') => None,
        (Some(_), None) => Some(()),
        (Some(host), Some(authority)) => {
            let is_same = host.as_bytes().eq_ignore_ascii_case(authority.as_bytes());
            is_same.then_some(())
        }
        (None, Some(authority)) => {
            let host = HeaderValue::from_str(authority).ok()?;
            request.headers_mut().insert(header::HOST, host);
            Some(())
        }
    }
}

/// The length that a request announces; `h2` refuses what is no number, and a body of another length.
fn length(request: &Request<RecvStream>) -> Option<u64> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// A client that may come in, with a place of its own.
struct Admitted {
    admission: Admission,
    invitation: Option<Invitation>,
    seat: Seat,
}

/// Finds out whether a client may come in.
///
/// # Errors
/// The reply to a client that may not.
async fn admit(client: &Client, request: &Parts) -> Result<Admitted, Reply> {
    let shard = &client.shard;
    let peer = client.peer.beside();
    let full = |full| public::refuse(&shard.settings.counters, NotAdmitted::Full(full));
    let peer = peer.map_err(full)?;
    let (admission, invitation) = public::receive(shard, request, &peer, None).await?;
    Ok(Admitted {
        admission,
        invitation,
        seat: peer.seat,
    })
}

/// Answers a good handshake, and opens the connection.
fn open(
    shard: &Rc<Shard>,
    headers: &HeaderMap,
    admitted: Admitted,
    mut agreed: Agreed,
    received: RecvStream,
    respond: &mut SendResponse<Bytes>,
    presence: Presence,
) {
    let Admitted {
        admission,
        invitation,
        seat,
    } = admitted;
    agreed.compression = admission.compression;
    let greeting = public::greeting_of(invitation.as_ref());
    agreed.subprotocol = public::chosen(headers, greeting.subprotocol).or(agreed.subprotocol);
    let mut response = agreed.into_response();
    for cookie in greeting.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    match respond.send_response(response, false) {
        Ok(sent) => {
            tracing::debug!(event = "handshake", "a WebSocket over HTTP/2");
            let (reader, writer) = http2::split(received, sent, presence);
            let directions = (Reader::Http2(reader), Writer::Http2(writer));
            shard.open(admission, invitation, directions, &[], seat);
        }
        // It was reset meanwhile.
        Err(error) => presence.note(&error),
    }
}

/// Answers the handshake of a WebSocket that is to take over from polls.
fn take_over(
    shard: &Rc<Shard>,
    sid: SessionId,
    mut agreed: Agreed,
    request: &Parts,
    received: RecvStream,
    respond: &mut SendResponse<Bytes>,
    presence: Presence,
) {
    agreed.compression = public::compression_for(&shard.settings, &request.headers);
    let window = agreed.compression.map(|agreed| agreed.window);
    match respond.send_response(agreed.into_response(), false) {
        Ok(sent) => {
            let (reader, writer) = http2::split(received, sent, presence);
            let directions = (Reader::Http2(reader), Writer::Http2(writer));
            let early = Bytes::new();
            Takeover { sid, early, window }.run(shard, directions);
        }
        // It was reset meanwhile.
        Err(error) => presence.note(&error),
    }
}

/// Sends a reply, as fast as the client takes it; one that takes nothing for as long as `patience` is given up.
async fn send(
    mut respond: SendResponse<Bytes>,
    reply: Reply,
    is_head: bool,
    patience: Option<Duration>,
) -> io::Result<()> {
    let (mut head, body) = reply.into_parts();
    let Ok(body) = body.collect().await;
    let body = body.to_bytes();
    // They speak of a connection, of which HTTP/2 thinks otherwise (RFC 9113 §8.2.2).
    head.headers.remove(header::CONNECTION);
    head.headers.remove(header::UPGRADE);
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Ok(now) = HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now())) {
        head.headers.insert(header::DATE, now);
    }
    let is_empty = is_head || body.is_empty();
    let mut stream = respond
        .send_response(Response::from_parts(head, ()), is_empty)
        .map_err(io::Error::other)?;
    if is_empty {
        return Ok(());
    }
    let outcome = send_body(&mut stream, body, patience).await;
    if outcome.is_err() {
        stream.send_reset(Reason::CANCEL);
    }
    outcome
}

async fn send_body(
    stream: &mut SendStream<Bytes>,
    mut body: Bytes,
    patience: Option<Duration>,
) -> io::Result<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len().min(http2::BYTES_PER_WRITE));
        if stream.capacity() == 0 {
            let room = poll_fn(|cx| stream.poll_capacity(cx));
            let limit = patience.unwrap_or(TimeSpan::MAX.duration());
            timeout(limit, room)
                .await?
                .ok_or(io::ErrorKind::BrokenPipe)?
                .map_err(io::Error::other)?;
        }
        let part = body.split_to(stream.capacity().min(body.len()));
        if !part.is_empty() {
            stream
                .send_data(part, body.is_empty())
                .map_err(io::Error::other)?;
        }
    }
    Ok(())
}
