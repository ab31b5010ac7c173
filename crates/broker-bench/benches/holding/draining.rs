//! How long events wait that happen while a backlog is told, from the first answer of a backend that was away.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use broker_core::{CallHandle, SessionHandle, Timestamp};

use crate::CASES;
use crate::shard::Shard;

const WORKERS: usize = 10;
const WORK_US: u64 = 10_000;
/// A tenth of what the workers can do.
const FRESH_EVERY_US: u64 = 10 * WORK_US / WORKERS as u64;
/// More than there will be fresh events, so that each is the only one of its session.
const QUIET_SESSIONS: usize = 20_000;
/// How long it is looked at where there is no backlog.
const USUAL_US: u64 = 100_000_000;

pub(crate) fn print() {
    println!(
        "| sessions | held events of each | told after | limit at the end | fresh events: p50 | p99 | the longest | p99 wanted |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let usual = Drain::new(0, 0).run();
    let wanted_us = 2 * usual.percentile_us(99) + WORK_US;
    usual.print(0, 0, None);
    for (sessions, events) in CASES {
        Drain::new(sessions, events)
            .run()
            .print(sessions, events, Some(wanted_us));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Fresh(u64),
    Answer(CallHandle),
}

struct Drain {
    shard: Shard,
    /// Those with a backlog.
    busy: usize,
    quiet: Vec<SessionHandle>,
    ahead: BinaryHeap<Reverse<(u64, Happens)>>,
    /// When the workers are free.
    workers: BinaryHeap<Reverse<u64>>,
    begun_us: u64,
    /// When the fresh events that are not answered yet have arrived.
    arrived_us: BTreeMap<SessionHandle, u64>,
    asked_by: BTreeMap<CallHandle, SessionHandle>,
    waited_us: Vec<u64>,
}

struct Drained {
    after_us: Option<u64>,
    limit: usize,
    waited_us: Vec<u64>,
}

impl Drain {
    /// The backend is back after it was away while so many sessions wanted to tell so many events each.
    fn new(sessions: usize, events: usize) -> Drain {
        let (mut shard, mut quiet) = Shard::with_sessions(sessions + QUIET_SESSIONS);
        let busy: Vec<SessionHandle> = quiet.drain(..sessions).collect();
        if let Some(first) = busy.first() {
            shard.receive(*first);
            shard.refuse_all();
            for session in &busy[1..] {
                shard.receive(*session);
            }
            for _ in 1..events {
                for session in &busy {
                    shard.receive(*session);
                }
            }
        }
        let begun_us = shard.now.0 * 1000;
        Drain {
            shard,
            busy: sessions * events,
            quiet,
            ahead: BinaryHeap::new(),
            workers: (0..WORKERS).map(|_| Reverse(0)).collect(),
            begun_us,
            arrived_us: BTreeMap::new(),
            asked_by: BTreeMap::new(),
            waited_us: Vec::new(),
        }
    }

    /// Until all that was held is told, or for a while where nothing was.
    fn run(mut self) -> Drained {
        let has_backlog = self.busy > 0;
        let (mut now_us, mut answered) = (self.begun_us, 0);
        if !has_backlog {
            self.fresh(now_us, 0);
            self.work(now_us);
        }
        loop {
            let is_over = if has_backlog {
                answered == self.busy
            } else {
                now_us >= USUAL_US
            };
            if is_over {
                break;
            }
            let due_us = self.shard.broker.next_deadline().map(|due| due.0 * 1000);
            let next_us = self.ahead.peek().map(|Reverse((at_us, _))| *at_us);
            let Some(at_us) = due_us.into_iter().chain(next_us).min() else {
                break;
            };
            now_us = now_us.max(at_us);
            self.shard.now = Timestamp(now_us / 1000);
            if next_us.is_none_or(|next_us| at_us < next_us) {
                self.shard.handle_timeout();
            } else if let Some(Reverse((_, happens))) = self.ahead.pop() {
                match happens {
                    Happens::Fresh(number) => self.fresh(now_us, number),
                    Happens::Answer(call) => {
                        let is_probe = has_backlog && answered == 0;
                        answered += self.answer(now_us, call);
                        if is_probe {
                            // What happens in the same millisecond still counts as held.
                            let first = Happens::Fresh(0);
                            self.ahead.push(Reverse((now_us + FRESH_EVERY_US, first)));
                        }
                    }
                }
            }
            self.work(now_us);
        }
        Drained {
            after_us: has_backlog.then_some(now_us - self.begun_us),
            limit: self
                .shard
                .broker
                .standing()
                .map_or(0, |standing| standing.limit),
            waited_us: self.waited_us,
        }
    }

    fn fresh(&mut self, now_us: u64, number: u64) {
        let session = self.quiet[number as usize];
        self.arrived_us.insert(session, now_us);
        self.shard.receive(session);
        let next = Happens::Fresh(number + 1);
        self.ahead.push(Reverse((now_us + FRESH_EVERY_US, next)));
    }

    /// Says how many held events were answered.
    fn answer(&mut self, now_us: u64, call: CallHandle) -> usize {
        self.shard.answer(call);
        let session = self.asked_by.remove(&call);
        let arrived_us = session.and_then(|session| self.arrived_us.remove(&session));
        match arrived_us {
            Some(arrived_us) => {
                self.waited_us.push(now_us - arrived_us);
                0
            }
            None => 1,
        }
    }

    /// The workers take what is with the backend.
    fn work(&mut self, now_us: u64) {
        for call in std::mem::take(&mut self.shard.calls) {
            let free_us = self.workers.pop().map_or(now_us, |free| free.0);
            let done_us = free_us.max(now_us) + WORK_US;
            self.workers.push(Reverse(done_us));
            self.asked_by.insert(call.handle, call.events[0].session);
            self.ahead
                .push(Reverse((done_us, Happens::Answer(call.handle))));
        }
    }
}

impl Drained {
    fn percentile_us(&self, percent: usize) -> u64 {
        let mut waited_us = self.waited_us.clone();
        waited_us.sort_unstable();
        let rank = (waited_us.len() * percent).div_ceil(100);
        rank.checked_sub(1).map_or(0, |index| waited_us[index])
    }

    fn print(&self, sessions: usize, events: usize, wanted_us: Option<u64>) {
        let ms = |us: u64| format!("{:.1} ms", us as f64 / 1e3);
        println!(
            "| {sessions} | {events} | {} | {} | {} | {} | {} | {} |",
            self.after_us
                .map_or(String::new(), |us| format!("{:.0} s", us as f64 / 1e6)),
            self.limit,
            ms(self.percentile_us(50)),
            ms(self.percentile_us(99)),
            ms(self.percentile_us(100)),
            wanted_us.map(ms).unwrap_or_default(),
        );
    }
}
