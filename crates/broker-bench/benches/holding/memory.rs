//! What held messages take, beside their sessions.

use std::process::Command;
use std::{env, fs, hint};

use crate::CASES;
use crate::shard::Shard;

/// The first argument of a process that measures itself.
pub(crate) const ARGUMENT: &str = "--memory";

const PAGE_BYTES: usize = 4096;
const MIB: f64 = 1024.0 * 1024.0;

pub(crate) fn print() {
    println!("| sessions | held messages of each | resident MiB more | bytes for each |");
    println!("| ---: | ---: | ---: | ---: |");
    for (sessions, events) in CASES {
        let this = env::current_exe().expect("this program is a file");
        let numbers = [sessions, events].map(|number| number.to_string());
        let output = Command::new(this)
            .arg(ARGUMENT)
            .args(numbers)
            .output()
            .expect("this program can be run");
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
    println!();
}

/// Measures one case in this process.
pub(crate) fn measure_here(sessions: usize, events: usize) {
    let (mut shard, handles) = Shard::with_sessions(sessions);
    shard.receive(handles[0]);
    shard.refuse_all();
    let before = resident_bytes();
    for _ in 0..events {
        for session in &handles {
            shard.receive(*session);
        }
    }
    let more = resident_bytes().saturating_sub(before);
    let held = shard.broker.events_held();
    assert_eq!(held, sessions * events + 1);
    println!(
        "| {sessions} | {events} | {:.1} | {} |",
        more as f64 / MIB,
        more / held
    );
    hint::black_box(shard);
}

fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.map_or(0, |pages: usize| pages * PAGE_BYTES)
}
