//! `cargo xtask deny`: licences, bans and sources of everything we depend on, by the rules of `deny.toml`.
//!
//! The advisory database is not asked for here: it is fetched from the network on every run, and a build must
//! not fail because of what was published since.

use std::process::Command;

use crate::Result;
use crate::process::{self, find_program};
use crate::workspace::Workspace;

/// How this command is called; `ci` leaves it out where cargo-deny is missing, since building it takes minutes.
pub(crate) const COMMAND: &str = "cargo xtask deny";

pub(crate) fn is_installed() -> bool {
    find_program("cargo-deny").is_some()
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    if !is_installed() {
        println!("cargo-deny is not installed: installing it, which takes some minutes");
        process::run(Command::new("cargo").args(["install", "cargo-deny", "--locked"]))?;
    }
    let mut deny = Command::new("cargo");
    deny.current_dir(&workspace.root)
        .args(["deny", "--all-features", "check"])
        .args(["bans", "licenses", "sources"])
        .args(arguments);
    process::run(&mut deny)
}
