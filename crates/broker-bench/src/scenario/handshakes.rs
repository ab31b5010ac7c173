//! Handshakes: connect, upgrade request, answer.
//!
//! 64 are under way at once. The connections stay open until the measurement is
//! over, so that their closing is not part of it.

use std::io;

use super::{Case, Column, Setting, cookie};
use crate::{
    figures::{micros, percentile_us},
    load::Load,
    peers::Peer,
};

const WARM_UP: usize = 1000;
const HANDSHAKES: usize = 8000;

pub(super) struct Handshakes;

impl Case for Handshakes {
    fn title(&self) -> String {
        format!("handshakes, {HANDSHAKES} connections with 3 cookies")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per handshake", 1),
                Column::new("per CPU-second", 0),
                Column::new("p50 µs", 0),
                Column::new("p99 µs", 0),
            ]
        }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let server = setting.launcher.start(peer, None)?;
        let mut load = Load::new(server.target())?;
        load.open(WARM_UP, cookie)
            .map_err(|error| server.blame(&error))?;

        load.expect_from_now();
        let (cpu, mut took) = server.metered(|| load.open(HANDSHAKES, cookie))?;
        Ok(vec![
            micros(cpu) / HANDSHAKES as f64,
            HANDSHAKES as f64 / cpu.as_secs_f64(),
            percentile_us(&mut took, 50),
            percentile_us(&mut took, 99),
        ])
    }
}
