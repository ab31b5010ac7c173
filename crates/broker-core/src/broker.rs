//! The state machine of one shard.

mod answering;
mod asking;
mod ending;
mod execution;
mod index;
mod names;
mod naming;
mod opening;
mod relaying;
mod requests;
mod sessions;
mod telling;

use self::execution::Executor;
use self::index::Index;
use self::names::Directory;
use self::requests::Requests;
use self::sessions::{Phase, Session, Sessions};
use self::telling::{Around, Teller};
use crate::config::{Config, Gating};
use crate::effect::{Effect, Effects, Orders};
use crate::event::{CallHandle, Fact, Failure};
use crate::gate::{BackendGate, Claim, Grant, Standing};
use crate::message::ClientMessage;
use crate::session::SessionHandle;
use crate::time::Timestamp;

pub use self::index::INDEXED_FIELDS_MAX;
pub use self::opening::{Opening, SessionView};
pub use self::relaying::{NotAsked, Relay};
pub use self::telling::{HELD_EVENT_BYTES, HELD_SESSION_BYTES};

/// All that one shard knows: its sessions, what the backend has still to be told, and the commands under way.
///
/// # Its verbs
/// - **What clients do:** [`open`](Broker::open), [`receive`](Broker::receive), [`ask`](Broker::ask),
///   [`acknowledge`](Broker::acknowledge), [`close`](Broker::close).
/// - **What they do among each other:** [`register`](Broker::register), [`unregister`](Broker::unregister),
///   [`relay`](Broker::relay), [`answer`](Broker::answer); and for that, between shards,
///   [`take_letter`](Broker::take_letter).
/// - **What the driver does by itself:** [`begin_closing`](Broker::begin_closing).
/// - **What the backend does:** [`backend_replied`](Broker::backend_replied),
///   [`backend_failed`](Broker::backend_failed).
/// - **What the application asks:** [`execute`](Broker::execute), and [`resume`](Broker::resume) while it
///   [`is_busy`](Broker::is_busy).
/// - **What the [`BackendGate`] does, where shards share one:** [`ring`](Broker::ring) and
///   [`granted`](Broker::granted); [`claim`](Broker::claim) is what it has to be told after each of the other verbs.
/// - **What the clock does:** [`handle_timeout`](Broker::handle_timeout), at [`next_deadline`](Broker::next_deadline).
///
/// Each takes what happened and writes what has to be done into the caller's [`Effects`]. None waits, none fails because
/// of the outside, none asks a clock; the same calls with the same seed have the same effects.
///
/// # The loop that drives it
/// ```
/// use broker_core::{Broker, Config, Effect, Effects, Info, Opening, SessionId, Timestamp};
/// use broker_core::{ClientMessage, CookieRule};
///
/// let mut broker = Broker::new(Config::default());
/// let mut effects = Effects::default();
/// let now = Timestamp(0);
///
/// let id = SessionId::new(0, [1; 14]);
/// let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1024)?;
/// let session = broker.open(now, Opening::new(id, info), &mut effects);
/// broker.receive(now, session, ClientMessage::parse(r#"{"type":"hi"}"#)?, &mut effects);
///
/// let mut told = Vec::new();
/// for effect in effects.list.drain(..) {
///     match effect {
///         Effect::CallBackend(call) => call.events[0].fact.write_message(&mut told),
///         other => panic!("nothing else has happened: {other:?}"),
///     }
/// }
/// // The message waits until the connect event is answered.
/// assert_eq!(told, br#"{"type":"session-connect"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Broker {
    config: Config,
    sessions: Sessions,
    index: Index,
    teller: Teller,
    /// None where the driver keeps one that several shards share.
    gate: Option<BackendGate>,
    executor: Executor,
    directory: Directory,
    requests: Requests,
}

impl Broker {
    /// A shard without sessions.
    #[must_use]
    pub fn new(config: Config) -> Broker {
        Broker {
            sessions: Sessions::default(),
            index: Index::new(config.seed, config.max_indexed_fields),
            teller: Teller::new(&config),
            gate: match &config.gate {
                Gating::Own(gate) => Some(BackendGate::new(1, gate)),
                Gating::Shared => None,
            },
            executor: Executor::default(),
            directory: Directory::new(config.seed),
            requests: Requests::default(),
            config,
        }
    }

    /// Takes a client's message, and tells the backend. A message of a session that has ended is passed over.
    pub fn receive(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        message: ClientMessage,
        out: &mut Effects,
    ) {
        self.tell_if_told(now, session, Fact::Received(message), out);
    }

    /// Takes note that a try to tell the backend has failed.
    pub fn backend_failed(
        &mut self,
        now: Timestamp,
        call: CallHandle,
        failure: Failure,
        out: &mut Effects,
    ) {
        let around = &mut around(now, &mut self.sessions, &self.config, out);
        self.teller.failed(call, failure, around);
        self.pump(now, out);
    }

    /// Carries out a list of commands, behind those that are still under way; ends with [`Effect::Executed`].
    ///
    /// A list that touches very many sessions is not done when this returns: see [`Broker::is_busy`].
    pub fn execute(&mut self, now: Timestamp, orders: Orders, out: &mut Effects) {
        self.executor.push(orders, &self.sessions, &self.config);
        self.resume(now, out);
    }

