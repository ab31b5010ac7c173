//! From the start of the process to the answer to its first handshake.
//!
//! A connect is tried every 0.2 ms, so that is the precision.

use std::io;

use super::{Case, Column, Setting};
use crate::{figures::median, peers::Peer};

const STARTS: usize = 5;

pub(super) struct Start;

impl Case for Start {
    fn title(&self) -> String {
        "start of the process to its first handshake".to_owned()
    }

    fn columns(&self) -> &'static [Column] {
        const { &[Column::new("ms", 1)] }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let start = || {
            let server = setting.launcher.start(peer, None)?;
            Ok(server.ready_after().as_secs_f64() * 1e3)
        };
        let times: Vec<f64> = (0..STARTS).map(|_| start()).collect::<io::Result<_>>()?;
        Ok(vec![median(&times)])
    }
}
