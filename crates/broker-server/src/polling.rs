//! Socket.IO by long polling: what its clients ask for by HTTP, with CORS, and the WebSockets that take over.
//!
//! A session is begun by a GET without `sid`. Each later request names the session, whose id says which shard it lives on,
//! and may come by any connection and so to any shard, which brings it there.

mod takeover;
mod visit;

use std::future::pending;
use std::pin::pin;
use std::rc::Rc;

use broker_core::SessionId;
use broker_dialect::socketio::engine::payload::Body as Payload;
use broker_dialect::socketio::engine::{Request as EngineRequest, RequestError, Transport};
use broker_dialect::{Sessions, socketio};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use self::visit::{Brought, Errand};
use crate::counters::Counters;
use crate::door::Refusal;
use crate::mailbox::Mail;
use crate::public;
use crate::reply::{self, Reply};
use crate::shard::{ClientPeer, NotAdmitted, PollError, Settings, Shard};

pub(crate) use self::takeover::Takeover;
pub(crate) use self::visit::Visit;

/// How long a browser may remember what it was told about CORS, in seconds.
const PREFLIGHT_SECONDS: &str = "600";

/// Whether a request is one of a client that polls: on an endpoint of Socket.IO, by its query, or to ask about CORS.
pub(crate) fn is_poll<B>(settings: &Settings, request: &Request<B>) -> bool {
    let uri = request.uri();
    let names_transport = || {
        let mut pairs = uri.query().unwrap_or_default().split('&');
        pairs.any(|pair| pair.starts_with("transport=") || pair.starts_with("EIO="))
    };
    options(settings, uri).is_some()
        && match *request.method() {
            Method::OPTIONS => true,
            Method::GET | Method::POST => names_transport(),
            _ => false,
        }
}

/// The shard of the session that a request names, if it names one that may be of this broker.
pub(crate) fn shard_named(settings: &Settings, request: &Parts) -> Option<u16> {
    let asked = asked(settings, request)?.ok()?;
    let sid = known(settings, &asked.sid?).ok()?;
    Some(sid.shard())
}

/// Whether Socket.IO is spoken where a request goes, and how.
fn options<'a>(settings: &'a Settings, uri: &Uri) -> Option<&'a socketio::Settings> {
    let route = &settings.endpoints[settings.route(uri.path())?];
    (route.dialect.sessions() == Sessions::PerNamespace).then_some(&route.options.socketio)
}

/// Answers a request of a client that polls.
///
/// `beside` takes a place for a session that begins; `body` is read only of a request that has one to bring.
pub(crate) async fn answer(
    shard: &Rc<Shard>,
    beside: impl Fn() -> Result<ClientPeer, NotAdmitted>,
    parts: Parts,
    body: impl Future<Output = Result<Bytes, Refusal>>,
) -> Reply {
    if !public::is_welcome(&parts.headers, &shard.settings.config.access.origins) {
        return public::refuse(&shard.settings.counters, NotAdmitted::Origin);
    }
    let reply = if parts.method == Method::OPTIONS {
        preflight(&parts)
    } else {
        let answered = serve(shard, beside, &parts, body).await;
        answered.unwrap_or_else(|refusal| refusal)
    };
    with_cors(reply, &parts)
}

async fn serve(
    shard: &Rc<Shard>,
    beside: impl Fn() -> Result<ClientPeer, NotAdmitted>,
    parts: &Parts,
    body: impl Future<Output = Result<Bytes, Refusal>>,
) -> Result<Reply, Reply> {
    let settings = &shard.settings;
    let asked = asked(settings, parts).unwrap_or(Err(RequestError::BadRequest));
    let asked = asked.map_err(|error| refuse(shard, error))?;
    if asked.transport != Transport::Polling || asked.is_jsonp {
        return Err(refuse(shard, RequestError::BadRequest));
    }
    let Some(sid) = asked.sid else {
        if parts.method != Method::GET {
            return Err(refuse(shard, RequestError::BadMethod));
        }
        let peer = beside();
        let peer = peer.map_err(|refusal| public::refuse(&settings.counters, refusal))?;
        return Ok(begin(shard, peer, parts, asked.takes_binary));
    };
    let sid = known(&shard.settings, &sid).map_err(|error| refuse(shard, error))?;
    if parts.method == Method::GET {
        let polled = visit(shard, sid, Errand::Poll).await;
        return polled.map(fetched).map_err(|error| refuse(shard, error));
    }
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let is_binary = kind.is_some_and(|kind| kind == "application/octet-stream");
    match post(shard, sid, body, is_binary).await? {
        Ok(()) => Ok(reply::reply(StatusCode::OK, "text/html", "ok")),
        Err(PollError::Request(error)) => Err(refuse(shard, error)),
        Err(PollError::TooLong) => {
            let limit = settings.config.limits.max_message.bytes();
            let refusal = Refusal::TooLong("max_message", limit);
            Err(unread(&settings.counters, &refusal))
        }
    }
}

