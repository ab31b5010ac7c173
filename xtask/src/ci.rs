//! `cargo xtask ci`: every check, one after the other.
//!
//! A step is a command line and nothing else, so that what fails can be repeated by pasting what the summary shows.
//! A failure does not stop the later steps: one run shows all that is wrong.

mod summary;

use std::env;
use std::process::{self, Command};
use std::time::Instant;

use crate::process::{find_program, run as run_command};
use crate::workspace::Workspace;
use crate::{Result, deny};

use self::summary::{Report, Verdict};

#[derive(Clone, Copy, Debug)]
struct Step {
    name: &'static str,
    /// Words separated by blanks, after any `NAME=value` for the environment.
    command: &'static str,
}

/// The steps in order: what tells most for the least time comes first.
fn steps() -> Vec<Step> {
    let step = |name, command| Step { name, command };
    vec![
        step("fmt", "cargo fmt --all --check"),
        step("policy", "cargo xtask policy"),
        step("layers", "cargo xtask layers"),
        step(
            "clippy",
            "cargo clippy --workspace --all-targets -- -D warnings",
        ),
        step("bare", BARE),
        step(
            "docs",
            "RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps",
        ),
        step("tests", tests_command()),
        step("doctests", "cargo test --workspace --doc"),
        step("package", "cargo xtask package"),
        step("release", "cargo build --release -p broker-bin"),
        step("e2e", "cargo xtask e2e"),
        step("conformance", "cargo xtask conformance"),
        step("deny", deny::COMMAND),
    ]
}

/// The libraries without what can be left out of them, which no other step leaves out.
const BARE: &str =
    "cargo clippy --no-default-features -p broker-client -p broker-server --lib -- -D warnings";

/// nextest runs each test in a process of its own and ends those that hang; without it cargo's own runner does.
fn tests_command() -> &'static str {
    match find_program("cargo-nextest") {
        Some(_) => "cargo nextest run --workspace",
        None => "cargo test --workspace --tests --no-fail-fast",
    }
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    if !arguments.is_empty() {
        return Err("`ci` takes no arguments: each step has a command of its own".into());
    }
    // All commands are known before the first is run: a step may build this program anew, and where it was is forgotten then.
    let commands: Vec<(Step, Command)> = steps()
        .into_iter()
        .map(|step| (step, command(workspace, step.command)))
        .collect();
    let reports: Vec<Report> = commands
        .into_iter()
        .map(|(step, command)| report(step, command))
        .collect();
    print!("{}", summary::of(&reports));
    if reports
        .iter()
        .any(|report| report.verdict == Verdict::Failed)
    {
        // Not an error for the caller to print: the counts stay the last line.
        process::exit(1);
    }
    Ok(())
}

fn report(step: Step, command: Command) -> Report {
    println!("\n━━ {} ━━", step.name);
    let started = Instant::now();
    let verdict = perform(step, command);
    Report {
        step,
        verdict,
        seconds: started.elapsed().as_secs_f64(),
    }
}

fn perform(step: Step, mut command: Command) -> Verdict {
    if step.command == deny::COMMAND && !deny::is_installed() {
        println!("left out, since cargo-deny is not installed");
        return Verdict::LeftOut("cargo-deny is not installed: `cargo xtask deny` installs it");
    }
    match run_command(&mut command) {
        Ok(()) => Verdict::Passed,
        Err(error) => {
            println!("{}: {error}", step.name);
            Verdict::Failed
        }
    }
}

/// Turns a step's line into the command it stands for.
fn command(workspace: &Workspace, line: &str) -> Command {
    let mut words = line.split_whitespace().peekable();
    let mut settings = Vec::new();
    while let Some(setting) = words.peek().and_then(|word| word.split_once('=')) {
        settings.push(setting);
        words.next();
    }
    let words: Vec<&str> = words.collect();
    let mut command = match (words.as_slice(), env::current_exe()) {
        // This very program: asking cargo for it would build it again when the flags differ.
        (["cargo", "xtask", rest @ ..], Ok(xtask)) => program(&xtask.to_string_lossy(), rest),
        ([name, rest @ ..], _) => program(name, rest),
        ([], _) => unreachable!("a step names a program"),
    };
    command.envs(settings).current_dir(&workspace.root);
    command
}

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests;
