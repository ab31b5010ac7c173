//! What the handles to a WebSocket and the task that serves it share.
//!
//! Everything is behind one lock, which is held for a moment: to queue a frame, to take an event out of what has arrived,
//! or to write what the socket takes at once. What inflates messages is shared by all WebSockets of an acceptor and has a
//! lock of its own, which is taken for a message that is compressed and for nothing else.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use broker_core::Timestamp;
use broker_dialect::Outgoing;
use broker_transport::Flushed;
use broker_transport::ws::{self, Deflater, Inflater, Window, encode};
use tokio::io::AsyncWrite;
use tokio::sync::{Notify, oneshot};

use super::SendError;
use super::state::{Ending, Heard, State};
use crate::clock::Clock;
use crate::config::Limits;

/// What compresses the messages of all WebSockets of an acceptor.
#[derive(Debug)]
pub(super) struct Codec {
    inflater: Mutex<Inflater>,
    deflater: Mutex<Deflater>,
}

impl Codec {
    /// Compresses messages of `min` bytes and more.
    pub(super) fn new(min: usize) -> Codec {
        Codec {
            inflater: Mutex::default(),
            deflater: Mutex::new(Deflater::new(min)),
        }
    }
}

/// One WebSocket.
#[derive(Debug)]
pub(super) struct Shared {
    codec: Arc<Codec>,
    clock: Clock,
    max_send_queue: usize,
    window: Option<Window>,
    state: Mutex<State>,
    /// There is something to write.
    work: Notify,
    /// A deadline has become earlier.
    alarm: Notify,
    /// Something was written, or nothing will be any more.
    ebb: Notify,
    /// It is to be dropped at once.
    abort: Notify,
}

impl Shared {
    pub(super) fn new(
        settings: Arc<ws::Settings>,
        limits: &Limits,
        window: Option<Window>,
        codec: Arc<Codec>,
    ) -> Shared {
        let clock = Clock::start();
        let machine = ws::WebSocket::new(settings, clock.now()).with_compression(window);
        Shared {
            codec,
            clock,
            max_send_queue: limits.max_send_queue.bytes(),
            window,
            state: Mutex::new(State::new(machine, limits.messages_per_second)),
            work: Notify::new(),
            alarm: Notify::new(),
            ebb: Notify::new(),
            abort: Notify::new(),
        }
    }

    /// Does some work on the state; the driver is woken for what comes of it.
    fn work<T>(&self, work: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = lock(&self.state);
        let result = work(&mut state, self.clock.now());
        if !state.outbound.is_empty() {
            self.work.notify_one();
        }
        let deadline = state.machine.next_deadline();
        if deadline.is_some_and(|due| state.woken_at.is_none_or(|at| due < at)) {
            self.alarm.notify_one();
        }
        result
    }

    pub(super) fn send(&self, message: &Outgoing) -> Result<(), SendError> {
        // It is not compressed under the lock of the state, and not at all where it would not be sent.
        lock(&self.state).may_send(self.max_send_queue)?;
        let frame = match self.window {
            Some(window) => lock(&self.codec.deflater).frame(message, Some(window)),
            None => encode::message(message),
        };
        self.work(|state, _| state.push(frame, self.max_send_queue))
    }

    pub(super) fn ping(&self) -> Result<oneshot::Receiver<Duration>, SendError> {
        let (waiting, answered) = oneshot::channel();
        self.work(|state, _| state.ping(waiting, self.max_send_queue))?;
        Ok(answered)
    }

    pub(super) async fn writable(&self) -> Result<(), SendError> {
        loop {
            // It is listened for before it is asked for, so that it can't come in between.
            let ebb = self.ebb.notified();
            match lock(&self.state).may_send(self.max_send_queue) {
                Err(SendError::Full) => {}
                other => return other,
            }
            ebb.await;
        }
    }

    pub(super) fn close(&self, code: u16, reason: &str) {
        self.work(|state, now| state.close(now, code, reason));
        self.ebb.notify_waiters();
    }

    pub(super) fn abort(&self) {
        self.work(|state, _| state.abort());
        self.abort.notify_one();
    }

    /// Waits until it is to be dropped at once.
    pub(super) async fn aborted(&self) -> Ending {
        self.abort.notified().await;
        Ending::lost(None)
    }

    /// Nobody takes what is heard.
    pub(super) fn pause(&self) {
        self.work(|state, _| state.machine.pause());
    }

    pub(super) fn resume(&self) {
        self.work(|state, now| state.machine.resume(now));
    }

    /// Takes the next event out of `input`, which is moved past the bytes that were used; nothing means that all were.
    pub(super) fn receive(&self, input: &mut &mut [u8]) -> Option<Heard> {
        let mut inflating = None;
        self.work(|state, now| {
            state.receive(
                now,
                || &mut **inflating.insert(lock(&self.codec.inflater)),
                input,
                self.max_send_queue,
            )
        })
    }

    /// Does what is due, each time something is; gives the end that comes of it.
    pub(super) async fn keep_time(&self) -> Ending {
        loop {
            let deadline = {
                let mut state = lock(&self.state);
                state.woken_at = state.machine.next_deadline();
                state.woken_at
            };
            match deadline {
                None => self.alarm.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(at)) => {
                            // What has arrived by now is read first, so that nobody is dropped for a delay of ours.
                            tokio::task::yield_now().await;
                            let max = self.max_send_queue;
                            if let Some(ending) = self.work(|state, now| state.do_what_is_due(now, max)) {
                                return ending;
                            }
                        }
                        () = self.alarm.notified() => {}
                    }
                }
            }
        }
    }

    /// Writes whatever is queued, whenever something is; ends when that fails.
    pub(super) async fn write(&self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Error {
        loop {
            self.work.notified().await;
            if let Err(error) = poll_fn(|cx| self.poll_flush(writer, cx)).await {
                return error;
            }
        }
    }

    /// Writes all that is queued, and says that nothing more will come.
    pub(super) async fn finish(&self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(writer, cx)).await?;
        poll_fn(|cx| Pin::new(&mut *writer).poll_shutdown(cx)).await
    }

    fn poll_flush(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let write =
            |slices: &[IoSlice<'_>]| match Pin::new(&mut *writer).poll_write_vectored(cx, slices) {
                Poll::Ready(written) => written,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            };
        let flushed = self.work(|state, _| state.outbound.flush_by(write));
        self.ebb.notify_waiters();
        match flushed? {
            Flushed::Blocked => Poll::Pending,
            Flushed::All => {
                ready!(Pin::new(writer).poll_flush(cx))?;
                self.work(|state, now| state.machine.close_has_left(now));
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Takes nothing in any more; whoever waits for a pong, or for room, learns that it has ended.
    pub(super) fn end(&self, ending: Ending) -> Ending {
        let ending = lock(&self.state).end(ending);
        self.ebb.notify_waiters();
        ending
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
