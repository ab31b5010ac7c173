//! One run of the benchmark: every case, every round, every server.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde_json::json;

use crate::{
    Args,
    cpu::{self, Cores},
    machine::{self, Machine},
    peers::{Launcher, Peer},
    scenario::{Case, Scenario, Setting},
    table::{Row, Table},
};

/// Measures what `args` name and prints a table per case.
pub(crate) fn measure(args: &Args) -> io::Result<()> {
    let setting = Setting {
        launcher: Launcher {
            cores: Cores::pick()?,
            wsbroker: args.wsbroker.clone().map_or_else(wsbroker_beside, Ok)?,
        },
        quick: args.quick,
    };
    let peers = if args.only.is_empty() {
        &Peer::ALL[..]
    } else {
        &args.only
    };
    let scenarios = if args.scenarios.is_empty() {
        Scenario::value_variants()
    } else {
        &args.scenarios
    };
    let rounds = args.rounds.unwrap_or(if args.quick { 2 } else { 5 });

    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build; its floor and load generator are slow");
    }
    machine::raise_file_limit()?;
    let cases = || scenarios.iter().flat_map(|scenario| scenario.cases());
    let is_needed = |peer: &&Peer| cases().any(|case| case.measures(**peer));
    let needed: Vec<Peer> = peers.iter().filter(is_needed).copied().collect();
    setting.launcher.prepare(&needed)?;
    let machine = Machine::read()?;
    machine.describe(&mut io::stdout().lock())?;
    cpu::pin(setting.launcher.cores.load)?;

    let mut tables = Vec::new();
    for case in cases() {
        let table = tabulate(&*case, peers, rounds, &setting)?;
        if table.rows.is_empty() {
            continue;
        }
        table.write(&mut io::stdout().lock())?;
        tables.push(table.to_json());
    }
    if let Some(path) = &args.json {
        let run = json!({
            "machine": machine.to_json(),
            "rounds": rounds,
            "quick": args.quick,
            "tables": tables,
        });
        fs::write(path, format!("{run:#}\n"))?;
    }
    Ok(())
}

fn tabulate(case: &dyn Case, peers: &[Peer], rounds: u32, setting: &Setting) -> io::Result<Table> {
    let mut rows: Vec<Row> = peers
        .iter()
        .filter(|&&peer| case.measures(peer))
        .map(|&peer| Row {
            peer,
            rounds: Vec::new(),
        })
        .collect();
    for round in 1..=rounds {
        for row in &mut rows {
            let title = case.title();
            eprintln!("{title}: round {round} of {rounds}: {}", row.peer.title());
            row.rounds.push(case.round(row.peer, setting)?);
        }
    }
    Ok(Table {
        title: case.title(),
        columns: case.columns(),
        rows,
    })
}

/// cargo puts both into the same folder.
fn wsbroker_beside() -> io::Result<PathBuf> {
    let this = env::current_exe()?;
    Ok(this.parent().unwrap_or(Path::new(".")).join("wsbroker"))
}