    /// Whether lists of commands are under way, waiting for [`Broker::resume`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.executor.is_busy()
    }

    /// Carries on with the lists under way for one more slice of work ([`Config::slice`]).
    pub fn resume(&mut self, now: Timestamp, out: &mut Effects) {
        // However small a slice is, something is done in it.
        let mut budget = self.config.slice.max(1);
        while budget > 0 {
            let done = self.executor.run(
                &mut self.sessions,
                &mut self.index,
                &mut self.requests,
                &self.config,
                &mut budget,
                out,
            );
            let Some((orders, outcomes)) = done else {
                break;
            };
            if let Some(origin) = orders.origin
                && origin.shard == self.config.shard
                && let Some(number) = origin.settles
            {
                let around = &mut around(now, &mut self.sessions, &self.config, out);
                self.teller
                    .settle(origin.session, number, &orders.list, around);
            }
            out.list.push(Effect::Executed { orders, outcomes });
        }
        self.pump(now, out);
    }

    /// What the shared gate has to be told, if anything; what it answers goes to [`Broker::granted`]. Ask again after that.
    pub fn claim(&mut self) -> Option<Claim> {
        if self.gate.is_some() {
            return None;
        }
        self.teller.claim(&self.sessions, &self.config)
    }

    /// Takes the shared gate's answer to a claim.
    pub fn granted(&mut self, now: Timestamp, grant: Grant, out: &mut Effects) {
        self.teller.granted(now, grant);
        self.pump(now, out);
    }

    /// Takes note that the shared gate has rung: there is a claim to make.
    pub fn ring(&mut self) {
        self.teller.ring();
    }

    /// How things stand at the gate, where it is the broker's own.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.gate.as_ref().map(BackendGate::standing)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Timestamp, out: &mut Effects) {
        let around = &mut around(now, &mut self.sessions, &self.config, out);
        self.teller.handle_timeout(around);
        self.requests.handle_timeout(now, &mut self.sessions, out);
        self.pump(now, out);
    }

    /// When [`Broker::handle_timeout`] is wanted next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let telling = self.teller.next_deadline(&self.sessions, &self.config);
        telling
            .into_iter()
            .chain(self.requests.next_deadline())
            .min()
    }

    /// Whether there is room to hold what one more session may have to tell. A session that is opened all the same is not
    /// held back.
    #[must_use]
    pub fn has_room_for_session(&self) -> bool {
        self.teller
            .has_room_for_session(&self.sessions, &self.config)
    }

    /// What is known of a session, for as long as it is not forgotten.
    #[must_use]
    pub fn session(&self, session: SessionHandle) -> Option<SessionView<'_>> {
        let session = self.sessions.get(session)?;
        Some(SessionView {
            id: session.id,
            order: session.order,
            info: &session.info,
            handshake: &session.handshake,
        })
    }

    /// Whether a session's connection is not to be read, between [`Effect::Pause`] and [`Effect::Resume`].
    #[must_use]
    pub fn is_paused(&self, session: SessionHandle) -> bool {
        self.sessions
            .get(session)
            .is_some_and(|session| session.pause.is_some())
    }

    /// How many sessions there are, with those whose last events are not answered yet.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len() - usize::from(self.teller.is_starting())
    }

    /// How many calls are with the backend.
    #[must_use]
    pub fn calls_in_flight(&self) -> usize {
        self.teller.in_flight()
    }

    /// How many events are not answered yet, with those in flight.
    #[must_use]
    pub fn events_held(&self) -> usize {
        self.teller.events()
    }

    fn tell(&mut self, now: Timestamp, session: SessionHandle, fact: Fact, out: &mut Effects) {
        let around = &mut around(now, &mut self.sessions, &self.config, out);
        let is_overflowing = self.teller.push(session, fact, around);
        let is_open = |session: &Session| session.phase == Phase::Open;
        if is_overflowing && self.sessions.get(session).is_some_and(is_open) {
            self.begin_closing(session);
            out.list.push(Effect::Overflow(session));
        }
        self.pump(now, out);
    }

    /// A session whose connection has not ended.
    fn connected(&self, handle: SessionHandle) -> Option<&Session> {
        let session = self.sessions.get(handle)?;
        (session.phase != Phase::Gone).then_some(session)
    }

    fn tell_if_told(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        fact: Fact,
        out: &mut Effects,
    ) {
        if self
            .connected(session)
            .is_some_and(|session| session.is_told)
        {
            self.tell(now, session, fact, out);
        }
    }

    fn pump(&mut self, now: Timestamp, out: &mut Effects) {
        let around = &mut around(now, &mut self.sessions, &self.config, out);
        self.teller.pump(around);
        if let Some(gate) = &mut self.gate {
            while let Some(claim) = self.teller.claim(around.sessions, around.config) {
                let grant = gate.claim(now, 0, claim, |_| {});
                self.teller.granted(now, grant);
                self.teller.pump(around);
            }
        }
    }
}

fn around<'a>(
    now: Timestamp,
    sessions: &'a mut Sessions,
    config: &'a Config,
    out: &'a mut Effects,
) -> Around<'a> {
    Around {
        now,
        sessions,
        config,
        out,
    }
}
