//! A stream of broadcasts to 1000 connections, beside 1000 that get it too and
//! never read.
//!
//! Each round is held twice, without the slow ones and with them, and what is
//! compared is the latency to those who read once the slow ones have met the
//! policy for them. Until then they are connections like others, whose sockets
//! take what is written to them.
//!
//! That they meet it, that memory keeps to the limits of their queues, and that
//! those who read miss nothing is not a figure: a round in which it is not so
//! fails.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use super::{
    Case, Column, Setting,
    broadcasts::{self, Aim, PAYLOAD, Plan},
    cookie,
};
use crate::{cpu::resident_bytes, figures::percentile_us, load::Load, peers::Peer, wire::Wire, ws};

const READING: usize = 1000;
const SLOW: usize = 1000;

/// `limits.max_send_queue` of the server, in bytes.
const QUEUE: usize = 256 * 1024;

/// Messages that fill the queues of those who don't read, and their length:
/// more than their sockets take, which is at most `tcp_wmem`'s 4 MiB.
const FILLING: usize = 300;
const FILLING_BYTES: usize = 16 * 1024;

const MESSAGES: usize = 1000;

/// The close code of the policy.
const SLOW_CONSUMER: u16 = 4100;

/// How long the slow ones may take to read what they were sent.
const CATCHING_UP_MAX: Duration = Duration::from_secs(60);

/// What becomes of those who don't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Close,
    Drop,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Drop => "drop",
        }
    }
}

pub(super) struct Slow {
    pub(super) policy: Policy,
}

impl Case for Slow {
    fn title(&self) -> String {
        format!(
            "fan-out to {READING} connections beside {SLOW} that never read, slow_consumer = {:?}",
            self.policy.name()
        )
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("p99 with : without", 2),
                Column::new("without: p50 µs", 0),
                Column::new("p99 µs", 0),
                Column::new("with: p50 µs", 0),
                Column::new("p99 µs", 0),
                Column::new("MiB more", 1),
            ]
        }
    }

    /// The others have no policy, or fail.
    fn measures(&self, peer: Peer) -> bool {
        peer == Peer::Wsbroker
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let alone = self.stream(0, peer, setting)?;
        let beside = self.stream(SLOW, peer, setting)?;
        let more = beside.resident.saturating_sub(alone.resident);
        if more > (SLOW * QUEUE) as u64 {
            let text = format!("{more} bytes more than without the slow ones");
            return Err(io::Error::other(text));
        }
        Ok(vec![
            beside.p99 / alone.p99,
            alone.p50,
            alone.p99,
            beside.p50,
            beside.p99,
            more as f64 / 1024.0 / 1024.0,
        ])
    }
}

/// What those who read saw, and what the server needed for it.
struct Seen {
    p50: f64,
    p99: f64,
    resident: u64,
}

impl Slow {
    /// Holds the stream beside so many that don't read.
    fn stream(&self, slow: usize, peer: Peer, setting: &Setting) -> io::Result<Seen> {
        let variables = [
            ("WSBROKER_LIMITS__SLOW_CONSUMER", self.policy.name()),
            ("WSBROKER_LIMITS__MAX_SEND_QUEUE", &format!("{QUEUE}B")),
            // They are to meet the policy, not the clock.
            ("WSBROKER_LIMITS__WRITE_TIMEOUT", "10m"),
        ];
        let server = setting.launcher.start_with(peer, None, &variables)?;
        let seen = || {
            let mut load = Load::new(server.target())?;
            load.open(READING + slow, cookie)?;
            let slow = load.part_with(READING)?.into_iter();
            let mut slow: Vec<_> = slow.map(SlowClient::new).collect();
            load.open_doors(peer.door(), 1)?;
            let plan = |payload| Plan {
                connections: READING + slow.len(),
                payload,
                warm_up: 0,
                messages: 0,
                under_way: 1,
                aim: &|_| Aim {
                    room: None,
                    connections: 0..READING,
                },
            };
            let (filling, usual) = (plan(FILLING_BYTES), plan(PAYLOAD));
            broadcasts::send_all(&mut load, peer.door(), &filling, 0..FILLING)?;
            let end = FILLING + setting.messages(MESSAGES);
            let mut latencies = broadcasts::send_all(&mut load, peer.door(), &usual, FILLING..end)?;
            let resident = resident_bytes(server.pid())?;

            let begun = Instant::now();
            let mut number = end;
            while !slow.iter().all(|client| client.has_met(self.policy, end)) {
                for client in &mut slow {
                    client.catch_up()?;
                }
                // By the next one it shows who is sent something again.
                broadcasts::send_all(&mut load, peer.door(), &usual, number..number + 1)?;
                number += 1;
                if begun.elapsed() > CATCHING_UP_MAX {
                    let text = format!("slow ones have not met the policy: {:?}", slow[0]);
                    return Err(io::Error::other(text));
                }
            }
            Ok(Seen {
                p50: percentile_us(&mut latencies.each, 50),
                p99: percentile_us(&mut latencies.each, 99),
                resident,
            })
        };
        seen().map_err(|error: io::Error| server.blame(&error))
    }
}

/// Who reads nothing until it is told to catch up.
struct SlowClient {
    socket: Wire,
    /// What came of a frame that is not whole.
    received: Vec<u8>,
    /// How many messages came without one between them missing.
    unbroken: usize,
    /// The number of the last message.
    last: Option<usize>,
    /// The code of the server's close frame.
    closed: Option<u16>,
}

impl std::fmt::Debug for SlowClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            unbroken,
            last,
            closed,
            ..
        } = self;
        write!(
            f,
            "{unbroken} messages unbroken, the last {last:?}, closed {closed:?}"
        )
    }
}

impl SlowClient {
    fn new(socket: Wire) -> Self {
        Self {
            socket,
            received: Vec::new(),
            unbroken: 0,
            last: None,
            closed: None,
        }
    }

    /// Whether it was closed as slow, or missed something and is sent what
    /// comes since `end`.
    fn has_met(&self, policy: Policy, end: usize) -> bool {
        match policy {
            Policy::Close => self.closed == Some(SLOW_CONSUMER) && self.unbroken < FILLING,
            Policy::Drop => {
                self.closed.is_none()
                    && self.unbroken < FILLING
                    && self.last.is_some_and(|last| last >= end)
            }
        }
    }

    /// Reads what there is.
    fn catch_up(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        while self.closed.is_none() {
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(io::Error::other("a slow one was ended without a word")),
                Ok(len) => self.take(&buffer[..len])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.received.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(frame) = ws::decode(&self.received[at..]) {
            at += frame.len;
            match (frame.opcode, broadcasts::number(frame.payload)) {
                (ws::CLOSE, _) => {
                    let code = frame.payload.first_chunk().copied().unwrap_or_default();
                    self.closed = Some(u16::from_be_bytes(code));
                }
                (ws::TEXT, Some(number)) if self.last.is_none_or(|last| last < number) => {
                    self.unbroken += usize::from(number == self.unbroken);
                    self.last = Some(number);
                }
                (ws::PING, _) => {}
                (opcode, number) => {
                    let text = format!("a slow one got {number:?} by {opcode} after {self:?}");
                    return Err(io::Error::other(text));
                }
            }
        }
        self.received.drain(..at);
        Ok(())
    }
}
