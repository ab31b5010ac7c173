//! The HTTP backend of the round trips: as little as answers a POST.
//!
//! It runs on the load generator's core and gives one of two ready answers, so
//! that it is never what a server waits for.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

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
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Backend {
    /// Starts on `core`, on a port of its own.
    pub(crate) fn start(core: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ending);
        let thread = thread::Builder::new()
            .name("backend".to_owned())
            .spawn(move || {
                cpu::pin(core)?;
                serve(&listener, &ended)
            })?;
        Ok(Self {
            address,
            ending,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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

fn serve(listener: &TcpListener, ending: &AtomicBool) -> io::Result<()> {
    let send = answer(SEND);
    let nothing = answer(NOTHING);
    let mut epoll = Epoll::new()?;
    epoll.watch(listener, LISTENER)?;
    let mut connections = HashMap::new();
    let mut next = 0;
    let mut tokens = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
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
                && !connection.serve(&mut buffer, &send, &nothing)?
            {
                connections.remove(&token);
            }
        }
    }
}

impl Connection {
    /// Reads once and answers what is whole; false when the connection is over.
    fn serve(&mut self, buffer: &mut [u8], send: &[u8], nothing: &[u8]) -> io::Result<bool> {
        match self.socket.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(len) => self.received.extend_from_slice(&buffer[..len]),
            Err(error) => return unless_gone(error),
        }
        while let Some(request) = http::request(&self.received)? {
            let is_message = memchr::memmem::find(&request.body, b"client-").is_some();
            let (len, close) = (request.len, request.close);
            let answer = if is_message { send } else { nothing };
            if let Err(error) = self.socket.write_all(answer) {
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