/// Reads a body for its session, which knows that it is coming as soon as its head is there.
///
/// # Errors
/// The reply to a request whose body is not taken.
async fn post(
    shard: &Rc<Shard>,
    sid: SessionId,
    body: impl Future<Output = Result<Bytes, Refusal>>,
    is_binary: bool,
) -> Result<Result<(), PollError>, Reply> {
    let (bring, brought) = oneshot::channel();
    let errand = |answer| Errand::Post {
        body: brought,
        is_binary,
        answer,
    };
    let unreadable = async {
        match body.await {
            Ok(body) => {
                // The session may be gone.
                let _ = bring.send(Brought::Whole(body));
                pending().await
            }
            Err(refusal) => {
                if matches!(refusal, Refusal::TooLong(..)) {
                    let _ = bring.send(Brought::Refused);
                }
                refusal
            }
        }
    };
    // Whoever is refused by its session need not bring all of its body.
    let mut visit = pin!(visit(shard, sid, errand));
    tokio::select! {
        biased;
        visited = &mut visit => Ok(visited),
        refusal = unreadable => {
            // Only then may the client bring another.
            let _ = visit.await;
            Err(unread(&shard.settings.counters, &refusal))
        }
    }
}

/// What the query of a request asks for, where Socket.IO is spoken.
fn asked(settings: &Settings, parts: &Parts) -> Option<Result<EngineRequest, RequestError>> {
    let options = options(settings, &parts.uri)?;
    let query = parts.uri.query().unwrap_or_default();
    Some(EngineRequest::read(query, options))
}

/// A session's name, if it may be one of this broker.
fn known(settings: &Settings, sid: &str) -> Result<SessionId, RequestError> {
    let sid: SessionId = sid.parse().map_err(|_| RequestError::UnknownSession)?;
    if sid.shard() < settings.shards {
        Ok(sid)
    } else {
        Err(RequestError::UnknownSession)
    }
}

/// Begins a session, which counts as a connection of its own.
fn begin(shard: &Rc<Shard>, peer: ClientPeer, parts: &Parts, takes_binary: bool) -> Reply {
    let admission = match public::enter(shard, parts, &peer, None) {
        Ok(admission) => admission,
        Err(refusal) => return public::refuse(&shard.settings.counters, refusal),
    };
    match shard.open_polled(admission, peer.seat, takes_binary) {
        Ok(payload) => fetched(payload),
        Err(error) => refuse(shard, error),
    }
}

/// Brings a request to the shard of its session, and waits for what comes of it.
async fn visit<T, E: From<RequestError>>(
    shard: &Rc<Shard>,
    sid: SessionId,
    errand: impl FnOnce(oneshot::Sender<Result<T, E>>) -> Errand,
) -> Result<T, E> {
    let (answer, answered) = oneshot::channel();
    let errand = errand(answer);
    let visit = Box::new(Visit { sid, errand });
    if sid.shard() == shard.number() {
        spawn_local(visit.settle(shard.clone()));
    } else {
        let to = usize::from(sid.shard());
        let sent = shard.mailboxes.send(to, Mail::Visit(visit)).await;
        sent.map_err(|_| RequestError::UnknownSession)?;
    }
    let answered = answered.await;
    answered.unwrap_or_else(|_| Err(RequestError::UnknownSession.into()))
}

/// The session that a WebSocket's handshake says it is to take over, if it says so.
///
/// # Errors
/// The reply to one that is not to be let in.
pub(crate) async fn taken_over(
    shard: &Rc<Shard>,
    parts: &Parts,
) -> Result<Option<SessionId>, Reply> {
    let Some(asked) = asked(&shard.settings, parts) else {
        return Ok(None);
    };
    let asked = asked.map_err(|error| refuse(shard, error))?;
    let Some(sid) = asked.sid else {
        return Ok(None);
    };
    if !public::is_welcome(&parts.headers, &shard.settings.config.access.origins) {
        return Err(public::refuse(
            &shard.settings.counters,
            NotAdmitted::Origin,
        ));
    }
    if asked.transport != Transport::WebSocket {
        return Err(refuse(shard, RequestError::BadRequest));
    }
    let sid = known(&shard.settings, &sid).map_err(|error| refuse(shard, error))?;
    let known = visit(shard, sid, Errand::Upgrade).await;
    known.map_err(|error| refuse(shard, error))?;
    Ok(Some(sid))
}

fn fetched(payload: Payload) -> Reply {
    let kind = if payload.is_binary {
        "application/octet-stream"
    } else {
        "text/plain; charset=UTF-8"
    };
    let reply = reply::reply(StatusCode::OK, kind, payload.bytes);
    reply::with(reply, header::CACHE_CONTROL, "no-store")
}

/// The reply to a request that is refused in the words of Engine.IO.
pub(crate) fn refuse(shard: &Shard, error: RequestError) -> Reply {
    public::refuse(&shard.settings.counters, NotAdmitted::Engine(error))
}

/// The reply to a request whose body is not taken.
fn unread(counters: &Counters, refusal: &Refusal) -> Reply {
    counters.count_refused(refusal.reason());
    tracing::debug!(
        event = "refused",
        status = refusal.status().as_u16(),
        "a body: {refusal}"
    );
    reply::text(refusal.status(), refusal.to_string())
}

/// What a browser is told that asks whether its page may ask.
fn preflight(parts: &Parts) -> Reply {
    let mut reply = reply::text(StatusCode::NO_CONTENT, "");
    *reply.body_mut() = http_body_util::Full::default();
    let headers = reply.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    );
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static(PREFLIGHT_SECONDS),
    );
    if let Some(wanted) = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    reply
}

/// Lets the page read the reply that asks, whose origin may connect.
fn with_cors(mut reply: Reply, parts: &Parts) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = parts.headers.get(header::ORIGIN) {
        let told: [(HeaderName, HeaderValue); 2] = [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
            (
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            ),
        ];
        headers.extend(told);
    }
    reply
}
