//! The public port: clients' handshakes, and the [door](Door) for commands that the original has.

mod door;

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use broker_backend::Greeting;
use broker_core::SessionId;
use broker_transport::{Patient, Socket, Stream, handshake};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::spawn_local;

use crate::config::{self, HEADER_BYTES_MIN, Limits, OriginRule};
use crate::counters::{Counters, Rejected};
use crate::door::read_body;
use crate::embed::SessionInfo;
use crate::forwarded::Caller;
use crate::greeting;
use crate::http2;
use crate::introduction;
use crate::polling::{self, Takeover};
use crate::reply::{self, Reply};
use crate::shard::{Admission, ClientPeer, Invitation, NotAdmitted, Settings, Shard, TurnedAway};
use crate::strict::{self, HttpStream};

pub(crate) use self::door::Door;

/// How many headers a request may have.
pub(crate) const MAX_HEADERS: usize = 64;

/// Serves the requests of one socket until it is upgraded or closed.
pub(crate) async fn serve(shard: Rc<Shard>, socket: Socket, peer: ClientPeer) {
    let Some(peer) = introduction::of(&shard.settings, &socket, peer).await else {
        return;
    };
    // Boxed, since all that a TLS handshake needs is needed for a moment only.
    let Some(greeted) = Box::pin(greeting::hear(socket, &shard.settings)).await else {
        return;
    };
    if greeted.is_http2 {
        return http2::serve(shard, greeted.stream, peer, greeted.left).await;
    }
    let settings = &shard.settings;
    let caller = peer.caller;
    // The peer goes to the session with the one request that is upgraded.
    let peer = RefCell::new(Some(peer));
    let answer = service_fn(async |request| {
        let is_poll = polling::is_poll(&shard.settings, &request);
        let answer = |request| answer(&shard, caller, &peer, request);
        let reply = strict::answered(&shard.settings.counters, request, answer).await;
        // Who stands has a place for polls, and for nothing else.
        let stands = peer
            .borrow()
            .as_ref()
            .is_some_and(|peer| peer.seat.is_standing());
        Ok::<_, Infallible>(if stands && !(is_poll && reply.status().is_success()) {
            reply::with(reply, header::CONNECTION, "close")
        } else {
            reply
        })
    });
    let limits = &settings.config.limits;
    let stream = Patient::new(greeted.stream, settings.write_timeout);
    let stream = HttpStream::new(stream, limits.close_timeout.duration());
    let connection = http1(limits, greeted.left)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    if let Err(error) = connection.await {
        strict::count_ended(&shard.settings.counters, &error);
        tracing::debug!(event = "trouble", "an HTTP connection ended early: {error}");
    }
}

/// HTTP/1 within the limits that both ports share; the head of each request, and the silence before it, may take so long.
pub(crate) fn http1(limits: &Limits, head_timeout: Duration) -> http1::Builder {
    let mut http1 = http1::Builder::new();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        // hyper panics at less, which a configuration that nobody has validated may say.
        .max_buf_size(limits.max_header.bytes().max(HEADER_BYTES_MIN))
        .max_headers(MAX_HEADERS);
    http1
}

async fn answer(
    shard: &Rc<Shard>,
    caller: Caller,
    peer: &RefCell<Option<ClientPeer>>,
    request: Request<Incoming>,
) -> Reply {
    match handshake::check(&request, &shard.settings.subprotocols) {
        Ok(Some(accept)) => upgrade(shard, peer, request, accept).await,
        Ok(None) if polling::is_poll(&shard.settings, &request) => {
            let beside = || match peer.borrow().as_ref() {
                Some(peer) => peer.beside().map_err(NotAdmitted::Full),
                None => Err(NotAdmitted::Again),
            };
            let (parts, body) = request.into_parts();
            let body = read_body(body, &shard.settings);
            polling::answer(shard, beside, parts, body).await
        }
        Ok(None) => Door::of(shard).ordinary(caller, request).await,
        Err(refusal) => refused(&shard.settings.counters, refusal),
    }
}

