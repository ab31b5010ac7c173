//! A request of a client that polls, on its way to the shard that its session lives on.

use std::rc::Rc;

use broker_core::SessionId;
use broker_dialect::socketio::engine::RequestError;
use broker_dialect::socketio::engine::payload::{Body, Posted};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::shard::{PollError, Shard};

/// A request of a session.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The session that it names.
    pub(super) sid: SessionId,
    pub(super) errand: Errand,
}

/// What a request wants, and who waits for what comes of it.
#[derive(Debug)]
pub(super) enum Errand {
    /// What there is to fetch, as soon as there is something.
    Poll(oneshot::Sender<Result<Body, RequestError>>),
    /// To say something.
    Post {
        body: oneshot::Receiver<Brought>,
        is_binary: bool,
        answer: oneshot::Sender<Result<(), PollError>>,
    },
    /// To know whether there is such a session, since a WebSocket is to take over.
    Upgrade(oneshot::Sender<Result<(), RequestError>>),
}

/// What has become of the body of a request. It is read where it arrives, while its session knows that it is coming.
#[derive(Debug)]
pub(super) enum Brought {
    Whole(Bytes),
    /// It is not read, and its client may go on: it is too long.
    Refused,
}

impl Visit {
    /// Does what is wanted, on the shard of the session. Nobody may be left to be told.
    pub(crate) async fn settle(self: Box<Self>, shard: Rc<Shard>) {
        let Visit { sid, errand } = *self;
        match errand {
            Errand::Poll(answer) => poll(&shard, sid, answer).await,
            Errand::Post {
                body,
                is_binary,
                answer,
            } => {
                let _ = answer.send(post(&shard, sid, body, is_binary).await);
            }
            Errand::Upgrade(answer) => {
                let _ = answer.send(shard.is_polled(sid));
            }
        }
    }
}

/// Waits for something to fetch. Whoever is cut off meanwhile has gone.
async fn poll(
    shard: &Rc<Shard>,
    sid: SessionId,
    mut answer: oneshot::Sender<Result<Body, RequestError>>,
) {
    const CUT_OFF: &str = "its poll was cut off";
    let (session, polled) = match shard.poll(sid) {
        Ok(polled) => polled,
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    tokio::select! {
        body = polled => {
            if answer.send(body.map_err(|_| RequestError::UnknownSession)).is_err() {
                shard.lose_client(session, CUT_OFF);
            }
        }
        () = answer.closed() => shard.lose_client(session, CUT_OFF),
    }
}

/// Takes a body in when it is there. Whoever has sent all of it is heard, also when it has gone meanwhile.
async fn post(
    shard: &Rc<Shard>,
    sid: SessionId,
    body: oneshot::Receiver<Brought>,
    is_binary: bool,
) -> Result<(), PollError> {
    let session = shard.begin_post(sid)?;
    match body.await {
        Ok(Brought::Whole(body)) => shard.post(session, Posted::new(body, is_binary)).await,
        Ok(Brought::Refused) => {
            shard.end_post(session);
            Err(PollError::TooLong)
        }
        Err(_) => {
            shard.lose_client(session, "its body was cut off");
            Err(RequestError::UnknownSession.into())
        }
    }
}
