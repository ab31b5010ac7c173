//! One message to 2000 receivers.
//!
//! The message is a broadcast command; what the command itself costs is
//! included, once per 2000 deliveries.

use std::io;

use super::{
    Case, Column, Setting,
    broadcasts::{self, Aim, PAYLOAD, Plan},
};
use crate::{
    figures::{micros, percentile_us},
    peers::Peer,
};

const RECEIVERS: usize = 2000;
const WARM_UP: usize = 50;
const MESSAGES: usize = 400;

pub(super) struct Fanout {
    /// Messages under way at once: one per door.
    pub(super) under_way: usize,
}

impl Case for Fanout {
    fn title(&self) -> String {
        let under_way = match self.under_way {
            1 => "one message at a time".to_owned(),
            many => format!("{many} messages under way"),
        };
        format!("fan-out to {RECEIVERS} connections, 64-byte payload, {under_way}")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per delivery", 2),
                Column::new("each p50 µs", 0),
                Column::new("each p99 µs", 0),
                Column::new("last p50 µs", 0),
                Column::new("last p99 µs", 0),
            ]
        }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let plan = Plan {
            connections: RECEIVERS,
            payload: PAYLOAD,
            warm_up: WARM_UP,
            messages: setting.messages(MESSAGES),
            under_way: self.under_way,
            aim: &|_| Aim {
                room: None,
                connections: 0..RECEIVERS,
            },
        };
        let (cpu, mut latencies) = broadcasts::measure(&plan, peer, setting)?;
        let deliveries = plan.messages * RECEIVERS;
        Ok(vec![
            micros(cpu) / deliveries as f64,
            percentile_us(&mut latencies.each, 50),
            percentile_us(&mut latencies.each, 99),
            percentile_us(&mut latencies.last, 50),
            percentile_us(&mut latencies.last, 99),
        ])
    }
}
