//! Taking a client over from an application's own server: `Handle::adopt`, and its other half on a shard.
//!
//! The two halves are on different threads and wait for each other twice: for the answer, which the shard gives, and for
//! the connection, which the application's server lets go of once the answer is sent. Whichever half is dropped, the other
//! notices: nothing is left of a client that vanishes on the way.

mod upgraded;

use std::rc::Rc;

use broker_core::SessionId;
use broker_transport::{Reader, Writer};
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::upgraded::Arrival;
use super::SessionInfo;
use super::offer::Offer;
use crate::counters::Rejected;
use crate::handle::Handle;
use crate::mailbox::Mail;
use crate::polling::{self, Takeover};
use crate::public;
use crate::reply::{self, Reply};
use crate::shard::{ClientPeer, NotAdmitted, Shard};

/// A client on its way to a shard.
#[derive(Debug)]
pub(crate) struct Adoption {
    request: Parts,
    known: SessionInfo,
    offer: Offer,
    /// A place for the session that it begins, if it does: a WebSocket that takes over from polls has that of their session.
    peer: Option<ClientPeer>,
    /// The answer to its handshake: the client comes in, or it does not.
    answer: oneshot::Sender<Result<Reply, Reply>>,
    /// Its connection, once the answer has been sent.
    connection: oneshot::Receiver<Arrival>,
}

impl Handle {
    /// Takes over the client behind a handshake that the application's own server has read; its session begins with
    /// `session_info` merged over the cookies. Gives the response for the application to send: 101 (200 over HTTP/2) or a
    /// refusal. Headers may be added to it; once it has been sent, the connection is the broker's. Call it within a tokio
    /// runtime with time.
    ///
    /// The client is admitted as on the public port: by the handshake itself, by `access.origins` where that is set, by
    /// the endpoint that the path of the request matches, by the limits on connections and on session info, and, with
    /// `backend.connect = "wait"`, by the backend. Where it comes from, [`Peer`](super::Peer) in the request's extensions
    /// says.
    ///
    /// A plain TCP or Unix socket moves to the shard with the fewest connections, with whatever the server has read of
    /// the first frames. Any other stream, TLS or HTTP/2 among them, stays on the runtime that this was called on and is
    /// carried to and from its shard. The connection has to come within `limits.handshake_timeout` after the response was
    /// given, or it is not waited for any more.
    pub async fn adopt<B>(
        &self,
        mut request: Request<B>,
        session_info: SessionInfo,
    ) -> Response<Full<Bytes>> {
        let settings = &self.running.settings;
        let counters = &settings.counters;
        let offer = match Offer::of(&request, &settings.subprotocols) {
            Ok(offer) => offer,
            Err(refusal) => return public::refused(counters, refusal),
        };
        if request.extensions().get::<OnUpgrade>().is_none() {
            return unsupported(self);
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let (request, _) = request.into_parts();
        let (shard, peer) = match self.place_for(&request) {
            Ok(place) => place,
            Err(full) => return public::refuse(counters, full),
        };
        let (answer, answered) = oneshot::channel();
        let (arrival, connection) = oneshot::channel();
        let adoption = Adoption {
            request,
            known: session_info,
            offer,
            peer,
            answer,
            connection,
        };
        let mail = Mail::Adopt(Box::new(adoption));
        if self.running.mailboxes.send(shard, mail).await.is_err() {
            return public::refuse(counters, NotAdmitted::Draining);
        }
        match answered.await {
            Ok(Ok(response)) => {
                let limits = &settings.config.limits;
                let close_timeout = limits.close_timeout.duration();
                let sent =
                    upgraded::hand_over(upgrade, arrival, settings.write_timeout, close_timeout);
                tokio::spawn(sent);
                response
            }
            Ok(Err(refusal)) => refusal,
            // The shard has ended meanwhile.
            Err(_) => public::refuse(counters, NotAdmitted::Draining),
        }
    }
}

/// The reply where a client could be let in, but its connection never comes.
fn unsupported(broker: &Handle) -> Reply {
    let counters = &broker.running.settings.counters;
    counters.count_rejected(Rejected::BadHandshake);
    let line = "the server of this application does not let go of connections";
    tracing::error!(event = "trouble", "a handshake is refused: {line}");
    reply::text(StatusCode::INTERNAL_SERVER_ERROR, line)
}

impl Adoption {
    /// Answers the handshake, and opens the connection when it comes.
    pub(crate) async fn settle(self: Box<Self>, shard: Rc<Shard>) {
        match polling::taken_over(&shard, &self.request).await {
            Ok(Some(sid)) => self.take_over(&shard, sid).await,
            Ok(None) => self.open(&shard).await,
            Err(refusal) => refuse(self.answer, refusal),
        }
    }

    /// Lets a client in that has a session of its own, if it may.
    async fn open(self: Box<Self>, shard: &Rc<Shard>) {
        let Adoption {
            request,
            known,
            mut offer,
            peer,
            mut answer,
            connection,
        } = *self;
        let Some(peer) = peer else {
            let refusal = public::refuse(&shard.settings.counters, NotAdmitted::Again);
            return refuse(answer, refusal);
        };
        let received = tokio::select! {
            received = public::receive(shard, &request, &peer, Some(&known)) => received,
            // The application's server has given up, since its client has gone.
            () = answer.closed() => return,
        };
        let (admission, invitation) = match received {
            Ok(received) => received,
            Err(refusal) => return refuse(answer, refusal),
        };
        let greeting = public::greeting_of(invitation.as_ref());
        let chosen = public::chosen(&request.headers, greeting.subprotocol);
        offer.agree(admission.compression, chosen);
        let mut response = offer.into_response().map(|()| Full::default());
        for cookie in greeting.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if answer.send(Ok(response)).is_err() {
            return;
        }
        if let Some((directions, early)) = arrive(shard, connection).await {
            shard.open(admission, invitation, directions, &early, peer.seat);
        }
    }

    /// Lets a WebSocket take over from the polls of a session, whose place it has.
    async fn take_over(self: Box<Self>, shard: &Rc<Shard>, sid: SessionId) {
        let Adoption {
            request,
            mut offer,
            answer,
            connection,
            ..
        } = *self;
        let compression = public::compression_for(&shard.settings, &request.headers);
        offer.agree(compression, None);
        let response = offer.into_response().map(|()| Full::default());
        if answer.send(Ok(response)).is_err() {
            return;
        }
        if let Some((directions, early)) = arrive(shard, connection).await {
            let window = compression.map(|agreed| agreed.window);
            Takeover { sid, early, window }.run(shard, directions);
        }
    }
}

/// Answers a handshake with a refusal. Nobody may be left to be told.
fn refuse(answer: oneshot::Sender<Result<Reply, Reply>>, refusal: Reply) {
    let _ = answer.send(Err(refusal));
}

/// The connection, when it comes, and what was read of it beyond the handshake.
async fn arrive(
    shard: &Shard,
    connection: oneshot::Receiver<Arrival>,
) -> Option<((Reader, Writer), Bytes)> {
    let limit = shard.settings.config.limits.handshake_timeout.duration();
    let Ok(Ok((handover, early))) = timeout(limit, connection).await else {
        tracing::debug!(
            event = "trouble",
            "a client has gone before its connection was open"
        );
        return None;
    };
    Some((handover.split()?, early))
}
