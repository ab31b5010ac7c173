//! Resident memory of a server per connection that does nothing.
//!
//! It is the difference between a server that has answered one handshake and
//! the same server with 10,000 connections, each with a session of three
//! cookies, once its memory has stopped changing.

use std::io;

use super::{Case, Column, Setting, cookie};
use crate::{cpu::resident_bytes, load::Load, peers::Peer};

const CONNECTIONS: usize = 10_000;

pub(super) struct Idle {
    /// Whether the connections have agreed on compression.
    pub(super) compresses: bool,
}

impl Case for Idle {
    fn title(&self) -> String {
        let compression = if self.compresses {
            ", with compression"
        } else {
            ""
        };
        format!(
            "resident memory per idle connection, {CONNECTIONS} connections of 3 cookies{compression}"
        )
    }

    fn measures(&self, peer: Peer) -> bool {
        match self.compresses {
            true => peer.compresses(),
            false => !matches!(peer, Peer::NpmWsmsgbroker | Peer::NpmSocketio),
        }
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("KiB per connection", 2),
                Column::new("MiB before", 1),
                Column::new("MiB with all", 1),
            ]
        }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let server = setting.launcher.start(peer, None)?;
        let before = resident_bytes(server.pid())? as f64;
        let mut load = if self.compresses {
            Load::compressed(server.target())?
        } else {
            Load::new(server.target())?
        };
        load.open(CONNECTIONS, cookie)
            .map_err(|error| server.blame(&error))?;
        let with_all = resident_bytes(server.pid())? as f64;
        Ok(vec![
            (with_all - before) / 1024.0 / CONNECTIONS as f64,
            before / 1024.0 / 1024.0,
            with_all / 1024.0 / 1024.0,
        ])
    }
}
