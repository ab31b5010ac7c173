//! What it costs to hold a hundred thousand events for a backend that is away, and what others notice when they are told.
//!
//! `cargo bench -p broker-bench --bench holding` prints it as Markdown. Memory is measured, each case in a process of its own;
//! times are virtual, of a whole `Broker` with its own gate, and the same in every run.

#![expect(clippy::print_stdout, reason = "tables are what it is for")]

mod draining;
mod memory;
mod shard;

/// So many sessions with so many held events each.
const CASES: [(usize, usize); 2] = [(1000, 100), (100_000, 1)];

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(memory::ARGUMENT) {
        let mut number = || arguments.next().and_then(|number| number.parse().ok());
        if let (Some(sessions), Some(events)) = (number(), number()) {
            return memory::measure_here(sessions, events);
        }
    }
    memory::print();
    draining::print();
}
