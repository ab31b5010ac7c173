//! Clients whose handshakes the application decides on, until their connections are open.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use broker_backend::{Greeting, Page};
use broker_core::{Failure, Message, Refusal, SessionHandle, Timestamp, close_code};
use http::StatusCode;
use tokio::sync::oneshot;

use super::Shard;
use super::farewell::Farewell;
use super::handshake::Admission;
use super::state::State;

/// How long a client is asked to wait where nothing is known.
const WAIT: Duration = Duration::from_secs(5);

/// What a message counts beside its bytes: the place that it takes here, which is more than it will take in the queue of
/// its connection, and the longest header of a frame. So what is kept finds room there.
const MESSAGE_COST: usize = size_of::<Message>() + 10;

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    guests: HashMap<SessionHandle, Guest>,
}

/// A client that waits to be let in, or that has been and whose handshake is just being answered.
#[derive(Debug)]
pub(super) struct Guest {
    /// Whoever waits for the decision.
    decision: Option<oneshot::Sender<Decision>>,
    greeting: Option<Box<Greeting>>,
    page: Option<Box<Page>>,
    /// What it is sent before its connection is open.
    messages: Vec<Message>,
    bytes: usize,
    /// Why it is to be closed as soon as it is open.
    farewell: Option<Farewell>,
}

/// Whether a message was kept for a session without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    NoRoom,
    /// There is no such session, or it is to be closed.
    NobodyThere,
}

/// What the application has decided.
type Decision = Result<Option<Box<Greeting>>, TurnedAway>;

/// Why a client is not let in, and what it is told.
#[derive(Debug)]
pub(crate) enum TurnedAway {
    /// The application has said so, with this status; it may be worth trying again after so long.
    Refused(StatusCode, Option<Duration>, Option<Box<Page>>),
    /// The application's commands close the connection.
    Closed,
    /// The application is away, or has not answered as it should; worth trying again after so long.
    Away(Duration),
    /// The broker drains.
    Draining,
}

/// A session that waits for its connection. Unless that is opened, dropping this ends the session.
#[derive(Debug)]
pub(crate) struct Invitation {
    shard: Rc<Shard>,
    session: SessionHandle,
    is_accepted: bool,
    /// What the application adds to the answer.
    pub(crate) greeting: Option<Box<Greeting>>,
}

impl Lobby {
    /// Somebody waits for the application's decision.
    fn enter(&mut self, session: SessionHandle) -> oneshot::Receiver<Decision> {
        let (decision, decided) = oneshot::channel();
        self.guests.insert(session, Guest::new(Some(decision)));
        decided
    }

    /// The application's decision is waited for by nobody in particular: the client has a connection already, by which it
    /// will be told.
    pub(super) fn expect(&mut self, session: SessionHandle) {
        self.guests.insert(session, Guest::new(None));
    }

    pub(super) fn has(&self, session: SessionHandle) -> bool {
        self.guests.contains_key(&session)
    }

    pub(super) fn leave(&mut self, session: SessionHandle) -> Option<Guest> {
        self.guests.remove(&session)
    }

    /// Notes what the application said to the client itself, before its decision is known.
    pub(super) fn note(
        &mut self,
        session: SessionHandle,
        greeting: Option<Box<Greeting>>,
        page: Option<Box<Page>>,
    ) {
        if let Some(guest) = self.guests.get_mut(&session) {
            guest.greeting = greeting;
            guest.page = page;
        }
    }

    pub(super) fn admit(&mut self, session: SessionHandle) {
        if let Some(guest) = self.guests.get_mut(&session) {
            let greeting = guest.greeting.take();
            guest.decide(Ok(greeting));
        }
    }

    pub(super) fn refuse(&mut self, session: SessionHandle, refusal: &Refusal) {
        if let Some(mut guest) = self.guests.remove(&session) {
            let page = guest.page.take();
            guest.decide(Err(TurnedAway::of(refusal, page)));
        }
    }

