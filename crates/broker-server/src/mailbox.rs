//! How shards are reached from other threads: one bounded mailbox each, and one order for what goes to all.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use broker_core::{CommandList, Letter, Orders, Outcome, Source};
use broker_transport::Accepted;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;

use crate::embed::{Adoption, Poll};
use crate::handover::Handover;
use crate::load::Seat;
use crate::polling::{Takeover, Visit};

/// How many letters a mailbox holds before those who send have to wait.
const MAILBOX_LETTERS: usize = 1024;

/// How many sessions or values a shard's thread may put together and write in one go: well below a millisecond's worth.
const FINDINGS_AT_ONCE: usize = 1000;

/// How many lists that found more may be worked on at once; the others wait.
const LARGE_RESULTS: usize = 4;

/// Everything that a shard can be told from outside its thread.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A socket for this shard.
    Socket { socket: Accepted, seat: Seat },
    /// A client of an embedder's own server, for this shard.
    Adopt(Box<Adoption>),
    /// A request of a client that polls an embedder's own server, for this shard.
    Poll(Box<Poll>),
    /// A request of a client that polls, whose session is on this shard.
    Visit(Box<Visit>),
    /// A WebSocket that is to take over from polls, for a session of this shard.
    Takeover(Box<Takeover>, Handover),
    /// Commands for the sessions of every shard, and who waits for what came of them here.
    Orders(Orders, Option<mpsc::Sender<Vec<Outcome>>>),
    /// What sessions of another shard have to say to those of this one.
    Letters(Vec<Letter>),
    /// Close every connection, and drop this when they have gone and all is told.
    Drain(mpsc::Sender<()>),
    /// Close every connection and end.
    End,
    /// Say how things stand.
    Report(mpsc::Sender<Report>),
}

/// How things stand on a shard, or on several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Open connections.
    pub connections: usize,
    /// Sessions, with those whose last events are not answered yet.
    pub sessions: usize,
    /// Calls that the backend has not answered yet.
    pub calls_in_flight: usize,
    /// Events that are not answered yet, with those in flight.
    pub events_held: usize,
    /// Bytes that wait to be sent to clients.
    pub queued_bytes: usize,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Report {
            connections,
            sessions,
            calls_in_flight,
            events_held,
            queued_bytes,
        } = self;
        write!(
            f,
            "{connections} connections, {sessions} sessions, {events_held} events held, {calls_in_flight} calls with the \
             backend, {queued_bytes} bytes queued"
        )
    }
}

impl Report {
    /// Adds what another shard reports.
    fn add(&mut self, other: Report) {
        self.connections += other.connections;
        self.sessions += other.sessions;
        self.calls_in_flight += other.calls_in_flight;
        self.events_held += other.events_held;
        self.queued_bytes += other.queued_bytes;
    }
}

/// The mailboxes of all shards.
#[derive(Clone, Debug)]
pub(crate) struct Mailboxes {
    boxes: Arc<[mpsc::Sender<Mail>]>,
    /// Held while a list of commands is put into every mailbox, so that all shards get all lists in one order.
    order: Arc<Mutex<()>>,
    /// Places for working on lists that have found very much.
    large: Arc<Semaphore>,
}

/// The shards have ended, or are about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker is shutting down")]
pub struct ShuttingDown;

/// What came of a list in the form of one of the doors.
pub(crate) type Write = fn(&CommandList, &[Outcome], &mut Vec<u8>);

impl Mailboxes {
    pub(crate) fn new(shards: usize) -> (Mailboxes, Vec<mpsc::Receiver<Mail>>) {
        let (boxes, receivers): (Vec<_>, Vec<_>) =
            (0..shards).map(|_| mpsc::channel(MAILBOX_LETTERS)).unzip();
        (
            Mailboxes {
                boxes: boxes.into(),
                order: Arc::default(),
                large: Arc::new(Semaphore::new(LARGE_RESULTS)),
            },
            receivers,
        )
    }

    /// Puts a letter into one shard's mailbox, waiting for room.
    pub(crate) async fn send(&self, shard: usize, mail: Mail) -> Result<(), ShuttingDown> {
        self.boxes[shard].send(mail).await.map_err(|_| ShuttingDown)
    }

