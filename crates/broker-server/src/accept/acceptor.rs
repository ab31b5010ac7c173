//! Taking sockets from a listener, also when there is no file descriptor left for them.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use broker_transport::{Accepted, Listener};
use rustix::io::Errno;
use tokio::time::{Instant, sleep};

/// How long nobody is accepted after it has failed, so that nothing spins.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How long it is not said again that descriptors are short.
const SILENCE: Duration = Duration::from_secs(60);

/// How many bytes of what a refused client has sent are read, in steps of their fourth part.
const DISCARDED_BYTES: usize = 16 * 1024;

/// The answer to those for whom there is no room.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The same to those who speak TLS, before a handshake is paid for: the fatal alert `internal_error`, which is about
/// neither the peer nor the protocol (RFC 8446 §6.2), in a record of its own (§5.1).
const FULL_TLS: &[u8] = &[21, 3, 3, 0, 2, 2, 80];

/// A listener, and a file descriptor in reserve: given up for a moment, it lets those be refused for whom there is none,
/// who would otherwise wait for an answer until one is free.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: Listener,
    /// What those are told for whom there is no room.
    full: &'static [u8],
    /// `None` while somebody else has got it.
    reserve: Option<File>,
    /// When it was last said that there are no more descriptors.
    told: Option<Instant>,
}

impl Acceptor {
    /// Of a listener that speaks TLS, or does not.
    pub(crate) fn new(listener: Listener, tls: bool) -> Acceptor {
        Acceptor {
            listener,
            full: if tls { FULL_TLS } else { FULL },
            reserve: reserve(),
            told: None,
        }
    }

    /// Waits for the next socket, however often accepting fails meanwhile.
    pub(crate) async fn next(&mut self) -> Accepted {
        loop {
            match self.listener.accept().await {
                Ok(socket) => return socket,
                // That was one peer's doing, and the next one need not wait for it.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if is_short_of_files(&error) => {
                    self.tell();
                    self.refuse_one().await;
                }
                Err(error) => {
                    tracing::warn!(event = "trouble", "no connection can be accepted: {error}");
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Refuses whoever is next, in the place of the reserve.
    async fn refuse_one(&mut self) {
        if self.reserve.take().is_none() {
            self.reserve = reserve();
            if self.reserve.is_none() {
                sleep(PAUSE_AFTER_FAILURE).await;
            }
            return;
        }
        // The system may have complained of the descriptor although nobody was waiting for it.
        let mut accepted = pin!(self.listener.accept());
        let accepted = poll_fn(|cx| match accepted.as_mut().poll(cx) {
            Poll::Ready(accepted) => Poll::Ready(accepted.ok()),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(socket) = accepted.await {
            tracing::debug!(
                event = "refused",
                status = 503,
                "a connection: no file descriptor is left"
            );
            self.refuse(socket);
        }
        self.reserve = reserve();
    }

    /// Says to a socket that there is no room and closes it, without waiting for anything.
    pub(super) fn refuse(&self, socket: Accepted) {
        match socket {
            Accepted::Tcp(mut stream, _) => {
                say(&mut stream, self.full);
                let _ = stream.shutdown(Shutdown::Write);
                discard(&mut stream);
            }
            Accepted::Unix(mut stream) => {
                say(&mut stream, self.full);
                let _ = stream.shutdown(Shutdown::Write);
                discard(&mut stream);
            }
        }
    }

    fn tell(&mut self) {
        let now = Instant::now();
        if self.told.is_some_and(|told| now - told < SILENCE) {
            return;
        }
        self.told = Some(now);
        tracing::warn!(
            event = "trouble",
            "no file descriptor is left, so that new connections are refused; raise the limit of open files, or lower \
             limits.max_connections"
        );
    }
}

/// Some descriptor, of whatever can always be opened.
fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_short_of_files(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

fn say(stream: &mut impl Write, answer: &[u8]) {
    // A socket that takes not even this has a peer that is gone.
    let _ = stream.write(answer);
}

/// Reads what has come already: the answer would be lost to the reset that comes of closing on unread bytes.
fn discard(stream: &mut impl Read) {
    let mut buffer = [0; DISCARDED_BYTES / 4];
    for _ in 0..4 {
        if !matches!(stream.read(&mut buffer), Ok(1..)) {
            return;
        }
    }
}