    /// Lets nobody in any more who has not been let in yet.
    pub(super) fn turn_all_away(&mut self) {
        for guest in self.guests.values_mut() {
            guest.decide(Err(TurnedAway::Draining));
        }
    }

    /// Keeps a message for a session without a connection.
    pub(super) fn keep(&mut self, session: SessionHandle, message: &Message, limit: usize) -> Kept {
        let guest = self.guests.get_mut(&session);
        let Some(guest) = guest.filter(|guest| guest.farewell.is_none()) else {
            return Kept::NobodyThere;
        };
        // As everywhere, an empty queue takes any one message.
        if !guest.messages.is_empty() && guest.bytes >= limit {
            return Kept::NoRoom;
        }
        guest.bytes += message.size() + MESSAGE_COST;
        guest.messages.push(message.clone());
        Kept::Yes
    }

    /// Drops what is kept for a session.
    pub(super) fn discard(&mut self, session: SessionHandle) {
        if let Some(guest) = self.guests.get_mut(&session) {
            guest.messages.clear();
        }
    }

    /// Notes that a session is to be closed; says whether it is one without a connection.
    pub(super) fn close(&mut self, session: SessionHandle, farewell: &Farewell) -> bool {
        let guest = self.guests.get_mut(&session);
        let is_here = guest.is_some();
        if let Some(guest) = guest {
            guest.farewell = Some(farewell.clone());
        }
        is_here
    }
}

impl Guest {
    fn new(decision: Option<oneshot::Sender<Decision>>) -> Guest {
        Guest {
            decision,
            greeting: None,
            page: None,
            messages: Vec::new(),
            bytes: 0,
            farewell: None,
        }
    }

    /// What the application has said to the client itself.
    pub(super) fn into_page(self) -> Option<Box<Page>> {
        self.page
    }

    fn decide(&mut self, decision: Decision) {
        if let Some(waiting) = self.decision.take() {
            // Whoever waited may have gone.
            let _ = waiting.send(decision);
        }
    }
}

impl TurnedAway {
    fn of(refusal: &Refusal, page: Option<Box<Page>>) -> TurnedAway {
        match refusal {
            Refusal::Backend(Failure::Status { code, retry_after })
                if (400..500).contains(code) =>
            {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::FORBIDDEN);
                TurnedAway::Refused(status, *retry_after, page)
            }
            Refusal::Backend(failure) => TurnedAway::Away(failure.retry_after().unwrap_or(WAIT)),
            Refusal::Closed => TurnedAway::Closed,
            Refusal::Away(wait) => TurnedAway::Away(*wait),
        }
    }
}

impl State {
    /// Sends a client that has just come in what was kept for it.
    pub(super) fn welcome(&mut self, now: Timestamp, session: SessionHandle, guest: Guest) {
        for message in &guest.messages {
            self.deliver(now, message, &[session]);
        }
        if let Some(farewell) = guest.farewell {
            self.close(now, session, farewell);
        }
    }
}

impl Shard {
    /// Asks the application whether a client may come in, and waits for its decision.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) async fn ask(
        self: &Rc<Shard>,
        admission: &Admission,
    ) -> Result<Invitation, TurnedAway> {
        let (session, decided) = self.work(|state, now| {
            let session = state.open(now, admission, true);
            (session, state.lobby.enter(session))
        });
        let mut invitation = Invitation {
            shard: self.clone(),
            session,
            is_accepted: false,
            greeting: None,
        };
        let decided = decided.await;
        invitation.greeting = decided.unwrap_or(Err(TurnedAway::Away(WAIT)))?;
        Ok(invitation)
    }
}

impl Invitation {
    /// The session gets its connection.
    pub(crate) fn accept(mut self) -> SessionHandle {
        self.is_accepted = true;
        self.session
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        if self.is_accepted {
            return;
        }
        let session = self.session;
        self.shard.work(|state, now| {
            state.lobby.leave(session);
            state
                .broker
                .close(now, session, close_code::LOST, "", &mut state.effects);
        });
    }
}
