//! Cores to run on, and what a process has used: CPU time and memory.

use std::{
    collections::HashMap,
    fs, io, thread,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The core of the servers and the core of the load generator with the backend.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub(crate) fn pick() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        match (cores.next(), cores.next()) {
            (Some(server), Some(load)) => Ok(Self { server, load }),
            (_, None) | (None, Some(_)) => Err(io::Error::other(
                "two cores are needed, one for the server and one for the load",
            )),
        }
    }
}

/// Binds the calling thread to `core`, and with it every process and thread
/// that it starts from then on.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// CPU time that the threads of one process had used at one moment.
///
/// It is the scheduler's own account of user plus system time, in nanoseconds,
/// where `/proc/PID/stat` counts in hundredths of a second. The account of a
/// thread that is running lags by up to a tick, so it is read of idle servers.
pub(crate) struct CpuTime(HashMap<String, Duration>);

impl CpuTime {
    /// What process `pid` has used by now.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let mut threads = HashMap::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?;
            let text = match fs::read_to_string(thread.path().join("schedstat")) {
                Ok(text) => text,
                // The thread ended since its folder was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let nanos = text.split(' ').next().and_then(|field| field.parse().ok());
            let nanos = nanos.ok_or_else(|| io::Error::other("schedstat is not readable"))?;
            let name = thread.file_name().to_string_lossy().into_owned();
            threads.insert(name, Duration::from_nanos(nanos));
        }
        Ok(Self(threads))
    }

    /// The same, read once the process has become idle: when a fiftieth of a
    /// second passed with less than one per cent of a core used, or after a
    /// second in any case.
    pub(crate) fn of_idle(pid: u32) -> io::Result<Self> {
        const PAUSE: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut last = Self::of(pid)?;
        loop {
            thread::sleep(PAUSE);
            let now = Self::of(pid)?;
            let used = now.since(&last);
            if used < PAUSE / 100 || Instant::now() >= deadline {
                return Ok(now);
            }
            last = now;
        }
    }

    /// What was used between `earlier` and this reading. Threads that ended in
    /// between are left out: no server measured here ends a thread under load.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let used = |(thread, time): (&String, &Duration)| {
            let before = earlier.0.get(thread).copied().unwrap_or_default();
            time.saturating_sub(before)
        };
        self.0.iter().map(used).sum()
    }
}

/// Resident memory of process `pid` in bytes, read once it has been the same
/// for half a second, or after five seconds in any case.
pub(crate) fn resident_bytes(pid: u32) -> io::Result<u64> {
    const CALM: Duration = Duration::from_millis(500);
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut last = resident_now(pid)?;
    let mut since = Instant::now();
    loop {
        thread::sleep(CALM / 10);
        let now = resident_now(pid)?;
        if now != last {
            last = now;
            since = Instant::now();
        }
        if since.elapsed() >= CALM || Instant::now() >= deadline {
            return Ok(now);
        }
    }
}

fn resident_now(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path)?;
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| io::Error::other(format!("{path} has no Rss")))
}
