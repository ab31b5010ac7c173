//! What a shard knows, and what it does between two waits.

mod acting;
mod namespaces;
mod panics;
mod polled;
mod posted;
mod reading;
mod relaying;
mod writing;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use broker_core::{
    Broker, Config, Delivery, Effects, Gating, OnFull, Opening, Orders, Outcome, Pace,
    SessionHandle, SessionId, Timestamp,
};
use broker_dialect::socketio::engine::Transport;
use broker_dialect::{Action, Sessions, Start};
use broker_transport::ws::{Deflater, Inflater, WebSocket};
use broker_transport::{Outbound, Writer};
use slab::Slab;
use tokio::sync::mpsc;

use super::Settings;
use super::connection::{Connection, Way};
use super::effects::{Tally, Troubles};
use super::farewell::{Ending, Farewell, RESTARTING};
use super::handshake::Admission;
use super::intake::Intake;
use super::lines::{Line, Lines, Writing};
use super::lobby::Lobby;
use super::namespaces::Namespaces;
use super::outbox::Outbox;
use super::table::Table;
use super::timers::Timers;
use crate::config;
use crate::mailbox::Report;

use self::acting::ear;
pub(crate) use self::polled::Probed;
pub(crate) use self::posted::PollError;
pub(super) use self::reading::Turn;

/// How much is read at once from a connection.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The state of one shard. Its methods return at once; what they want from others they leave in it to be performed.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Arc<Settings>,
    pub(super) broker: Broker,
    pub(super) effects: Effects,
    pub(super) tally: Tally,
    /// What the log has been told of what is wrong with the application.
    pub(super) troubles: Troubles,
    /// Clients whose handshakes wait for the backend.
    pub(super) lobby: Lobby,
    /// Who waits for the outcomes of a list of commands; its ticket is the place here plus one.
    pub(super) waiting: Slab<mpsc::Sender<Vec<Outcome>>>,
    /// Connections whose socket has just stopped taking bytes and is to be waited for.
    pub(super) blocked: Vec<(SessionHandle, Rc<Writer>)>,
    pub(super) table: Table,
    /// The connections that are polled, by what their clients name them.
    polled: HashMap<SessionId, SessionHandle>,
    /// Letters for other shards.
    pub(super) outbox: Outbox,
    /// Connections that something waits for.
    lines: Lines,
    timers: Timers,
    /// When the clock's task will wake up by itself.
    alarm: Option<Timestamp>,
    read_buffer: Vec<u8>,
    /// What takes apart and makes the compressed messages of all connections.
    inflater: Inflater,
    deflater: Deflater,
    number: u16,
    is_draining: bool,
}

