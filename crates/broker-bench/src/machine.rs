//! What a run was made on, for whoever compares it with another.

use std::{
    fs,
    io::{self, Write},
    process::Command,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

/// A load above this, before the benchmark adds its own, spoils figures.
const LOAD_MAX: f64 = 0.3;

/// Hardware, kernel and Node of the run, and how busy the machine was before it.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    kernel: String,
    node: String,
    /// Processes that wanted to run, on average over the last minute.
    load: f64,
}

impl Machine {
    pub(crate) fn read() -> io::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let processor = cpuinfo
            .lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(':'));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let loadavg = fs::read_to_string("/proc/loadavg")?;
        let node = Command::new("node").arg("--version").output();
        let node = node.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Ok(Self {
            processor: processor.map_or("?", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: kernel.trim().to_owned(),
            node: node.unwrap_or_else(|_| "none".to_owned()),
            load: loadavg
                .split(' ')
                .next()
                .and_then(|one_minute| one_minute.parse().ok())
                .unwrap_or(f64::NAN),
        })
    }

    /// One line on `out`; a warning on stderr when others are using the machine.
    pub(crate) fn describe(&self, out: &mut impl Write) -> io::Result<()> {
        if self.load > LOAD_MAX {
            let load = self.load;
            eprintln!("warning: the machine is busy (load {load:.2}); the figures will be noisy");
        }
        writeln!(
            out,
            "{}, {} cores, Linux {}, Node {}, load before {:.2}",
            self.processor, self.cores, self.kernel, self.node, self.load
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "kernel": self.kernel,
            "node": self.node,
            "load_before": self.load,
        })
    }
}

/// Raises the file limit of this process, and so of its servers, as far as it
/// may: 10,000 connections need more than the usual 1024.
pub(crate) fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?)
}