    /// A place in one shard's mailbox, when there is room.
    pub(crate) async fn reserve(
        &self,
        shard: usize,
    ) -> Result<mpsc::Permit<'_, Mail>, ShuttingDown> {
        self.boxes[shard].reserve().await.map_err(|_| ShuttingDown)
    }

    /// Puts a letter into every mailbox.
    pub(crate) async fn send_all(&self, mut mail: impl FnMut() -> Mail) {
        for shard in 0..self.boxes.len() {
            // A shard that has ended needs no more telling.
            let _ = self.send(shard, mail()).await;
        }
    }

    /// Hands a list of commands to every shard, in one order for all lists.
    ///
    /// Room is waited for before the order is fixed. Shards empty their mailboxes without ever waiting here, so that two
    /// lists cannot block each other.
    pub(crate) async fn route(
        &self,
        orders: Orders,
        reply: Option<mpsc::Sender<Vec<Outcome>>>,
    ) -> Result<(), ShuttingDown> {
        let mut places = Vec::with_capacity(self.boxes.len());
        for mailbox in self.boxes.iter() {
            places.push(mailbox.reserve().await.map_err(|_| ShuttingDown)?);
        }
        {
            let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            for place in places {
                place.send(Mail::Orders(orders.clone(), reply.clone()));
            }
        }
        // A place outlives the shard that it was given by; what is put there then is read by nobody, and dropped late.
        if self.boxes.iter().any(mpsc::Sender::is_closed) {
            return Err(ShuttingDown);
        }
        Ok(())
    }

    /// Ends the shards that have been started, when not all of them could be.
    pub(crate) fn end(&self) {
        for mailbox in self.boxes.iter() {
            // Nothing else has been sent yet, so that there is room wherever somebody reads.
            let _ = mailbox.try_send(Mail::End);
        }
    }

    /// Has a list of commands carried out by every shard, and puts together what came of each command.
    pub(crate) async fn execute(
        &self,
        list: Arc<CommandList>,
        source: Source,
    ) -> Result<Vec<Outcome>, ShuttingDown> {
        self.execute_then(list, source, |_, outcomes| outcomes)
            .await
    }

    /// Has a list of commands carried out by every shard, and writes what came of each command.
    pub(crate) async fn execute_and_write(
        &self,
        list: Arc<CommandList>,
        source: Source,
        write: Write,
    ) -> Result<Vec<u8>, ShuttingDown> {
        let written = move |list: &CommandList, outcomes: Vec<Outcome>| {
            let mut written = Vec::new();
            write(list, &outcomes, &mut written);
            written
        };
        self.execute_then(list, source, written).await
    }

    /// Has a list of commands carried out by every shard, and makes something of what came of each command.
    ///
    /// Where very much was found, it is put together and worked on by a thread of its own, since whoever calls may be on
    /// a shard's, whose connections would wait meanwhile.
    pub(crate) async fn execute_then<T: Send + 'static>(
        &self,
        list: Arc<CommandList>,
        source: Source,
        then: impl FnOnce(&CommandList, Vec<Outcome>) -> T + Send + 'static,
    ) -> Result<T, ShuttingDown> {
        let (reply, mut replies) = mpsc::channel(self.boxes.len());
        let orders = Orders {
            list: list.clone(),
            source,
            origin: None,
            ticket: 0,
        };
        self.route(orders, Some(reply)).await?;
        let mut of_shards = Vec::with_capacity(self.boxes.len());
        for _ in 0..self.boxes.len() {
            of_shards.push(replies.recv().await.ok_or(ShuttingDown)?);
        }
        let findings: usize = of_shards.iter().flatten().map(Outcome::findings).sum();
        let work = move || then(&list, list.merge(of_shards));
        if findings <= FINDINGS_AT_ONCE {
            return Ok(work());
        }
        // Nobody closes the semaphore.
        let place = self.large.clone().acquire_owned().await;
        let place = place.map_err(|_| ShuttingDown)?;
        let done = spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(|error| {
            if let Ok(panic) = error.try_into_panic() {
                resume_unwind(panic);
            }
            // The runtime is ending, and with it the broker.
            ShuttingDown
        })
    }

    /// How things stand, over all shards.
    pub(crate) async fn report(&self) -> Report {
        let (reply, mut replies) = mpsc::channel(self.boxes.len());
        self.send_all(|| Mail::Report(reply.clone())).await;
        drop(reply);
        let mut all = Report::default();
        while let Some(one) = replies.recv().await {
            all.add(one);
        }
        all
    }
}

#[cfg(test)]
mod tests;