impl State {
    pub(super) fn new(number: u16, settings: &Arc<Settings>) -> State {
        State {
            broker: Broker::new(core_config(number, settings)),
            settings: settings.clone(),
            effects: Effects::default(),
            tally: Tally::default(),
            troubles: Troubles::default(),
            lobby: Lobby::default(),
            waiting: Slab::new(),
            blocked: Vec::new(),
            table: Table::default(),
            polled: HashMap::new(),
            outbox: Outbox::new(settings.shards),
            lines: Lines::default(),
            timers: Timers::default(),
            alarm: None,
            read_buffer: vec![0; READ_BUFFER_BYTES],
            inflater: Inflater::default(),
            deflater: Deflater::new(settings.config.websocket.compression_min.bytes()),
            number,
            is_draining: false,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Has the application told, where it wants to be, that the broker has started.
    pub(super) fn start(&mut self, now: Timestamp) {
        if let Some(boot) = &self.settings.boot {
            let id = SessionId::new(self.number, crate::random::bytes());
            self.broker.start(now, id, boot, &mut self.effects);
        }
    }

    /// Begins the session of a client that may come in. If its handshake waits for the backend, `is_asked`.
    pub(super) fn open(
        &mut self,
        now: Timestamp,
        admission: &Admission,
        is_asked: bool,
    ) -> SessionHandle {
        let route = &self.settings.endpoints[admission.endpoint];
        let mut opening = Opening::new(admission.id, admission.info.clone());
        opening.order = admission.order;
        opening.handshake = admission.handshake.clone();
        let is_client = route.dialect.sessions() == Sessions::One;
        opening.is_told = self.settings.tells_backend && is_client;
        opening.is_reachable = is_client;
        opening.is_asked = is_asked;
        self.broker.open(now, opening, &mut self.effects)
    }

    /// Gives a session its connection, once its handshake has been answered.
    pub(super) fn attach(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        admission: &Admission,
        way: Way,
    ) {
        let route = &self.settings.endpoints[admission.endpoint];
        let mut actions = Vec::new();
        let start = Start {
            revision: admission.revision,
            transport: match way {
                Way::Socket(_) => Transport::WebSocket,
                Way::Polls(_) => Transport::Polling,
            },
            ..Start::new(now, admission.id, &route.options)
        };
        let dialect = route
            .dialect
            .open(&start, &mut |action| actions.push(action));
        self.table.insert(Box::new(Connection {
            session,
            id: admission.id,
            websocket: WebSocket::new(route.websocket.clone(), now)
                .with_compression(admission.compression.map(|agreed| agreed.window)),
            dialect,
            namespaces: Namespaces::default(),
            outbound: Outbound::default(),
            way,
            reader: None,
            intake: Intake::default(),
            unread: None,
            pace: Pace::default(),
            writing: Writing::default(),
            timer: None,
            closing: None,
        }));
        let guest = self.lobby.leave(session);
        self.on_behalf_of(now, session, |state| {
            state.act(now, session, actions);
            state.schedule(session);
            tracing::info!(event = "connect", conn = %admission.id, ip = %admission.ip);
            if let Some(guest) = guest {
                state.welcome(now, session, guest);
            }
            // Its handshake was answered before the drain began, which has not seen it.
            if state.is_draining {
                state.close(now, session, RESTARTING);
            }
        });
    }

    /// Does what a dialect wants done of its own accord: nothing that its client has said is the cause.
    fn act(&mut self, now: Timestamp, session: SessionHandle, actions: Vec<Action>) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        let mut ear = ear!(self, now);
        for action in actions {
            ear.act(connection, action);
        }
        if connection.has_queued() {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
        }
        let moves = ear.moves;
        self.settle(session, moves);
    }

    /// Begins the close handshake with a connection, if it is open; for the session of a namespace, puts its client out.
    pub(super) fn close(&mut self, now: Timestamp, session: SessionHandle, farewell: Farewell) {
        if let Some(namespace) = self.table.namespace(session) {
            return self.put_out(now, session, namespace, &farewell);
        }
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        if connection.close(now, farewell) {
            self.lines
                .enter(Line::Prompt, session, &mut connection.writing);
            connection.tell_closing(&mut self.broker);
            self.schedule(session);
        }
    }

    /// Ends the session of a connection that has ended, and leaves the rest of its socket to its reader.
    pub(super) fn end(&mut self, now: Timestamp, session: SessionHandle, ending: Ending) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        // Who closes first gives the reason, however the other side takes it.
        let Farewell {
            code,
            reason,
            cause,
        } = match connection.closing.take() {
            Some(ours) => ours.farewell,
            None => ending.farewell,
        };
        let namespaces = connection.namespaces.take();
        if connection.polling().is_some() {
            self.polled.remove(&connection.id);
        }
        self.settings.counters.count_closed(cause);
        tracing::info!(event = "disconnect", conn = %connection.id, status = code, "{}", reason);
        self.table.end(session, ending.is_lost);
        self.end_namespaces(now, namespaces, code, &reason);
        self.broker
            .close(now, session, code, &reason, &mut self.effects);
    }

    pub(super) fn execute(
        &mut self,
        now: Timestamp,
        mut orders: Orders,
        reply: Option<mpsc::Sender<Vec<Outcome>>>,
    ) {
        orders.ticket = reply.map_or(0, |reply| self.waiting.insert(reply) as u64 + 1);
        self.broker.execute(now, orders, &mut self.effects);
    }

