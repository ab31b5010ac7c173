//! What is measured. Each scenario is one file and gives one or more cases;
//! each case makes a table with a row per server.

mod batch;
mod broadcasts;
mod compressed;
mod fanout;
mod handshakes;
mod idle;
mod relay;
mod roundtrip;
mod slow;
mod socketio;
mod start;
mod targeted;

use std::io;

use crate::peers::{Launcher, Peer};

/// The names on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// One message to 2000 receivers.
    Fanout,
    /// A compressed message to 2000 receivers, beside a short plain one.
    Compressed,
    /// Client message -> HTTP backend -> answer -> client.
    Roundtrip,
    /// Round trips whose events go out together, beside one event a request.
    Batch,
    /// Messages from client to client by name.
    Relay,
    /// `send` to 10 of 10,000 connections.
    Targeted,
    /// Resident memory per idle connection.
    Idle,
    /// WebSocket handshakes.
    Handshakes,
    /// A message to 1000 clients of Socket.IO, and what an idle one costs.
    Socketio,
    /// From the start of the process to its first handshake.
    Start,
    /// A stream to 1000 connections beside 1000 that never read.
    Slow,
}

impl Scenario {
    pub(crate) fn cases(self) -> Vec<Box<dyn Case>> {
        match self {
            Self::Fanout => vec![
                Box::new(fanout::Fanout { under_way: 1 }),
                Box::new(fanout::Fanout { under_way: 8 }),
            ],
            Self::Compressed => vec![Box::new(compressed::Compressed)],
            Self::Roundtrip => vec![
                Box::new(roundtrip::Roundtrip { clients: 1 }),
                Box::new(roundtrip::Roundtrip { clients: 64 }),
            ],
            Self::Batch => vec![Box::new(batch::Batch)],
            Self::Relay => vec![
                Box::new(relay::Relay {
                    pairs: 1,
                    under_way: 32,
                }),
                Box::new(relay::Relay {
                    pairs: 64,
                    under_way: 1,
                }),
            ],
            Self::Targeted => vec![Box::new(targeted::Targeted)],
            Self::Idle => vec![
                Box::new(idle::Idle { compresses: false }),
                Box::new(idle::Idle { compresses: true }),
            ],
            Self::Handshakes => vec![Box::new(handshakes::Handshakes)],
            Self::Socketio => vec![Box::new(socketio::Broadcast), Box::new(socketio::Idle)],
            Self::Start => vec![Box::new(start::Start)],
            Self::Slow => vec![
                Box::new(slow::Slow {
                    policy: slow::Policy::Close,
                }),
                Box::new(slow::Slow {
                    policy: slow::Policy::Drop,
                }),
            ],
        }
    }
}

/// One table.
pub(crate) trait Case {
    fn title(&self) -> String;

    /// What [`Case::round`] gives. The first column is what servers are
    /// compared by; less of it is better.
    fn columns(&self) -> &'static [Column];

    /// Whether there is anything to measure of `peer`.
    fn measures(&self, peer: Peer) -> bool {
        // They are there for a scenario of their own.
        !matches!(peer, Peer::NpmWsmsgbroker | Peer::NpmSocketio)
    }

    /// Measures `peer` once, in a fresh process of it, and gives a value for
    /// every column.
    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>>;
}

/// A figure that every round gives.
#[derive(Debug)]
pub(crate) struct Column {
    /// What it is, and its unit.
    pub(crate) title: &'static str,
    pub(crate) decimals: usize,
}

impl Column {
    pub(crate) const fn new(title: &'static str, decimals: usize) -> Self {
        Self { title, decimals }
    }
}

/// What holds for a whole run.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) launcher: Launcher,
    /// What is measured is cut to a fifth of the messages. Connections are not,
    /// since costs depend on their number, nor is the warm-up, which a
    /// just-in-time compiler needs whole.
    pub(crate) quick: bool,
}

impl Setting {
    fn messages(&self, full: usize) -> usize {
        if self.quick { full / 5 } else { full }
    }
}

/// Connections of one room.
const ROOM: usize = 10;

fn room(number: usize) -> String {
    format!("r{number:04}")
}

/// The three cookies of the connection with that index: an application's
/// session, its user, and the room, which ten connections in a row share.
fn cookie(connection: usize) -> String {
    let room = room(connection / ROOM);
    format!("sid=9f86d081884c7d659a2feaa0{connection:08x}; user=u{connection:06}; room={room}")
}
