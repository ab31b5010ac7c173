//! `cargo xtask bench`: broker-bench against the release binary, beside the peers that it is compared with.

use std::process::Command;

use crate::workspace::Workspace;
use crate::{Result, debian, e2e, npm, process};

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    // The peers are Node programs with a lock file of their own.
    let peers = workspace.join("crates/broker-bench/peers");
    if peers.join("package.json").exists() {
        debian::provide(&npm::NEEDS)?;
        npm::install(&peers)?;
    }
    // Built alone, as users build it: together with broker-bench its dependencies might get more features.
    let wsbroker = e2e::build_wsbroker(workspace, &workspace.target_folder()?)?;
    let mut bench = Command::new("cargo");
    bench
        .current_dir(&workspace.root)
        .args(["run", "--release", "--package", "broker-bench", "--"])
        .args(arguments)
        .env("WSBROKER", wsbroker);
    process::run(&mut bench)
}
