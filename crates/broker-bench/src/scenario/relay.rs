//! Messages from client to client by name, in the dialect of npm `wsmsgbroker`.
//!
//! Pairs of clients: one sends, the other hears. Each pair has so many messages
//! under way.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Case, Column, Setting, cookie};
use crate::{
    figures::micros,
    load::{Arrival, Load},
    peers::Peer,
};

const WARM_UP: usize = 20_000;
const MESSAGES: usize = 100_000;

pub(super) struct Relay {
    pub(super) pairs: usize,
    /// Messages of each pair.
    pub(super) under_way: usize,
}

impl Case for Relay {
    fn title(&self) -> String {
        let pairs = match self.pairs {
            1 => "one pair of clients".to_owned(),
            many => format!("{many} pairs of clients"),
        };
        let under_way = self.under_way;
        format!("wsmsgbroker: messages by name, {pairs}, {under_way} under way for each")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per message", 2),
                Column::new("messages per second", 0),
            ]
        }
    }

    fn measures(&self, peer: Peer) -> bool {
        matches!(peer, Peer::Wsbroker | Peer::NpmWsmsgbroker)
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let server = setting.launcher.start_dialect(peer, "wsmsgbroker")?;
        let mut load = Load::new(server.target())?;
        let warm_up = load
            .open(2 * self.pairs, cookie)
            .and_then(|_| self.register(&mut load))
            .and_then(|()| self.exchange(&mut load, WARM_UP));
        warm_up.map_err(|error| server.blame(&error))?;
        let messages = setting.messages(MESSAGES);
        let mut wall = Duration::ZERO;
        let (cpu, ()) = server.metered(|| {
            let started = Instant::now();
            self.exchange(&mut load, messages)?;
            wall = started.elapsed();
            Ok(())
        })?;
        let messages = messages as f64;
        Ok(vec![micros(cpu) / messages, messages / wall.as_secs_f64()])
    }
}

impl Relay {
    /// Names every client by its index.
    fn register(&self, load: &mut Load) -> io::Result<()> {
        load.expect_from_now();
        for client in 0..2 * self.pairs {
            let frame = format!(r#"{{"action":"register","id":"client{client}"}}"#);
            load.send(client, frame.as_bytes())?;
        }
        let mut registered = 0;
        while registered < 2 * self.pairs {
            load.turn(&mut |arrival| {
                registered += usize::from(matches!(arrival, Arrival::Frame { .. }));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Has `messages` sent and heard over all pairs: even clients send to the odd
    /// ones behind them.
    fn exchange(&self, load: &mut Load, messages: usize) -> io::Result<()> {
        load.expect_from_now();
        let frames: Vec<String> = (0..self.pairs)
            .map(|pair| {
                let dest = 2 * pair + 1;
                format!(
                    r#"{{"action":"send","dest":"client{dest}","message":{{"text":"is anybody there? then please answer me"}}}}"#
                )
            })
            .collect();
        let mut free: Vec<usize> = (0..self.pairs)
            .flat_map(|pair| std::iter::repeat_n(pair, self.under_way))
            .collect();
        let (mut begun, mut heard) = (0, 0);
        while heard < messages {
            while begun < messages
                && let Some(pair) = free.pop()
            {
                load.send(2 * pair, frames[pair].as_bytes())?;
                begun += 1;
            }
            load.turn(&mut |arrival| {
                if let Arrival::Frame { connection, .. } = arrival {
                    heard += 1;
                    free.push(connection / 2);
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}
