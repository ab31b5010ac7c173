//! Admitting a client: its session info, its endpoint, its name.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use broker_core::{Handshake, Info, SessionId};
use broker_dialect::Sessions;
use broker_dialect::socketio::engine::{Request as EngineRequest, RequestError, Revision};
use broker_transport::handshake::Compression;
use broker_transport::{Reader, Writer};
use http::request::Parts;
use http::{StatusCode, header};

use super::connection::Way;
use super::{Invitation, Peer, Shard, reader};
use crate::config;
use crate::counters::Rejected;
use crate::embed::SessionInfo;
use crate::forwarded::{self, Caller, Unclear};
use crate::load::{Full, Place, Seat};
use crate::public;
use crate::random;

/// A client that may come in.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(super) id: SessionId,
    pub(super) endpoint: usize,
    pub(super) info: Info,
    pub(super) handshake: Arc<Handshake>,
    /// The compression to agree on.
    pub(crate) compression: Option<Compression>,
    pub(super) order: u64,
    /// Which Engine.IO its client speaks, where that is asked.
    pub(super) revision: Revision,
    pub(super) ip: ClientIp,
    /// Its place among the connections of its client, unless it has had one before.
    place: Option<Place>,
}

/// A client's address, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ClientIp {
    /// It has one.
    Known(IpAddr),
    /// It comes by a Unix socket.
    Unix,
    /// An embedder has not said.
    Unknown,
}

/// Why a good handshake is refused all the same.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum NotAdmitted {
    #[error("no endpoint is here")]
    NoEndpoint,
    #[error("pages of this origin may not connect")]
    Origin,
    #[error("this connection was upgraded already")]
    Again,
    #[error("the broker is shutting down")]
    Draining,
    #[error("{}", .0.reason())]
    Full(Full),
    #[error("{}", .0.reason())]
    Unclear(Unclear),
    #[error("cookies are over the limit max_session")]
    SessionTooLarge,
    #[error("what is known of the client is over the limit max_session")]
    KnownTooLarge,
    #[error("too much is held for the backend")]
    HoldFull,
    #[error("{0}")]
    Engine(RequestError),
}

impl NotAdmitted {
    /// The status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            NotAdmitted::NoEndpoint => StatusCode::NOT_FOUND,
            NotAdmitted::Origin => StatusCode::FORBIDDEN,
            NotAdmitted::Again | NotAdmitted::Unclear(_) | NotAdmitted::Engine(_) => {
                StatusCode::BAD_REQUEST
            }
            NotAdmitted::Draining | NotAdmitted::Full(_) | NotAdmitted::HoldFull => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            NotAdmitted::SessionTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            NotAdmitted::KnownTooLarge => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What it is counted as.
    pub(crate) fn counted(self) -> Rejected {
        match self {
            NotAdmitted::NoEndpoint => Rejected::NoEndpoint,
            NotAdmitted::Origin => Rejected::Origin,
            NotAdmitted::Again | NotAdmitted::Engine(_) => Rejected::BadHandshake,
            NotAdmitted::Draining => Rejected::Draining,
            NotAdmitted::Full(full) => full.counted(),
            NotAdmitted::Unclear(_) => Rejected::UnclearClient,
            NotAdmitted::SessionTooLarge | NotAdmitted::KnownTooLarge => Rejected::SessionTooLarge,
            NotAdmitted::HoldFull => Rejected::HoldFull,
        }
    }
}

impl Admission {
    /// The name of its session.
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Its place among the connections of its client, for whoever keeps it.
    pub(super) fn take_place(&mut self) -> Option<Place> {
        self.place.take()
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientIp::Known(ip) => ip.fmt(f),
            ClientIp::Unix => f.write_str("unix"),
            ClientIp::Unknown => f.write_str("unknown"),
        }
    }
}

