//! The `wsbroker` command.
//!
//! **Nothing here knows a protocol or matches sessions**: it reads what the
//! operator chose, sets up the log, and leaves the rest to `broker-server`.

mod banner;
mod check;
mod cli;
mod exit;
mod file_limit;
mod huge_pages;
mod logging;
mod probe;
mod serve;
mod settings;
mod signals;
mod sockets;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, Flags, Global};
use exit::Exit;
use settings::{Settings, Sources};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    huge_pages::decline();
    let (command, global) = match Cli::try_parse().and_then(Cli::into_command) {
        Ok(command) => command,
        Err(error) => error.exit(),
    };
    run(command, &global).into()
}

fn run(command: Command, global: &Global) -> Exit {
    match command {
        Command::Serve(flags) => match settings(&flags, global) {
            Ok(settings) => or_failure(serve::run(&settings, &flags, global)),
            Err(exit) => exit,
        },
        Command::Check(flags) => match settings(&flags, global) {
            Ok(settings) => or_failure(check::run(&settings)),
            Err(exit) => exit,
        },
        Command::Version => or_failure(version()),
    }
}

/// The effective settings; what is wrong with them is told here.
fn settings(flags: &Flags, global: &Global) -> Result<Settings, Exit> {
    let sources = Sources {
        flags,
        level: global.level(),
        environment: std::env::vars_os().collect(),
        search: &settings::SEARCH.map(Path::new),
    };
    let settings = settings::load(&sources).map_err(|problems| {
        for problem in problems {
            note(&problem.to_string());
        }
        Exit::Configuration
    })?;
    for warning in &settings.warnings {
        note(&format!("warning: {warning}"));
    }
    Ok(settings)
}

fn version() -> io::Result<Exit> {
    writeln!(io::stdout(), "wsbroker {}", env!("CARGO_PKG_VERSION"))?;
    Ok(Exit::Ok)
}

/// An output that can't be written to is a failure, but nothing to panic for.
fn or_failure(result: io::Result<Exit>) -> Exit {
    result.unwrap_or_else(|error| {
        note(&error.to_string());
        Exit::Failure
    })
}

/// Says something to whoever started the process. If nobody listens, so be it.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
