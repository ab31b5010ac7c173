//! `cargo xtask`: all automation of the workspace, so that a laptop and a CI machine run the same thing.
//!
//! Each command is one file named after it. The rest is what they share: `process` (running programs),
//! `workspace` (where things are), `debian`, `npm` and `python` (installing what a step needs).
//!
//! **Never depends on the libraries of this workspace**: it must build while they do not.
#![expect(clippy::print_stdout, reason = "a command-line tool reports on stdout")]

mod bench;
mod chaos;
mod ci;
mod conformance;
mod deny;
mod e2e;
mod fuzz;
mod layers;
mod package;
mod policy;
mod soak;

mod debian;
mod npm;
mod process;
mod python;
mod workspace;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use crate::workspace::Workspace;

/// What a command comes to; the error is a sentence for the person at the terminal.
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "ci",
        about: "run every check below, and those of cargo, with a summary at the end",
        run: ci::run,
    },
    Command {
        name: "layers",
        about: "check who depends on whom, and docs/architecture.md against the tree",
        run: layers::run,
    },
    Command {
        name: "policy",
        about: "check that no file names a machine's paths or a package registry",
        run: policy::run,
    },
    Command {
        name: "package",
        about: "pack the libraries as they would be published, and build each from what was packed",
        run: package::run,
    },
    Command {
        name: "e2e",
        about: "run the end-to-end tests against the release binary: [PART OF A FILE NAME]…",
        run: e2e::run,
    },
    Command {
        name: "conformance",
        about: "run the Autobahn cases against the release binary; [--all]: those that take minutes, too",
        run: conformance::run,
    },
    Command {
        name: "soak",
        about: "run the release binary under mixed load and watch its memory: [MINUTES], 60 unless given",
        run: soak::run,
    },
    Command {
        name: "chaos",
        about: "let backends, nginx and the network fail under the release binary: [--messages N] [--seed S]",
        run: chaos::run,
    },
    Command {
        name: "deny",
        about: "check licences, bans and sources of dependencies; installs cargo-deny",
        run: deny::run,
    },
    Command {
        name: "fuzz",
        about: "look for inputs that break a promise: TARGET [--seconds N | --minimise]; installs cargo-fuzz",
        run: fuzz::run,
    },
    Command {
        name: "bench",
        about: "build with optimisations and run broker-bench: [ARGUMENTS OF broker-bench]…",
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print_help();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_help();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("xtask: there is no command `{name}`; `cargo xtask help` lists them");
        return ExitCode::from(2);
    };
    match Workspace::find().and_then(|workspace| (command.run)(&workspace, rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_help() {
    println!("Usage: cargo xtask COMMAND [ARGUMENTS]\n");
    for Command { name, about, .. } in COMMANDS {
        println!("  {name:<11} {about}");
    }
    println!("  {:<11} this list", "help");
}
