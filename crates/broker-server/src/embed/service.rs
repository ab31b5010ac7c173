//! A broker as a service of an application's own server.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Body;

use super::{SessionInfo, is_upgrade, peer};
use crate::handle::Handle;
use crate::polling;
use crate::public::Door;

/// What answers requests as the broker's public port does: handshakes by [`Handle::adopt`], the polls of Socket.IO, `POST` as commands, and
/// anything else by a refusal (or, in the demo, by its page). It is a `hyper::service::Service`, and with the feature
/// `tower` a `tower::Service`, whose readiness is not waited for.
///
/// An application that authenticates in front of it leaves a [`SessionInfo`] in the extensions of the request, with which
/// the session begins, and a [`Peer`](super::Peer).
#[derive(Clone, Debug)]
pub struct Service {
    broker: Handle,
}

/// The answer to a request, when it is there.
type Answered = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

impl Handle {
    /// The broker as a service, for endpoints of an application's own server.
    #[must_use]
    pub fn service(&self) -> Service {
        Service {
            broker: self.clone(),
        }
    }
}

impl Service {
    fn answer<B>(&self, mut request: Request<B>) -> Answered
    where
        B: Body<Data = Bytes, Error: fmt::Display> + Send + 'static,
    {
        let broker = self.broker.clone();
        Box::pin(async move {
            if is_upgrade(&request) {
                let known = request.extensions_mut().remove::<SessionInfo>();
                return Ok(broker.adopt(request, known.unwrap_or_default()).await);
            }
            if polling::is_poll(&broker.running.settings, &request) {
                return Ok(broker.answer_poll(request.map(Box::pin)).await);
            }
            let caller = peer::caller_of(request.extensions());
            let door = Door {
                settings: &broker.running.settings,
                mailboxes: &broker.running.mailboxes,
                own_commands: &broker.running.own_commands,
            };
            Ok(door.ordinary(caller, request.map(Box::pin)).await)
        })
    }
}

impl<B> hyper::service::Service<Request<B>> for Service
where
    B: Body<Data = Bytes, Error: fmt::Display> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answered;

    fn call(&self, request: Request<B>) -> Self::Future {
        self.answer(request)
    }
}

#[cfg(feature = "tower")]
impl<B> tower_service::Service<Request<B>> for Service
where
    B: Body<Data = Bytes, Error: fmt::Display> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answer(request)
    }
}
