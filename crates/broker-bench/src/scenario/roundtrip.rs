//! A client's message, its event POSTed to an HTTP backend, the `send` that the
//! backend answers, and the frame that comes back to the client.
//!
//! Every client has one message under way. The backend answers at once and runs
//! on the load generator's core.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Case, Column, Setting, cookie};
use crate::{
    backend::Backend,
    figures::{micros, percentile_us},
    load::{Arrival, Load},
    peers::Peer,
};

const MESSAGE: &[u8] = br#"{"type":"ping","text":"is anybody there? then please answer me"}"#;

const WARM_UP: usize = 3000;

pub(super) struct Roundtrip {
    pub(super) clients: usize,
}

impl Case for Roundtrip {
    fn title(&self) -> String {
        let clients = match self.clients {
            1 => "1 client".to_owned(),
            many => format!("{many} clients"),
        };
        format!("client message -> HTTP backend -> answer -> client, {clients}")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per round trip", 1),
                Column::new("p50 µs", 0),
                Column::new("p99 µs", 0),
                Column::new("per second", 0),
            ]
        }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let backend = Backend::start(setting.launcher.cores.load)?;
        let server = setting.launcher.start(peer, Some(backend.address()))?;
        let mut load = Load::new(server.target())?;
        let warm_up = load
            .open(self.clients, cookie)
            .and_then(|_| exchange(&mut load, self.clients, WARM_UP));
        warm_up.map_err(|error| server.blame(&error))?;

        let messages = setting.messages(if self.clients == 1 { 5000 } else { 30_000 });
        let mut wall = Duration::ZERO;
        let (cpu, mut took) = server.metered(|| {
            let started = Instant::now();
            let took = exchange(&mut load, self.clients, messages)?;
            wall = started.elapsed();
            Ok(took)
        })?;
        Ok(vec![
            micros(cpu) / messages as f64,
            percentile_us(&mut took, 50),
            percentile_us(&mut took, 99),
            messages as f64 / wall.as_secs_f64(),
        ])
    }
}

/// Makes `messages` round trips over all clients, each with one under way, and
/// gives how long each took.
pub(super) fn exchange(
    load: &mut Load,
    clients: usize,
    messages: usize,
) -> io::Result<Vec<Duration>> {
    load.expect_from_now();
    let mut took = Vec::with_capacity(messages);
    let mut sent: Vec<Option<Instant>> = vec![None; clients];
    let mut free: Vec<usize> = (0..clients).collect();
    let mut begun = 0;
    while took.len() < messages {
        while begun < messages
            && let Some(client) = free.pop()
        {
            sent[client] = Some(Instant::now());
            load.send(client, MESSAGE)?;
            begun += 1;
        }
        load.turn(&mut |arrival| match arrival {
            Arrival::Frame {
                connection,
                payload,
                ..
            } => {
                let Some(sent) = sent[connection].take() else {
                    let text = String::from_utf8_lossy(payload);
                    return Err(io::Error::other(format!(
                        "client {connection} got {text:?} unasked"
                    )));
                };
                took.push(sent.elapsed());
                free.push(connection);
                Ok(())
            }
            Arrival::Opened { .. } | Arrival::Answered { .. } => Ok(()),
        })?;
    }
    Ok(took)
}
