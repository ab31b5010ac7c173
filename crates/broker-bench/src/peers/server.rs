//! A server while it is measured.

use std::{
    fs,
    io::{self, Read, Write},
    path::PathBuf,
    process::Child,
    thread,
    time::{Duration, Instant},
};

use super::Peer;
use crate::{
    cpu::CpuTime,
    wire::{Certificate, Target},
    ws,
};

/// A server that has not answered its first handshake by then has failed.
const START_MAX: Duration = Duration::from_secs(10);

/// How often a starting server is tried: the precision of its start time.
const TRY_EVERY: Duration = Duration::from_micros(200);

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(super) peer: Peer,
    pub(super) target: Target,
    /// Where it is shaken hands with.
    pub(super) path: &'static str,
    /// Its file lives as long as the server does.
    pub(super) _certificate: Option<Certificate>,
    pub(super) child: Child,
    pub(super) log: PathBuf,
    pub(super) ready_after: Duration,
}

impl Server {
    pub(crate) fn target(&self) -> Target {
        self.target.clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From the start of the process to its first answered handshake.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The CPU time that `work` took from it, from idle to idle, with what
    /// `work` gives.
    pub(crate) fn metered<T>(
        &self,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(Duration, T)> {
        let before = CpuTime::of_idle(self.pid())?;
        let value = work().map_err(|error| self.blame(&error))?;
        let after = CpuTime::of_idle(self.pid())?;
        Ok((after.since(&before), value))
    }

    /// `error`, with the server's name and the end of what it wrote to stderr.
    pub(crate) fn blame(&self, error: &io::Error) -> io::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n  ");
        let title = self.peer.title();
        let text = if last.is_empty() {
            format!("{title}: {error}")
        } else {
            format!("{title}: {error}; it wrote:\n  {last}")
        };
        io::Error::new(error.kind(), text)
    }

    pub(super) fn wait_until_ready(&mut self, started: Instant) -> io::Result<()> {
        loop {
            let error = match first_handshake(&self.target, self.path) {
                Ok(()) => {
                    self.ready_after = started.elapsed();
                    return Ok(());
                }
                Err(error) => error,
            };
            if let Some(status) = self.child.try_wait()? {
                let error = io::Error::other(format!("it ended at once ({status})"));
                return Err(self.blame(&error));
            }
            if started.elapsed() > START_MAX {
                return Err(self.blame(&error));
            }
            thread::sleep(TRY_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.log));
    }
}

fn first_handshake(target: &Target, path: &str) -> io::Result<()> {
    let mut socket = target.connect()?;
    socket.set_read_timeout(START_MAX)?;
    socket.write_all(ws::upgrade_request(path, "room=none").as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while ws::upgrade_answer(&answer)?.is_none() {
        match socket.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => answer.extend_from_slice(&part[..len]),
        }
    }
    Ok(())
}
