//! Which way to limit concurrency suits which backend: a simulation in virtual time, the same in every run.
//!
//! `cargo bench -p broker-bench --bench pacing` prints it as Markdown. A gate that always has more to tell, or has it in
//! bursts, stands before models of backends. The best fixed limit is the least with which 98 % of the most is done. Goodput
//! counts from the beginning; percentiles leave out the first quarter of the answers.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]

mod backend;
mod dice;
mod gate;
mod limits;

use std::ops::Range;

use self::backend::{Kind, Service};
use self::gate::{Demand, Run, Slot};
use self::limits::{Aimd, Fixed, Gradient, Limit, Paced, Vegas};

/// `backend.max_in_flight`, as it is without being set.
const MAX: usize = 256;

const FIXED: [usize; 21] = [
    1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 48, 64, 96, 100, 128, 192, 208, MAX,
];

const S: u64 = 1_000_000;
const MS: u64 = 1000;

struct Workload {
    name: &'static str,
    kind: Kind,
    demand: Demand,
    length_us: u64,
}

fn workloads() -> Vec<Workload> {
    let always = |name, kind, seconds| Workload {
        name,
        kind,
        demand: Demand::Always,
        length_us: seconds * S,
    };
    let bursts = |name, kind, events, every_us| Workload {
        name,
        kind,
        demand: Demand::Bursts { events, every_us },
        length_us: 120 * every_us,
    };
    let ten = Kind::new(10, Service::Constant(20 * MS));
    let many = Kind::new(200, Service::Constant(20 * MS));
    let heavy_tail = Service::HeavyTail {
        mean_us: 50 * MS,
        tail_us: 2 * S,
    };
    let model = Service::Uniform {
        least_us: S,
        most_us: 5 * S,
    };
    let thrashing = Service::Thrashing {
        us: 20 * MS,
        beyond: 16,
    };
    let slow_for_a_while = Service::SlowFor {
        us: 20 * MS,
        factor: 4,
        from_us: 40 * S,
        until_us: 80 * S,
    };
    let model = Kind::new(usize::MAX, model);
    vec![
        always("10 workers, 20 ms", ten, 60),
        always(
            "10 workers, 200 ms",
            Kind::new(10, Service::Constant(200 * MS)),
            300,
        ),
        always(
            "10 workers, mean 50 ms, 1 % take 2 s",
            Kind::new(10, heavy_tail),
            600,
        ),
        always("200 workers, 20 ms", many, 60),
        always(
            "one thread, 0.2 ms",
            Kind::new(1, Service::Constant(200)),
            60,
        ),
        always("any number, 1 to 5 s (a language model)", model, 300),
        always(
            "slower with the square beyond 16",
            Kind::new(usize::MAX, thrashing),
            60,
        ),
        always(
            "10 workers, 503 beyond 30 that wait",
            Kind {
                queue_max: 30,
                ..ten
            },
            60,
        ),
        always(
            "100 workers, 503 beyond 10 that wait",
            Kind {
                queue_max: 10,
                ..Kind::new(100, Service::Constant(20 * MS))
            },
            60,
        ),
        always(
            "10 workers, 4 x slower for 40 of 120 s",
            Kind::new(10, slow_for_a_while),
            120,
        ),
        always(
            "200 workers, 503 for 1 of 1000 at random",
            Kind {
                fails_one_of: Some(1000),
                ..many
            },
            60,
        ),
        bursts("10 workers, 20 ms; 250 events each second", ten, 250, S),
        bursts("200 workers, 20 ms; 5000 events each second", many, 5000, S),
        bursts("a language model; 400 events each 10 s", model, 400, 10 * S),
    ]
}

type Make = fn() -> Box<dyn Limit>;

