//! Both ends of a bridge at work, in any order and in pieces of any length.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use proptest::prelude::*;
use tokio::runtime;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    PeerSends(usize),
    PeerEnds,
    /// The peer has room for so much more.
    PeerTakes(usize),
    Reads(usize),
    Writes(Vec<usize>),
    Shuts,
    /// The carrier's task runs, if it was woken.
    Carries,
}

fn step() -> impl Strategy<Value = Step> {
    let length = || prop_oneof![3 => 0..200_usize, 1 => 0..PIPE_BYTES];
    prop_oneof![
        4 => length().prop_map(Step::PeerSends),
        4 => length().prop_map(Step::PeerTakes),
        4 => length().prop_map(Step::Reads),
        4 => prop::collection::vec(length(), 0..4).prop_map(Step::Writes),
        8 => Just(Step::Carries),
        1 => prop_oneof![Just(Step::PeerEnds), Just(Step::Shuts)],
    ]
}

/// The byte at this place of a stream: another one than at any place near it, and than a pipe further on.
fn byte(place: usize) -> u8 {
    (place ^ (place >> 8) ^ (place >> 16)) as u8
}

/// Whether a task is to run.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A task that runs when it was woken, and no sooner.
struct Task {
    woken: Arc<Woken>,
    waker: Waker,
}

impl Task {
    fn new() -> Task {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = woken.clone().into();
        Task { woken, waker }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    /// Runs `work` if the task was woken. What is ready wants to go on.
    fn run<T>(&self, work: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
        match work(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(value) => {
                self.woken.0.store(true, Ordering::Relaxed);
                Some(value)
            }
            Poll::Pending => None,
        }
    }
}

/// What the peer has done, and what has been done to it. It sends and expects the bytes of [`byte`].
#[derive(Debug, Default)]
struct Peer {
    sent: usize,
    has_ended: bool,
    /// How much of it has been carried.
    carried: usize,
    heard: usize,
    has_heard_the_end: bool,
    room: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The stream to the peer.
struct ToPeer(Arc<Mutex<Peer>>);

impl AsyncRead for ToPeer {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut peer = self.0.lock().unwrap();
        let len = buffer.remaining().min(peer.sent - peer.carried);
        if len == 0 && !peer.has_ended {
            peer.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes: Vec<u8> = (peer.carried..peer.carried + len).map(byte).collect();
        buffer.put_slice(&bytes);
        peer.carried += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ToPeer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut peer = self.0.lock().unwrap();
        assert!(!peer.has_heard_the_end, "bytes behind the end");
        if peer.room == 0 {
            peer.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = bytes.len().min(peer.room);
        let is_right = (peer.heard..)
            .zip(&bytes[..len])
            .all(|(place, heard)| byte(place) == *heard);
        assert!(
            is_right,
            "other bytes than were written, behind {}",
            peer.heard
        );
        peer.room -= len;
        peer.heard += len;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().has_heard_the_end = true;
        Poll::Ready(Ok(()))
    }
}

/// A connection, its peer, and what carries bytes between them.
struct Traffic {
    peer: Arc<Mutex<Peer>>,
    reader: Reader,
    writer: Writer,
    carrying: Pin<Box<dyn Future<Output = ()>>>,
    carrier: Task,
    reading: Task,
    writing: Task,
    read: usize,
    has_read_the_end: bool,
    written: usize,
    is_shut: bool,
}

impl Traffic {
    fn new() -> Traffic {
        let (reader, writer, carrier) = bridge();
        let peer = Arc::new(Mutex::new(Peer::default()));
        Traffic {
            reader: Reader::Bridged(reader),
            writer: Writer::Bridged(writer),
            carrying: Box::pin(carrier.carry(ToPeer(peer.clone()), None, PATIENCE)),
            peer,
            carrier: Task::new(),
            reading: Task::new(),
            writing: Task::new(),
            read: 0,
            has_read_the_end: false,
            written: 0,
            is_shut: false,
        }
    }

