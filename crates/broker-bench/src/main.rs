//! Measures wsbroker beside npm `wsbroker`, npm `ws` and the floor.
//!
//! Every server is a process of its own on one core; the load generator, and
//! the HTTP backend where one is needed, are on another. A figure is the median
//! of several rounds. In a round every server has its turn, in a fresh process,
//! so that what disturbs the machine for a while disturbs all of them.
//!
//! The CPU of a figure is what the server's process used between two moments at
//! which it was idle, user and system time together; on loopback that includes
//! the kernel's work for the receiving side of what it sends.

mod backend;
mod cpu;
mod door;
mod epoll;
mod figures;
mod floor;
mod http;
mod load;
mod machine;
mod peers;
mod run;
mod sample;
mod scenario;
mod table;
mod wire;
mod ws;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{peers::Peer, scenario::Scenario};

#[derive(Parser)]
#[command(about, args_conflicts_with_subcommands = true)]
struct Args {
    /// What to measure [default: everything]
    #[arg(value_name = "NAME")]
    scenarios: Vec<Scenario>,
    /// Two rounds with a fifth of the messages: to see that it works
    #[arg(long)]
    quick: bool,
    /// Rounds per figure [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Measure these servers alone
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    only: Vec<Peer>,
    /// The wsbroker binary [default: the one beside this binary]
    #[arg(long, value_name = "PATH", env = "WSBROKER")]
    wsbroker: Option<PathBuf>,
    /// Also write every round to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<ServerRole>,
}

/// What this binary is when it measures itself.
#[derive(Subcommand)]
enum ServerRole {
    /// Run as the floor, until killed
    #[command(hide = true)]
    Floor {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        backend: Option<SocketAddr>,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match args.role {
        Some(ServerRole::Floor { listen, backend }) => floor::serve(listen, backend),
        None => run::measure(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("broker-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
