//! Socket.IO over WebSockets: one message to 1000 clients, and what an idle
//! client costs.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Case, Column, Setting, broadcasts::PAYLOAD, cookie};
use crate::{
    cpu::resident_bytes,
    figures::{micros, percentile_us},
    load::{Arrival, Load},
    peers::{Peer, SOCKETIO_PATH, Server},
};

const RECEIVERS: usize = 1000;
const WARM_UP: usize = 100;
const MESSAGES: usize = 600;

const IDLE: usize = 10_000;

pub(super) struct Broadcast;

pub(super) struct Idle;

fn measures(peer: Peer) -> bool {
    matches!(peer, Peer::Wsbroker | Peer::NpmSocketio)
}

/// A server with so many clients that are in the namespace `/`.
fn with_clients(
    peer: Peer,
    setting: &Setting,
    count: usize,
    before: impl FnOnce(&Server) -> io::Result<()>,
) -> io::Result<(Server, Load)> {
    let server = setting.launcher.start_dialect(peer, "socketio")?;
    before(&server)?;
    let mut load = Load::new(server.target())?.at(SOCKETIO_PATH);
    let entered = load.open(count, cookie).and_then(|_| {
        load.expect_from_now();
        for client in 0..count {
            load.send(client, b"40")?;
        }
        let mut missing = count;
        while missing > 0 {
            load.turn(&mut |arrival| {
                if let Arrival::Frame { payload, .. } = arrival {
                    missing -= usize::from(payload.starts_with(b"40"));
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    entered.map_err(|error| server.blame(&error))?;
    Ok((server, load))
}

impl Case for Broadcast {
    fn title(&self) -> String {
        format!("Socket.IO: one message to {RECEIVERS} clients, {PAYLOAD}-byte payload")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per delivery", 2),
                Column::new("last p50 µs", 0),
                Column::new("last p99 µs", 0),
            ]
        }
    }

    fn measures(&self, peer: Peer) -> bool {
        measures(peer)
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let (server, mut load) = with_clients(peer, setting, RECEIVERS, |_| Ok(()))?;
        let ready = load
            .open_doors(peer.door(), 1)
            .and_then(|()| send_all(&mut load, WARM_UP));
        ready.map_err(|error| server.blame(&error))?;
        let messages = setting.messages(MESSAGES);
        let (cpu, mut last) = server.metered(|| send_all(&mut load, messages))?;
        Ok(vec![
            micros(cpu) / (messages * RECEIVERS) as f64,
            percentile_us(&mut last, 50),
            percentile_us(&mut last, 99),
        ])
    }
}

/// Sends one message after the other to everybody; how long each took to the last.
fn send_all(load: &mut Load, messages: usize) -> io::Result<Vec<Duration>> {
    load.expect_from_now();
    let mut took = Vec::with_capacity(messages);
    let payload = format!("\"{:.<1$}\"", "", PAYLOAD - 2);
    for _ in 0..messages {
        let sent = Instant::now();
        load.command(0, None, &payload)?;
        let (mut missing, mut is_answered) = (RECEIVERS, false);
        while missing > 0 || !is_answered {
            load.turn(&mut |arrival| {
                match arrival {
                    Arrival::Frame { payload, .. } => {
                        missing -= usize::from(payload.starts_with(b"42"));
                    }
                    Arrival::Answered { .. } => is_answered = true,
                    Arrival::Opened { .. } => {}
                }
                Ok(())
            })?;
        }
        took.push(sent.elapsed());
    }
    Ok(took)
}

impl Case for Idle {
    fn title(&self) -> String {
        format!("Socket.IO: resident memory per idle client, {IDLE} clients of 3 cookies")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("KiB per client", 2),
                Column::new("MiB with all", 1),
            ]
        }
    }

    fn measures(&self, peer: Peer) -> bool {
        measures(peer)
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let mut before = 0;
        let (server, _load) = with_clients(peer, setting, IDLE, |server| {
            before = resident_bytes(server.pid())?;
            Ok(())
        })?;
        let with_all = resident_bytes(server.pid())?;
        let more = with_all.saturating_sub(before) as f64;
        Ok(vec![
            more / 1024.0 / IDLE as f64,
            with_all as f64 / 1024.0 / 1024.0,
        ])
    }
}
