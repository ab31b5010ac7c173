//! A shard: one thread, its connections and its [`Broker`](broker_core::Broker).
//!
//! Everything here runs on one thread, so nothing here is locked. Who has work to do borrows the shard's [`State`],
//! does it, and returns the borrow before waiting for anything. Seven kinds of tasks do so:
//!
//! - one **reader** for each connection takes what its client sends through transport, dialect and core, and performs
//!   the effects on the spot;
//! - the **pump** writes what has been queued: it runs behind all tasks that are ready, so that frames which pile up for
//!   a connection meanwhile leave in one system call. It yields between slices, and whoever gets a word of its own does
//!   not wait behind those who are part of a fan-out;
//! - the **clock** does what is due;
//! - the **bell** of the gate is answered: other shards need permits, or there are some for this one;
//! - the **postman** takes letters from the other threads, and for each other shard a **courier** takes them there;
//! - the **usher** has clients read again that were not while too many letters were on their way.

mod calls;
mod complaints;
mod connection;
mod effects;
mod farewell;
mod frames;
mod handshake;
mod intake;
mod lines;
mod lobby;
mod namespaces;
mod outbox;
mod polling;
mod polls;
mod reader;
mod settings;
mod state;
mod table;
mod timers;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

use broker_backend::Backend;
use broker_core::{Orders, SessionHandle, Timestamp};
use tokio::runtime::LocalRuntime;
use tokio::sync::{Notify, mpsc};
use tokio::task::{JoinError, JoinSet, spawn_local, yield_now};

use self::connection::{Peer, Waiting};
use self::farewell::{ENDING, RESTARTING};
use self::state::State;
use crate::forwarded::Caller;
use crate::mailbox::{Mail, Mailboxes};
use crate::permits::Leaseholder;
use crate::public;

pub(crate) use self::connection::Peer as ClientPeer;
pub(crate) use self::handshake::{Admission, NotAdmitted};
pub(crate) use self::lobby::{Invitation, TurnedAway};
pub(crate) use self::settings::{Settings, websocket_settings};
pub(crate) use self::state::{PollError, Probed};

/// How many connections the pump writes to before it lets others work: about a millisecond's worth.
const PUMP_SLICE: usize = 256;

/// How many connections are told to close before others may work.
const DRAIN_SLICE: usize = 256;

/// What the tasks of a shard share.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) settings: Arc<Settings>,
    pub(crate) mailboxes: Mailboxes,
    backend: Arc<dyn Backend>,
    /// Its part of the calls that may be with the backend. Dropped with the last task.
    permits: Leaseholder,
    state: RefCell<State>,
    /// There is something to write, or a list of commands to carry on with.
    pump: Notify,
    /// A deadline has become earlier.
    alarm: Notify,
    /// There are letters for a shard, by its number.
    letters: Box<[Notify]>,
    /// A connection has gone, or an event was answered.
    ebb: Notify,
    /// A drain begins.
    drain_begins: Notify,
    /// How many sockets are served that carry several connections, and have to be ended in order.
    shared_sockets: Cell<usize>,
}

/// Runs a shard until it is told to end. Called on a thread of its own; says so once it is `ready`.
pub(crate) fn run(
    number: u16,
    settings: Arc<Settings>,
    mailboxes: Mailboxes,
    letters: mpsc::Receiver<Mail>,
    backend: &dyn Backend,
    runtime: &LocalRuntime,
    ready: impl FnOnce(),
) {
    runtime.block_on(async {
        let shard = Rc::new(Shard {
            backend: backend.for_shard(),
            permits: settings.leaseholder(number),
            state: RefCell::new(State::new(number, &settings)),
            letters: (0..settings.shards).map(|_| Notify::new()).collect(),
            settings,
            mailboxes,
            pump: Notify::new(),
            alarm: Notify::new(),
            ebb: Notify::new(),
            drain_begins: Notify::new(),
            shared_sockets: Cell::new(0),
        });
        if number == 0 {
            shard.work(State::start);
        }
        ready();
        serve(shard, letters).await;
    });
}