/// What is compared with the best fixed limit, and how it is made.
const LIMITS: [(&str, Make); 5] = [
    ("always 256", || Box::new(Fixed(MAX))),
    ("AIMD", || Box::new(Aimd::new(MAX))),
    ("Gradient2", || Box::new(Gradient::new(MAX))),
    ("Vegas", || Box::new(Vegas::new(MAX))),
    ("Pacer", || Box::new(Paced::new(MAX))),
];

fn main() {
    let workloads = workloads();
    let compared: Vec<_> = workloads.iter().map(Compared::new).collect();

    println!(
        "Goodput as a part of what the best fixed limit gets done, and p99 in units of its:\n"
    );
    let names = LIMITS.map(|(name, _)| name).join(" | ");
    println!("| backend | best fixed | {names} |");
    println!("| --- | ---: |{}", " ---: |".repeat(LIMITS.len()));
    for one in &compared {
        let cells = one.runs.iter().map(|run| {
            let p99 = run.percentile_us(99) as f64 / one.best.percentile_us(99) as f64;
            format!("{:.0} %, {p99:.1}", one.goodput_percent(run))
        });
        let cells: Vec<String> = cells.collect();
        println!(
            "| {} | {} | {} |",
            one.workload.name,
            one.limit,
            cells.join(" | ")
        );
    }

    println!("\nThe same in figures:\n");
    println!(
        "| backend | limit | goodput | p50 ms | p99 ms | refused | limit at the end | good after |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for one in &compared {
        one.print_line(&format!("best fixed: {}", one.limit), &one.best);
        for ((name, _), run) in LIMITS.iter().zip(&one.runs) {
            one.print_line(name, run);
        }
    }
}

struct Compared<'a> {
    workload: &'a Workload,
    /// The best fixed limit.
    limit: usize,
    best: Run,
    /// Of each of [`LIMITS`].
    runs: Vec<Run>,
}

impl Compared<'_> {
    fn new(workload: &Workload) -> Compared<'_> {
        let run = |limit: &mut dyn Limit| {
            gate::run(workload.kind, workload.demand, workload.length_us, limit)
        };
        let mut fixed = FIXED.map(|limit| (limit, run(&mut Fixed(limit)))).to_vec();
        let most = fixed.iter().map(|(_, run)| run.goodput).fold(0.0, f64::max);
        fixed.retain(|(_, run)| run.goodput >= 0.98 * most);
        let (limit, best) = fixed.swap_remove(0);
        Compared {
            workload,
            limit,
            best,
            runs: LIMITS.iter().map(|(_, make)| run(&mut *make())).collect(),
        }
    }

    fn goodput_percent(&self, run: &Run) -> f64 {
        100.0 * run.goodput / self.best.goodput
    }

    fn print_line(&self, name: &str, run: &Run) {
        let [p50, p99] = [50, 99].map(|percent| run.percentile_us(percent) as f64 / 1e3);
        let good_after = self.good_after(run).map_or("never".to_owned(), |slot| {
            let slot_s = self.workload.length_us as f64 / 1e6 / gate::SLOTS as f64;
            format!("{:.1} s", slot as f64 * slot_s)
        });
        println!(
            "| {} | {name} | {:.0} % | {p50:.1} | {p99:.1} | {} | {} | {good_after} |",
            self.workload.name,
            self.goodput_percent(run),
            run.refusals,
            run.limit_at_end,
        );
    }

    /// How many parts of the run it took until it was good, over the next ten parts and over all of the rest: 90 % of what the
    /// best fixed limit gets done is done, and calls are with the backend for three times as long at most, in the mean.
    fn good_after(&self, run: &Run) -> Option<usize> {
        let is_good = |parts: Range<usize>| {
            let slots = Slot::sum(&run.slots[parts.clone()]);
            let best = Slot::sum(&self.best.slots[parts]);
            slots.rate() >= 0.9 * best.rate() && slots.mean_us() <= 3.0 * best.mean_us()
        };
        let end = run.slots.len();
        (0..=end - 10).find(|&from| is_good(from..from + 10) && is_good(from..end))
    }
}