/// Answers a good handshake, and opens the connection once the answer is out.
async fn upgrade(
    shard: &Rc<Shard>,
    peer: &RefCell<Option<ClientPeer>>,
    mut request: Request<Incoming>,
    mut accept: handshake::Accept,
) -> Reply {
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Some(client) = peer.take() else {
        return refuse(&shard.settings.counters, NotAdmitted::Again);
    };
    match polling::taken_over(shard, &parts).await {
        Ok(Some(sid)) => return take_over(shard, sid, upgraded, &parts, accept),
        Ok(None) => {}
        Err(refusal) => {
            peer.replace(Some(client));
            return refusal;
        }
    }
    let (admission, invitation) = match receive(shard, &parts, &client, None).await {
        Ok(received) => received,
        Err(refusal) => {
            // It keeps its place, since its socket stays open and may ask again.
            peer.replace(Some(client));
            return refusal;
        }
    };
    accept.compression = admission.compression;
    let greeting = greeting_of(invitation.as_ref());
    accept.subprotocol = chosen(&parts.headers, greeting.subprotocol).or(accept.subprotocol);
    let shard = shard.clone();
    spawn_local(async move {
        if let Some((stream, early)) = socket(upgraded).await {
            let directions = stream.split();
            shard.open(admission, invitation, directions, &early, client.seat);
        }
    });
    let mut reply = accept.into_response().map(|()| Full::default());
    for cookie in greeting.cookies {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    reply
}

/// Answers the handshake of a WebSocket that is to take over from polls, whose session has been found.
fn take_over(
    shard: &Rc<Shard>,
    sid: SessionId,
    upgraded: OnUpgrade,
    request: &Parts,
    mut accept: handshake::Accept,
) -> Reply {
    accept.compression = compression_for(&shard.settings, &request.headers);
    let window = accept.compression.map(|agreed| agreed.window);
    let shard = shard.clone();
    spawn_local(async move {
        if let Some((stream, early)) = socket(upgraded).await {
            Takeover { sid, early, window }.bring(&shard, stream).await;
        }
    });
    accept.into_response().map(|()| Full::default())
}

/// The socket of a handshake whose answer is out, and what came behind the handshake; `None` if the client was gone by then.
async fn socket(upgraded: OnUpgrade) -> Option<(Stream, Bytes)> {
    let upgraded = upgraded.await.ok()?;
    // It was made of one of ours, so it is one.
    let parts = upgraded.downcast::<TokioIo<HttpStream<Patient<Stream>>>>();
    let parts = parts.ok()?;
    let stream = parts.io.into_inner().into_inner().into_inner();
    Some((stream, parts.read_buf))
}

/// The compression to agree on with a client.
pub(crate) fn compression_for(
    settings: &Settings,
    headers: &HeaderMap,
) -> Option<handshake::Compression> {
    match settings.config.websocket.compression {
        config::Compression::Auto => handshake::compression(headers),
        config::Compression::Off => None,
    }
}

/// Finds out whether a client may come in; of the application, where that is asked. Its session begins with what an
/// embedder knows of it.
///
/// # Errors
/// The reply to a client that may not.
pub(crate) async fn receive(
    shard: &Rc<Shard>,
    request: &Parts,
    client: &ClientPeer,
    known: Option<&SessionInfo>,
) -> Result<(Admission, Option<Invitation>), Reply> {
    let counters = &shard.settings.counters;
    let admission = enter(shard, request, client, known);
    let admission = admission.map_err(|refusal| refuse(counters, refusal))?;
    let invitation = if shard.asks_about(&admission) {
        let invited = shard.ask(&admission).await;
        Some(invited.map_err(|turned_away| turn_away(counters, turned_away))?)
    } else {
        None
    };
    Ok((admission, invitation))
}

/// The reply to a client that the application does not let in.
fn turn_away(counters: &Counters, why: TurnedAway) -> Reply {
    let counted = Rejected::Backend;
    match why {
        TurnedAway::Refused(status, retry_after, page) => {
            let mut reply = told(counters, counted, status, &"the backend does not let it in");
            if let Some(page) = page {
                reply = reply::reply(status, "text/plain; charset=utf-8", page.body);
                if let Some(kind) = page.content_type {
                    reply = reply::with_value(reply, header::CONTENT_TYPE, kind);
                }
            }
            match retry_after {
                Some(wait) => reply::with_value(reply, header::RETRY_AFTER, seconds_of(wait)),
                None => reply,
            }
        }
        TurnedAway::Closed => told(
            counters,
            counted,
            StatusCode::FORBIDDEN,
            &"the backend does not let it in",
        ),
        TurnedAway::Away(wait) => {
            let reply = told(
                counters,
                Rejected::BackendAway,
                StatusCode::SERVICE_UNAVAILABLE,
                &"the backend is away",
            );
            reply::with_value(reply, header::RETRY_AFTER, seconds_of(wait).max(1))
        }
        TurnedAway::Draining => refuse(counters, NotAdmitted::Draining),
    }
}

/// Whole seconds, as `Retry-After` has them (RFC 9110 §10.2.3).
fn seconds_of(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// What the application adds to the answer to a handshake, if it was asked and says anything.
pub(crate) fn greeting_of(invitation: Option<&Invitation>) -> Greeting {
    let greeting = invitation.and_then(|invitation| invitation.greeting.as_deref());
    greeting.cloned().unwrap_or_default()
}

/// The subprotocol that the application has chosen, if it is one that the client offers (RFC 6455 §4.2.2).
pub(crate) fn chosen(headers: &HeaderMap, choice: Option<HeaderValue>) -> Option<HeaderValue> {
    let choice = choice?;
    if handshake::offers_subprotocol(headers, choice.as_bytes()) {
        return Some(choice);
    }
    tracing::warn!(
        event = "trouble",
        "the backend has chosen the subprotocol {choice:?}, which the client does not offer; it is not told of it"
    );
    None
}

/// Lets a client in that asks for a WebSocket as it should.
///
/// # Errors
/// Why it is refused.
pub(crate) fn enter(
    shard: &Rc<Shard>,
    request: &Parts,
    client: &ClientPeer,
    known: Option<&SessionInfo>,
) -> Result<Admission, NotAdmitted> {
    let Some(endpoint) = shard.settings.route(request.uri.path()) else {
        return Err(NotAdmitted::NoEndpoint);
    };
    if !is_welcome(&request.headers, &shard.settings.config.access.origins) {
        return Err(NotAdmitted::Origin);
    }
    shard.admit(request, endpoint, client, known)
}

/// The reply to a handshake that is refused for a reason of ours.
pub(crate) fn refuse(counters: &Counters, refusal: NotAdmitted) -> Reply {
    let reply = told(counters, refusal.counted(), refusal.status(), &refusal);
    if let NotAdmitted::Engine(error) = refusal {
        return reply::json(refusal.status(), error.to_json().into_bytes());
    }
    if reply.status() == StatusCode::SERVICE_UNAVAILABLE {
        return reply::with(reply, header::RETRY_AFTER, "5");
    }
    reply
}

/// The reply to a handshake that is none.
pub(crate) fn refused(counters: &Counters, refusal: handshake::Refusal) -> Reply {
    let counted = if refusal == handshake::Refusal::OtherVersion {
        Rejected::Version
    } else {
        Rejected::BadHandshake
    };
    let mut reply = told(counters, counted, refusal.status(), &refusal);
    reply.headers_mut().extend(refusal.headers());
    reply
}

/// Counts and logs a refusal, and says it in a line.
fn told(
    counters: &Counters,
    counted: Rejected,
    status: StatusCode,
    refusal: &dyn fmt::Display,
) -> Reply {
    counters.count_rejected(counted);
    tracing::debug!(
        event = "refused",
        status = status.as_u16(),
        "handshake: {refusal}"
    );
    reply::text(status, refusal.to_string())
}

/// Whether the web page behind a request may connect; programs, which send no `Origin`, may (RFC 6455 §10.2).
pub(crate) fn is_welcome(headers: &HeaderMap, origins: &[OriginRule]) -> bool {
    let is_listed = |origin: &HeaderValue| {
        origin
            .to_str()
            .is_ok_and(|origin| origins.iter().any(|rule| rule.matches(origin)))
    };
    origins.is_empty() || headers.get_all(header::ORIGIN).into_iter().all(is_listed)
}