    fn perform(&mut self, step: &Step) {
        match step {
            Step::PeerSends(len) => {
                let mut peer = self.peer.lock().unwrap();
                if !peer.has_ended {
                    peer.sent += len;
                }
                wake(peer.reader.take());
            }
            Step::PeerEnds => {
                let mut peer = self.peer.lock().unwrap();
                peer.has_ended = true;
                wake(peer.reader.take());
            }
            Step::PeerTakes(len) => {
                let mut peer = self.peer.lock().unwrap();
                peer.room += len;
                wake(peer.writer.take());
            }
            Step::Reads(len) => self.reads(*len),
            Step::Writes(lengths) => self.writes(lengths),
            Step::Shuts => {
                self.is_shut = true;
                self.writer.shutdown();
            }
            Step::Carries => {
                let ended = self.carrier.run(|cx| self.carrying.as_mut().poll(cx));
                assert!(ended.is_none(), "the connection is there");
            }
        }
        let peer = self.peer.lock().unwrap();
        assert!(
            peer.carried - self.read <= PIPE_BYTES,
            "more waits to be read"
        );
        // What has left a pipe and is not taken yet is on its way.
        assert!(
            self.written - peer.heard <= 2 * PIPE_BYTES,
            "more is to be sent"
        );
    }

    fn reads(&mut self, len: usize) {
        let mut bytes = vec![0; len.max(1)];
        let Some(read) = { &self.reading }.run(|cx| self.reader.poll_read(cx, &mut bytes)) else {
            return;
        };
        let heard = &bytes[..read.unwrap()];
        self.has_read_the_end = heard.is_empty();
        let is_right = (self.read..)
            .zip(heard)
            .all(|(place, heard)| byte(place) == *heard);
        assert!(is_right, "other bytes than were sent, behind {}", self.read);
        self.read += heard.len();
        let peer = self.peer.lock().unwrap();
        if self.has_read_the_end {
            assert!(
                peer.has_ended && self.read == peer.sent,
                "an end that is none"
            );
        }
    }

    /// Writes as much as is taken at once; whoever is told to wait does so.
    fn writes(&mut self, lengths: &[usize]) {
        let mut end = self.written;
        let slices = lengths.iter().map(|len| {
            let start = end;
            end += len;
            (start..end).map(byte).collect::<Vec<u8>>()
        });
        let slices: Vec<Vec<u8>> = slices.collect();
        let slices: Vec<IoSlice<'_>> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
        let wanted = end - self.written;
        let written = self.writing.run(|cx| {
            let outcome = self.writer.try_write_vectored(&slices);
            if matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return pin!(self.writer.writable()).poll(cx).map(|_| Ok(0));
            }
            Poll::Ready(outcome)
        });
        match written {
            None => {}
            Some(Ok(len)) => {
                assert!(!self.is_shut && len <= wanted);
                self.written += len;
            }
            Some(Err(error)) => {
                assert!(
                    self.is_shut && error.kind() == io::ErrorKind::BrokenPipe,
                    "{error}"
                );
            }
        }
    }

    /// Nothing is held back any more: all that was sent and written arrives, and the ends behind it.
    fn finish(mut self) {
        for step in [Step::PeerEnds, Step::Shuts, Step::PeerTakes(usize::MAX / 2)] {
            self.perform(&step);
        }
        while self.is_awake() {
            self.perform(&Step::Carries);
            if !self.has_read_the_end {
                self.perform(&Step::Reads(PIPE_BYTES));
            }
        }
        let peer = self.peer.lock().unwrap();
        assert_eq!((self.read, self.has_read_the_end), (peer.sent, true));
        assert_eq!((peer.heard, peer.has_heard_the_end), (self.written, true));
        assert!(self.writing.is_woken(), "it waits though there is room");
        drop((peer, self.reader, self.writer));
        let ended = self.carrier.run(|cx| self.carrying.as_mut().poll(cx));
        assert!(ended.is_some(), "it carries for nobody");
    }

    /// Whether a task that does something was woken.
    fn is_awake(&self) -> bool {
        self.carrier.is_woken() || (self.reading.is_woken() && !self.has_read_the_end)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

proptest! {
    #[test]
    fn bytes_arrive_as_they_were_and_no_more_of_them_wait_than_may(
        steps in prop::collection::vec(step(), 0..120),
    ) {
        // A carrier has time-outs. None of them passes here, since nothing lets time pass.
        let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap();
        let _within = runtime.enter();
        let mut traffic = Traffic::new();
        for step in &steps {
            traffic.perform(step);
        }
        traffic.finish();
    }
}
