//! `cargo xtask fuzz`: looks for inputs that break what `crates/broker-fuzz` asks of any bytes from outside.
//!
//! New inputs that reach what no other does are added to `fuzz/corpus`; `--minimise` leaves of them only as many as it
//! takes to reach the same. CI runs none of this: an ordinary test feeds the corpus to the same functions.

use std::fs;
use std::process::Command;

use crate::Result;
use crate::process::{self, find_program};
use crate::workspace::Workspace;

/// How long is looked for without `--seconds`.
const SECONDS: u32 = 60;

/// The longest input that is tried, in bytes.
const INPUT_BYTES_MAX: u32 = 4096;

#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    target: String,
    task: Task,
}

#[derive(Debug, PartialEq, Eq)]
enum Task {
    /// Look for new inputs for so many seconds.
    Search(u32),
    /// Leave out inputs that reach nothing of their own.
    Minimise,
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    let targets = targets(workspace)?;
    let usage = format!(
        "usage: TARGET [--seconds N | --minimise]; the targets are {}",
        targets.join(", ")
    );
    let Arguments { target, task } = read(arguments).ok_or(usage.as_str())?;
    if !targets.contains(&target) {
        return Err(usage.into());
    }
    if find_program("cargo-fuzz").is_none() {
        println!("cargo-fuzz is not installed: installing it, which takes some minutes");
        process::run(Command::new("cargo").args(["install", "cargo-fuzz", "--locked"]))?;
    }
    let mut fuzz = Command::new("cargo");
    fuzz.current_dir(&workspace.root)
        // The coverage that steers it is a feature of the compiler that is not stable yet.
        .env("RUSTC_BOOTSTRAP", "1");
    match task {
        Task::Search(seconds) => fuzz
            .args(["fuzz", "run", &target, "--"])
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={INPUT_BYTES_MAX}")),
        // By what is reached, not by how often: the corpus is for replaying, and stays some hundred files.
        Task::Minimise => fuzz.args(["fuzz", "cmin", &target, "--", "-use_counters=0"]),
    };
    process::run(&mut fuzz)
}

/// Every target has a file of its own.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder)
        .map_err(|error| format!("{} can't be read: {error}", folder.display()))?;
    let mut targets = Vec::new();
    for file in files {
        let name = file?.file_name();
        targets.extend(
            name.to_string_lossy()
                .strip_suffix(".rs")
                .map(str::to_owned),
        );
    }
    targets.sort();
    Ok(targets)
}

/// Nothing, when it can't be understood.
fn read(arguments: &[String]) -> Option<Arguments> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (target, task) = match words[..] {
        [target] => (target, Task::Search(SECONDS)),
        [target, "--seconds", number] => (target, Task::Search(number.parse().ok()?)),
        [target, "--minimise"] => (target, Task::Minimise),
        _ => return None,
    };
    Some(Arguments {
        target: target.to_owned(),
        task,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str) -> Option<Task> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let arguments = read(&words)?;
        assert_eq!(arguments.target, "frames");
        Some(arguments.task)
    }

    #[test]
    fn a_target_is_searched_for_a_minute_or_as_long_as_is_said() {
        assert_eq!(task("frames"), Some(Task::Search(60)));
        assert_eq!(task("frames --seconds 1200"), Some(Task::Search(1200)));
        assert_eq!(task("frames --minimise"), Some(Task::Minimise));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for line in [
            "frames 60",
            "frames --seconds",
            "frames --seconds x",
            "frames --seconds -1",
            "frames --all",
        ] {
            assert_eq!(task(line), None, "{line}");
        }
    }
}