/// Runs the tasks that serve all connections, until the shard is told to end. A panic in one of them, which is a fault that
/// cannot be put down to any connection, ends the shard too.
async fn serve(shard: Rc<Shard>, letters: mpsc::Receiver<Mail>) {
    let pump = spawn_local(pump(shard.clone()));
    let clock = spawn_local(keep_time(shard.clone()));
    let bell = spawn_local(answer_bell(shard.clone()));
    let usher = spawn_local(read_writers_on(shard.clone()));
    let mut couriers = JoinSet::new();
    let own = shard.state.borrow().number();
    for other in (0..shard.settings.shards).filter(|other| *other != own) {
        couriers.spawn_local(carry_letters(shard.clone(), other));
    }
    tokio::select! {
        () = deliver_mail(shard, letters) => {}
        ended = pump => pass_on(ended),
        ended = clock => pass_on(ended),
        ended = bell => pass_on(ended),
        ended = usher => pass_on(ended),
        // Where there is one shard, there are none.
        Some(ended) = couriers.join_next() => {
            // One that ends by itself has found its shard ended, and this one is told so too.
            if let Err(error) = ended {
                pass_on(Err(error));
            }
        }
    }
}

/// Goes on with the panic that ended a task which never ends by itself.
fn pass_on(ended: Result<Infallible, JoinError>) {
    match ended {
        Ok(never) => match never {},
        Err(error) => {
            if let Ok(panic) = error.try_into_panic() {
                resume_unwind(panic);
            }
        }
    }
}

impl Shard {
    /// Does some work on the state, then performs the effects that came of it.
    fn work<T>(self: &Rc<Shard>, work: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.state.borrow_mut();
        let now = self.settings.clock.now();
        let result = work(&mut state, now);
        state.perform(self, now);
        let State {
            broker, effects, ..
        } = &mut *state;
        self.permits.settle(now, broker, effects);
        state.perform(self, now);
        if state.has_work() {
            self.pump.notify_one();
        }
        if state.is_alarm_late() {
            self.alarm.notify_one();
        }
        result
    }

    /// Does some work for one connection, which alone is closed if it panics.
    fn work_for(
        self: &Rc<Shard>,
        session: SessionHandle,
        work: impl FnOnce(&mut State, Timestamp),
    ) {
        self.work(|state, now| state.on_behalf_of(now, session, |state| work(state, now)));
    }

    /// Waits until a drain has begun.
    pub(crate) async fn draining(&self) {
        // It is listened for before it is asked for, so that it can't come in between.
        let begins = self.drain_begins.notified();
        if !self.state.borrow().is_draining() {
            begins.await;
        }
    }

    /// Has a drain wait for a socket that carries several connections, until what this returns is dropped.
    pub(crate) fn share_socket(self: &Rc<Shard>) -> SharedSocket {
        self.shared_sockets.set(self.shared_sockets.get() + 1);
        SharedSocket(self.clone())
    }

    /// Types of commands that the embedder has taken over.
    pub(crate) fn own_commands(&self) -> &[Box<str>] {
        self.backend.own_commands()
    }

    /// Makes a call to the backend, and tells the core what came of it.
    fn call_backend(self: &Rc<Shard>, call: broker_core::Call) {
        spawn_local(calls::make(self.clone(), call));
    }

    /// Hands an answer's commands to all shards.
    fn route(self: &Rc<Shard>, orders: Orders) {
        let shard = self.clone();
        spawn_local(async move {
            // Without the other shards there is nobody left to carry them out.
            let _ = shard.mailboxes.route(orders, None).await;
        });
    }

    /// Goes on writing to a connection once its socket takes something again, unless what it returns is dropped before.
    fn flush_when_writable(
        self: &Rc<Shard>,
        session: SessionHandle,
        writer: Rc<broker_transport::Writer>,
    ) -> Waiting {
        let shard = self.clone();
        let task = spawn_local(async move {
            let outcome = writer.writable().await;
            shard.work_for(session, |state, now| state.unblock(now, session, outcome));
        });
        Waiting(task.abort_handle())
    }
}

/// A socket that carries several connections is being served.
#[derive(Debug)]
pub(crate) struct SharedSocket(Rc<Shard>);

impl Drop for SharedSocket {
    fn drop(&mut self) {
        let shard = &self.0;
        shard.shared_sockets.set(shard.shared_sockets.get() - 1);
        shard.ebb.notify_waiters();
    }
}

async fn pump(shard: Rc<Shard>) -> Infallible {
    loop {
        shard.pump.notified().await;
        while shard.work(|state, now| state.pump(now, PUMP_SLICE)) {
            yield_now().await;
        }
    }
}