impl Shard {
    /// Makes a session of a request that may be upgraded on `endpoint`, with what an embedder knows of the client.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn admit(
        &self,
        request: &Parts,
        endpoint: usize,
        peer: &Peer,
        known: Option<&SessionInfo>,
    ) -> Result<Admission, NotAdmitted> {
        let state = self.state.borrow();
        if state.is_draining() {
            return Err(NotAdmitted::Draining);
        }
        if self.tells(endpoint) && !state.broker.has_room_for_session() {
            return Err(NotAdmitted::HoldFull);
        }
        let revision = self.revision(request, endpoint)?;
        let address = self.client_ip(request, peer.caller)?;
        let place = peer.seat.place_for(address).map_err(NotAdmitted::Full)?;
        peer.seat.sit().map_err(NotAdmitted::Full)?;
        let ip = match (address, peer.caller) {
            (Some(ip), _) => ClientIp::Known(ip),
            (None, Caller::Unknown) => ClientIp::Unknown,
            (None, _) => ClientIp::Unix,
        };
        let id = SessionId::new(state.number(), random::bytes());
        let cookies = request
            .headers
            .get_all(header::COOKIE)
            .into_iter()
            .map(|value| value.as_bytes());
        let limit = self.settings.config.limits.max_session.bytes();
        let mut info =
            Info::at_connect(cookies, &self.settings.cookies, &ip.to_string(), id, limit)
                .map_err(|_| NotAdmitted::SessionTooLarge)?;
        if let Some(known) = known {
            let merged = info.merged(&known.members(), &[], limit);
            info = merged.map_err(|_| NotAdmitted::KnownTooLarge)?;
        }
        let wanted = self.backend.wanted_headers();
        let headers = request
            .headers
            .iter()
            .filter(|(name, _)| wanted.has(name.as_str()));
        let handshake = Handshake {
            path: request
                .uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .into(),
            headers: headers
                .map(|(name, value)| (name.as_str().into(), text(value.as_bytes())))
                .collect(),
        };
        let compression = public::compression_for(&self.settings, &request.headers);
        Ok(Admission {
            id,
            endpoint,
            info,
            handshake: Arc::new(handshake),
            compression,
            order: peer.seat.order(),
            revision,
            ip,
            place,
        })
    }

    /// Which Engine.IO the client speaks that asks for a WebSocket, where that is what is spoken.
    fn revision(&self, request: &Parts, endpoint: usize) -> Result<Revision, NotAdmitted> {
        let route = &self.settings.endpoints[endpoint];
        match route.dialect.sessions() {
            Sessions::Untold | Sessions::One => Ok(Revision::Four),
            Sessions::PerNamespace => {
                let query = request.uri.query().unwrap_or_default();
                let asked = EngineRequest::read(query, &route.options.socketio)
                    .map_err(NotAdmitted::Engine)?;
                // Whoever names a session does not begin one.
                match asked.sid {
                    None => Ok(asked.revision),
                    Some(_) => Err(NotAdmitted::Engine(RequestError::BadRequest)),
                }
            }
        }
    }

    /// Whose handshake it is, by the word of trusted proxies where there are any.
    fn client_ip(&self, request: &Parts, caller: Caller) -> Result<Option<IpAddr>, NotAdmitted> {
        let access = &self.settings.config.access;
        if access.origins.is_empty()
            && let Some(origin) = request.headers.get(header::ORIGIN)
            && caller.is_forwarded(&request.headers)
        {
            forwarded::suggest_origins(origin);
        }
        forwarded::client_ip(caller, &request.headers, access).map_err(NotAdmitted::Unclear)
    }

    /// Whether the application is told of clients of this endpoint.
    fn tells(&self, endpoint: usize) -> bool {
        let dialect = &self.settings.endpoints[endpoint].dialect;
        self.settings.tells_backend && dialect.sessions() == Sessions::One
    }

    /// Whether the application decides if a client is let in.
    pub(crate) fn asks_about(&self, admission: &Admission) -> bool {
        self.settings.config.backend.connect == config::Connect::Wait
            && self.tells(admission.endpoint)
    }

    /// Gives a client its session and its connection, once its handshake has been answered; `early` is what it has sent
    /// since, `invitation` the application's, where it was asked.
    pub(crate) fn open(
        self: &Rc<Shard>,
        mut admission: Admission,
        invitation: Option<Invitation>,
        (reader, writer): (Reader, Writer),
        early: &[u8],
        mut seat: Seat,
    ) {
        seat.keep(admission.place.take());
        let session = invitation.map(Invitation::accept);
        let session = self.work(|state, now| {
            let session = session.unwrap_or_else(|| state.open(now, &admission, false));
            state.attach(now, session, &admission, Way::Socket(Rc::new(writer)));
            session
        });
        tokio::task::spawn_local(reader::run(self.clone(), session, reader, seat));
        if !early.is_empty() {
            reader::handle(self, session, Ok(&mut early.to_vec()));
        }
    }
}

/// A header's value as text; bytes that are no UTF-8 are Latin-1.
fn text(value: &[u8]) -> Box<str> {
    match std::str::from_utf8(value) {
        Ok(text) => text.into(),
        Err(_) => value
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
            .into(),
    }
}
