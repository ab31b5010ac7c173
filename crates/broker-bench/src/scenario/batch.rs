//! Round trips whose events go out together, beside the same with one event a
//! request.
//!
//! The less a request costs an application beside its events, the less is won:
//! the one here does next to nothing, so that others win more.

use std::{io, time::Duration};

use super::{Case, Column, Setting, cookie, roundtrip::exchange};
use crate::{
    backend::Backend,
    figures::{micros, percentile_us},
    load::Load,
    peers::Peer,
};

/// So many clients have a message under way each, so that batches fill.
const CLIENTS: usize = 512;
const WARM_UP: usize = 5000;
const MESSAGES: usize = 60_000;

/// `backend.batch`
const BATCH: &str = "32";

pub(super) struct Batch;

impl Case for Batch {
    fn title(&self) -> String {
        format!(
            "client message -> HTTP backend -> answer -> client, {CLIENTS} clients, events in JSON by {BATCH} beside one by one"
        )
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU of the server, times one by one", 3),
                Column::new("CPU of the backend, times one by one", 3),
                Column::new("server µs per event by 32", 2),
                Column::new("server µs one by one", 2),
                Column::new("backend µs per event by 32", 2),
                Column::new("backend µs one by one", 2),
                Column::new("events per request", 1),
                Column::new("p99 ms by 32", 1),
                Column::new("p99 ms one by one", 1),
            ]
        }
    }

    fn measures(&self, peer: Peer) -> bool {
        peer == Peer::Wsbroker
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let together = measure(BATCH, peer, setting)?;
        let alone = measure("1", peer, setting)?;
        Ok(vec![
            together.server_us / alone.server_us,
            together.backend_us / alone.backend_us,
            together.server_us,
            alone.server_us,
            together.backend_us,
            alone.backend_us,
            together.events_per_request,
            together.p99_ms,
            alone.p99_ms,
        ])
    }
}

/// What an event costs.
struct Cost {
    server_us: f64,
    backend_us: f64,
    events_per_request: f64,
    p99_ms: f64,
}

fn measure(batch: &str, peer: Peer, setting: &Setting) -> io::Result<Cost> {
    let backend = Backend::start(setting.launcher.cores.load)?;
    let variables = [
        ("WSBROKER_BACKEND__FORMAT", "json"),
        ("WSBROKER_BACKEND__BATCH", batch),
    ];
    let server = setting
        .launcher
        .start_with(peer, Some(backend.address()), &variables)?;
    let mut load = Load::new(server.target())?;
    let warm_up = load
        .open(CLIENTS, cookie)
        .and_then(|_| exchange(&mut load, CLIENTS, WARM_UP));
    warm_up.map_err(|error| server.blame(&error))?;
    let messages = setting.messages(MESSAGES);
    let before = backend.used();
    let (cpu, mut took) = server.metered(|| exchange(&mut load, CLIENTS, messages))?;
    let after = backend.used();
    let events = messages as f64;
    let backend_cpu: Duration = after.1.saturating_sub(before.1);
    Ok(Cost {
        server_us: micros(cpu) / events,
        backend_us: micros(backend_cpu) / events,
        events_per_request: events / (after.0 - before.0).max(1) as f64,
        p99_ms: percentile_us(&mut took, 99) / 1000.0,
    })
}