async fn keep_time(shard: Rc<Shard>) -> Infallible {
    loop {
        let alarm = shard.state.borrow_mut().set_alarm();
        match alarm {
            None => shard.alarm.notified().await,
            Some(at) => {
                tokio::select! {
                    () = tokio::time::sleep_until(shard.settings.clock.instant(at)) => {
                        // What has arrived by now is read first, so that nobody is dropped for a delay of ours.
                        yield_now().await;
                        shard.work(|state, now| state.handle_timeouts(now));
                    }
                    () = shard.alarm.notified() => {}
                }
            }
        }
    }
}

/// Claims permits whenever the gate wants it to.
async fn answer_bell(shard: Rc<Shard>) -> Infallible {
    loop {
        shard.permits.rung().await;
        shard.work(|state, _| state.broker.ring());
    }
}

/// Takes letters to another shard, until that has ended.
async fn carry_letters(shard: Rc<Shard>, to: u16) {
    loop {
        shard.letters[usize::from(to)].notified().await;
        // What comes up while there is no room goes along.
        let Ok(place) = shard.mailboxes.reserve(usize::from(to)).await else {
            return;
        };
        let letters = shard.state.borrow_mut().outbox.take(to);
        place.send(Mail::Letters(letters));
    }
}

/// Has those read again who write letters, whenever there is room for some.
async fn read_writers_on(shard: Rc<Shard>) -> Infallible {
    loop {
        let room = shard.settings.transit.room();
        if !shard.settings.transit.is_full() {
            shard.work(State::read_writers_on);
        }
        room.await;
    }
}

/// Takes letters until the shard is told to end.
async fn deliver_mail(shard: Rc<Shard>, mut letters: mpsc::Receiver<Mail>) {
    while let Some(mail) = letters.recv().await {
        match mail {
            Mail::Socket { socket, seat } => {
                let peer = Peer {
                    caller: Caller::Peer(socket.peer()),
                    seat,
                };
                match socket.into_socket() {
                    Ok(socket) => {
                        spawn_local(public::serve(shard.clone(), socket, peer));
                    }
                    Err(error) => {
                        tracing::warn!(event = "trouble", "a new connection was lost: {error}")
                    }
                }
            }
            Mail::Adopt(adoption) => {
                spawn_local(adoption.settle(shard.clone()));
            }
            Mail::Poll(poll) => {
                spawn_local(poll.settle(shard.clone()));
            }
            Mail::Visit(visit) => {
                spawn_local(visit.settle(shard.clone()));
            }
            Mail::Takeover(takeover, connection) => {
                spawn_local(takeover.settle(shard.clone(), connection));
            }
            Mail::Orders(orders, reply) => {
                shard.work(|state, now| state.execute(now, orders, reply));
                // What follows waits until this list is done; connections, timers and answers go on meanwhile.
                while shard.state.borrow().is_executing() {
                    yield_now().await;
                }
            }
            Mail::Letters(letters) => shard.work(|state, now| state.take_letters(now, letters)),
            Mail::Drain(drained) => {
                spawn_local(drain(shard.clone(), drained));
            }
            Mail::End => {
                shard.work(|state, now| state.close_all(now, &ENDING));
                // One try for each close frame; nobody is waited for.
                while shard.work(|state, now| state.pump(now, PUMP_SLICE)) {}
                // What goes over HTTP/2 is written by other tasks, which are ready by now.
                yield_now().await;
                return;
            }
            Mail::Report(reply) => {
                // Whoever asked may have given up.
                let _ = reply.try_send(shard.state.borrow().report());
            }
        }
    }
}

/// Closes every connection, and waits until they have gone and the backend has been told.
async fn drain(shard: Rc<Shard>, drained: mpsc::Sender<()>) {
    let sessions = shard.state.borrow_mut().start_draining();
    shard.drain_begins.notify_waiters();
    for slice in sessions.chunks(DRAIN_SLICE) {
        shard.work(|state, now| {
            for &session in slice {
                state.on_behalf_of(now, session, |state| {
                    state.close(now, session, RESTARTING);
                });
            }
        });
        yield_now().await;
    }
    loop {
        let ebb = shard.ebb.notified();
        if shard.state.borrow().is_drained() && shard.shared_sockets.get() == 0 {
            break;
        }
        ebb.await;
    }
    // Dropping it is the signal.
    drop(drained);
}
