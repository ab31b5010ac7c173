//! The HTTP backend of the round trips: as little as answers a POST.
//!
//! It runs on the load generator's core and gives one of two ready answers for
//! each event, so that it is never what a server waits for.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{cpu, epoll::Epoll, http};

/// The answer to a client's message: one command, for whoever sent it.
const SEND: &str = r#"[{"type":"send","message":{"type":"pong"}}]"#;

/// The answer to everything else.
const NOTHING: &str = "[]";

const LISTENER: u64 = u64::MAX;

/// A running backend. It ends when it is dropped.
pub(crate) struct Backend {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What a backend has done so far.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    /// CPU time of its thread in nanoseconds, when it last had nothing to do.
    cpu_nanos: AtomicU64,
}

impl Backend {
    /// Starts on `core`, on a port of its own.
    pub(crate) fn start(core: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ending);
        let counts = Arc::<Counts>::default();
        let counted = Arc::clone(&counts);
        let thread = thread::Builder::new()
            .name("backend".to_owned())
            .spawn(move || {
                cpu::pin(core)?;
                serve(&listener, &ended, &counted)
            })?;
        Ok(Self {
            address,
            ending,
            counts,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has had, and the CPU time that its thread has used,
    /// as of when it last had nothing to do.
    pub(crate) fn used(&self) -> (u64, Duration) {
        let requests = self.counts.requests.load(Ordering::Acquire);
        let nanos = self.counts.cpu_nanos.load(Ordering::Acquire);
        (requests, Duration::from_nanos(nanos))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // Wakes the thread; if that fails it has ended by itself.
        drop(TcpStream::connect(self.address));
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the backend of the round trips failed: {error}");
        }
    }
}

/// A server's connection, and what came of its next request.
struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
}

fn serve(listener: &TcpListener, ending: &AtomicBool, counts: &Counts) -> io::Result<()> {
    let answers = [answer(NOTHING), answer(SEND)];
    let mut epoll = Epoll::new()?;
    epoll.watch(listener, LISTENER)?;
    let mut connections = HashMap::new();
    let mut next = 0;
    let mut tokens = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let nanos = used.tv_sec as u64 * 1_000_000_000 + used.tv_nsec as u64;
        counts.cpu_nanos.store(nanos, Ordering::Release);
        epoll.wait(None, &mut tokens)?;
        if ending.load(Ordering::Acquire) {
            return Ok(());
        }
        for &token in &tokens {
            if token == LISTENER {
                let (socket, _) = listener.accept()?;
                socket.set_nodelay(true)?;
                epoll.watch(&socket, next)?;
                let received = Vec::new();
                connections.insert(next, Connection { socket, received });
                next += 1;
            } else if let Some(connection) = connections.get_mut(&token)
                && !connection.serve(&mut buffer, &answers, counts)?
            {
                connections.remove(&token);
            }
        }
    }
}

impl Connection {
    /// Reads once and answers what is whole; false when the connection is over.
    fn serve(
        &mut self,
        buffer: &mut [u8],
        answers: &[Vec<u8>; 2],
        counts: &Counts,
    ) -> io::Result<bool> {
        match self.socket.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(len) => self.received.extend_from_slice(&buffer[..len]),
            Err(error) => return unless_gone(error),
        }
        while let Some(request) = http::request(&self.received)? {
            counts.requests.fetch_add(1, Ordering::Relaxed);
            let (len, close) = (request.len, request.close);
            let written = if request.body.starts_with(br#"{"events":["#) {
                self.socket
                    .write_all(&answer(&answers_to_each(&request.body)))
            } else {
                self.socket
                    .write_all(&answers[usize::from(is_message(&request.body))])
            };
            if let Err(error) = written {
                return unless_gone(error);
            }
            if close {
                return Ok(false);
            }
            self.received.drain(..len);
        }
        Ok(true)
    }
}

/// Whether an event is a client's message.
fn is_message(event: &[u8]) -> bool {
    memchr::memmem::find(event, b"client-").is_some()
}

/// The answers to a batch of events: each of them names its connection once.
fn answers_to_each(body: &[u8]) -> String {
    let mut answers = String::from("[");
    let mut start = 0;
    for end in memchr::memmem::find_iter(body, br#","connection":{"#) {
        let is_message = is_message(&body[start..end]);
        let comma = if start == 0 { "" } else { "," };
        answers.push_str(comma);
        answers.push_str(if is_message { SEND } else { NOTHING });
        start = end;
    }
    answers.push(']');
    answers
}

/// A server that is killed at the end of a round may leave requests behind.
fn unless_gone(error: io::Error) -> io::Result<bool> {
    let gone = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    if gone.contains(&error.kind()) {
        Ok(false)
    } else {
        Err(error)
    }
}

fn answer(commands: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{commands}",
        commands.len()
    )
    .into_bytes()
}
