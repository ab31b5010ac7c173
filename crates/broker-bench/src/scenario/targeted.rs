//! A `send` to 10 of 10,000 connections, by a criterion on a cookie.
//!
//! The command and its answer are part of what is measured, and most of it
//! where finding the ten costs little: one POST for the brokers, one short
//! frame for the others.

use std::io;

use super::{
    Case, Column, ROOM, Setting,
    broadcasts::{self, Aim, PAYLOAD, Plan},
    room,
};
use crate::{
    figures::{micros, percentile_us},
    peers::Peer,
};

const CONNECTIONS: usize = 10_000;
const ROOMS: usize = CONNECTIONS / ROOM;
const WARM_UP: usize = 500;
const MESSAGES: usize = 2000;

/// Has no factor in common with the number of rooms, so that one message after
/// the other goes to another room, far from the last, until all had one.
const STRIDE: usize = 617;

pub(super) struct Targeted;

impl Case for Targeted {
    fn title(&self) -> String {
        format!("send to {ROOM} of {CONNECTIONS} connections by a match on one field")
    }

    fn columns(&self) -> &'static [Column] {
        const {
            &[
                Column::new("CPU µs per send", 1),
                Column::new("last p50 µs", 0),
                Column::new("last p99 µs", 0),
            ]
        }
    }

    fn round(&self, peer: Peer, setting: &Setting) -> io::Result<Vec<f64>> {
        let plan = Plan {
            connections: CONNECTIONS,
            payload: PAYLOAD,
            warm_up: WARM_UP,
            messages: setting.messages(MESSAGES),
            under_way: 1,
            aim: &|message| {
                let number = message * STRIDE % ROOMS;
                Aim {
                    room: Some(room(number)),
                    connections: number * ROOM..(number + 1) * ROOM,
                }
            },
        };
        let (cpu, mut latencies) = broadcasts::measure(&plan, peer, setting)?;
        Ok(vec![
            micros(cpu) / plan.messages as f64,
            percentile_us(&mut latencies.last, 50),
            percentile_us(&mut latencies.last, 99),
        ])
    }
}
