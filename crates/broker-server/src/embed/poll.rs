//! Requests of clients that poll, from an application's own server to the shard of their session.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use http::Request;
use http::request::Parts;
use hyper::body::Body;
use tokio::sync::oneshot;

use crate::door::{self, Refusal};
use crate::handle::Handle;
use crate::mailbox::Mail;
use crate::polling;
use crate::public;
use crate::reply::Reply;
use crate::shard::{ClientPeer, NotAdmitted, Shard};

/// A request, and who waits for the reply.
#[derive(Debug)]
pub(crate) struct Poll {
    request: Parts,
    body: oneshot::Receiver<Result<Bytes, Refusal>>,
    /// A place for the session that it begins, if it does.
    peer: Option<ClientPeer>,
    reply: oneshot::Sender<Reply>,
}

impl Handle {
    /// Answers a request of a client that polls.
    pub(super) async fn answer_poll<B>(&self, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
    {
        let settings = &self.running.settings;
        let counters = &settings.counters;
        let (request, body) = request.into_parts();
        let (shard, peer) = match self.place_for(&request) {
            Ok(place) => place,
            Err(full) => return public::refuse(counters, full),
        };
        let (reply, mut replied) = oneshot::channel();
        let (bring, brought) = oneshot::channel();
        let poll = Poll {
            request,
            body: brought,
            peer,
            reply,
        };
        let mail = Mail::Poll(Box::new(poll));
        if self.running.mailboxes.send(shard, mail).await.is_err() {
            return public::refuse(counters, NotAdmitted::Draining);
        }
        // It is read where it arrives, while its session knows that it is coming. Nobody may be left to take it.
        let reading = async { drop(bring.send(door::read_body(body, settings).await)) };
        let replied = tokio::select! {
            replied = &mut replied => replied,
            () = reading => replied.await,
        };
        replied.unwrap_or_else(|_| public::refuse(counters, NotAdmitted::Draining))
    }
}

impl Poll {
    /// Answers it, unless the application's server has given up, since its client has gone.
    pub(crate) async fn settle(self: Box<Self>, shard: Rc<Shard>) {
        let Poll {
            request,
            body,
            peer,
            mut reply,
        } = *self;
        let peer = Cell::new(peer);
        let beside = || peer.take().ok_or(NotAdmitted::Again);
        let body = async {
            let gone = || Refusal::Unreadable("the client has gone".to_owned());
            body.await.unwrap_or_else(|_| Err(gone()))
        };
        let answered = tokio::select! {
            answered = polling::answer(&shard, beside, request, body) => answered,
            () = reply.closed() => return,
        };
        // Nobody may be left to be told.
        let _ = reply.send(answered);
    }
}
