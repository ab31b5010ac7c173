//! What clients that poll, and WebSockets that take over from polls, ask of the shard of their session.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use broker_core::{SessionHandle, SessionId};
use broker_dialect::socketio::engine::RequestError;
use broker_dialect::socketio::engine::payload::{Body, Posted};
use broker_transport::ws::{WebSocket, Window};
use broker_transport::{Outbound, Reader, Writer};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::connection::{Waiting, Way};
use super::handshake::Admission;
use super::polling::Polling;
use super::state::{PollError, Probed};
use super::{Shard, reader};
use crate::load::Seat;

impl Shard {
    pub(crate) fn number(&self) -> u16 {
        self.state.borrow().number()
    }

    /// Gives a client a session by polling; the body of the first answer.
    pub(crate) fn open_polled(
        self: &Rc<Shard>,
        mut admission: Admission,
        mut seat: Seat,
        takes_binary: bool,
    ) -> Result<Body, RequestError> {
        seat.keep(admission.take_place());
        let id = admission.id();
        let mut polled = self.work(|state, now| {
            let session = state.open(now, &admission, false);
            let way = Way::Polls(Box::new(Polling::new(takes_binary, seat)));
            state.note_polled(id, session);
            state.attach(now, session, &admission, way);
            state.poll(now, id)
        });
        match &mut polled {
            Ok((_, body)) => body.try_recv().map_err(|_| RequestError::BadRequest),
            Err(error) => Err(*error),
        }
    }

    pub(crate) fn poll(
        self: &Rc<Shard>,
        id: SessionId,
    ) -> Result<(SessionHandle, oneshot::Receiver<Body>), RequestError> {
        self.work(|state, now| state.poll(now, id))
    }

    /// A client's request was cut off, or the WebSocket that it has gone over to.
    pub(crate) fn lose_client(self: &Rc<Shard>, session: SessionHandle, why: &'static str) {
        self.work(|state, now| state.lose_client(now, session, why));
    }

    pub(crate) fn is_polled(&self, id: SessionId) -> Result<(), RequestError> {
        self.state.borrow_mut().polled(id).map(drop)
    }

    pub(crate) fn begin_post(
        self: &Rc<Shard>,
        id: SessionId,
    ) -> Result<SessionHandle, RequestError> {
        self.work(|state, now| state.begin_post(now, id))
    }

    pub(crate) fn end_post(&self, session: SessionHandle) {
        self.state.borrow_mut().end_post(session);
    }

    /// Takes a body of a client's to the core, when there is room; a panic in that closes the connection alone.
    pub(crate) async fn post(
        self: &Rc<Shard>,
        session: SessionHandle,
        mut posted: Posted,
    ) -> Result<(), PollError> {
        poll_fn(|cx| {
            let mut taken = Poll::Ready(Err(RequestError::BadRequest.into()));
            self.work_for(session, |state, now| {
                taken = state.poll_post(now, session, &mut posted, cx.waker());
            });
            taken
        })
        .await
    }

    pub(crate) fn begin_upgrade(self: &Rc<Shard>, id: SessionId) -> Option<SessionHandle> {
        self.work(|state, now| state.begin_upgrade(now, id))
    }

    pub(crate) fn probe_with(&self, session: SessionHandle, probing: AbortHandle) {
        let mut state = self.state.borrow_mut();
        state.probe_with(session, Waiting(probing));
    }

    /// The state of a WebSocket that is to take over from the polls of a session.
    pub(crate) fn new_websocket(
        &self,
        session: SessionHandle,
        window: Option<Window>,
    ) -> Option<WebSocket> {
        let now = self.settings.clock.now();
        let mut state = self.state.borrow_mut();
        state.new_websocket(now, session, window)
    }

    /// Hears a WebSocket out that is to take over, and queues what it is answered; says how far it has come.
    pub(crate) fn probe(
        self: &Rc<Shard>,
        session: SessionHandle,
        websocket: &mut WebSocket,
        bytes: &mut &mut [u8],
        answers: &mut Outbound,
    ) -> Probed {
        self.work(|state, now| state.probe(now, session, websocket, bytes, answers))
    }

    pub(crate) fn abandon_upgrade(&self, session: SessionHandle) {
        self.state.borrow_mut().abandon_upgrade(session);
    }

    /// Lets a WebSocket take over; `rest` is what it has sent since.
    pub(crate) fn take_over(
        self: &Rc<Shard>,
        session: SessionHandle,
        websocket: WebSocket,
        (reader, writer): (Reader, Writer),
        mut rest: Vec<u8>,
    ) {
        let seat = self.work(|state, _| state.take_over(session, websocket, writer));
        let Some(seat) = seat else {
            return;
        };
        tokio::task::spawn_local(reader::run(self.clone(), session, reader, seat));
        if !rest.is_empty() {
            reader::handle(self, session, Ok(&mut rest));
        }
    }
}