    /// Does what is due.
    pub(super) fn handle_timeouts(&mut self, now: Timestamp) {
        if self.broker.next_deadline().is_some_and(|due| due <= now) {
            self.broker.handle_timeout(now, &mut self.effects);
        }
        while let Some((at, session)) = self.timers.pop_due(now) {
            let Some(connection) = self
                .table
                .get_mut(session)
                .filter(|connection| connection.timer == Some(at))
            else {
                continue;
            };
            connection.timer = None;
            self.on_behalf_of(now, session, |state| {
                state.handle_connection_timeout(now, session);
                state.schedule(session);
            });
        }
    }

    /// Sets the timer of a connection, unless it is set for an earlier time already.
    fn schedule(&mut self, session: SessionHandle) {
        let Some(connection) = self.table.get_mut(session) else {
            return;
        };
        if let Some(deadline) = connection.next_deadline(&self.settings)
            && connection.timer.is_none_or(|set| deadline < set)
        {
            connection.timer = Some(deadline);
            self.timers.set(deadline, session);
        }
    }

    /// When the clock's task has to wake up next; it will not be disturbed before, unless an earlier time comes up.
    pub(super) fn set_alarm(&mut self) -> Option<Timestamp> {
        self.alarm = self.next_deadline();
        self.alarm
    }

    pub(super) fn is_alarm_late(&self) -> bool {
        self.next_deadline()
            .is_some_and(|due| self.alarm.is_none_or(|alarm| due < alarm))
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        self.broker
            .next_deadline()
            .into_iter()
            .chain(self.timers.next())
            .min()
    }

    /// Whether a handshake may still be answered with 101.
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining
    }

    /// Admits nobody any more; returns who is there.
    pub(super) fn start_draining(&mut self) -> Vec<SessionHandle> {
        self.is_draining = true;
        self.lobby.turn_all_away();
        self.table
            .connections()
            .map(|connection| connection.session)
            .collect()
    }

    /// Begins the close handshake with everybody.
    pub(super) fn close_all(&mut self, now: Timestamp, farewell: &Farewell) {
        for session in self.start_draining() {
            self.on_behalf_of(now, session, |state| {
                state.close(now, session, farewell.clone());
            });
        }
    }

    /// Whether nobody is connected and the backend knows all.
    pub(super) fn is_drained(&self) -> bool {
        self.table.live() == 0 && self.broker.sessions() == 0
    }

    pub(super) fn is_executing(&self) -> bool {
        self.broker.is_busy()
    }

    pub(super) fn report(&self) -> Report {
        Report {
            connections: self.table.live(),
            sessions: self.broker.sessions(),
            calls_in_flight: self.broker.calls_in_flight(),
            events_held: self.broker.events_held(),
            queued_bytes: self.table.connections().map(Connection::queued_bytes).sum(),
        }
    }
}

/// This shard's part of what is configured for the process.
fn core_config(number: u16, settings: &Settings) -> Config {
    let shards = usize::from(settings.shards);
    // The parts add up to the whole, unless that is less than one for each.
    let part = |whole: usize| {
        let rest = usize::from(usize::from(number) < whole % shards);
        (whole / shards + rest).max(1)
    };
    let backend = &settings.config.backend;
    let mut config = Config::default();
    config.shard = number;
    config.shards = settings.shards;
    config.seed = crate::random::seed();
    config.secret = settings.secret;
    config.answer_timeout = settings.config.limits.answer_timeout.duration();
    config.max_session = settings.config.limits.max_session.bytes();
    config.gate = Gating::Shared;
    config.delivery = match backend.delivery {
        config::Delivery::AtLeastOnce => Delivery::AtLeastOnce,
        config::Delivery::AtMostOnce => Delivery::AtMostOnce,
    };
    config.handshake_wait = backend.timeout.duration();
    config.batch = backend.batch.get() as usize;
    config.retries = backend.retries.get();
    config.on_full = match backend.hold.on_full {
        config::OnFull::Pause => OnFull::Pause,
        config::OnFull::DropOldest => OnFull::DropOldest,
        config::OnFull::DropNewest => OnFull::DropNewest,
        config::OnFull::Close => OnFull::Close,
    };
    config.max_held_age = backend.hold.max_age.map(config::TimeSpan::duration);
    config.max_held_events = backend.hold.max_events.get() as usize;
    config.max_held_bytes = part(backend.hold.max_bytes.bytes());
    config
}
