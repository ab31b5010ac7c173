//! `cargo xtask soak`: the release binary under mixed load for an hour, to see that its memory does not grow.

use std::process::Command;

use crate::workspace::Workspace;
use crate::{Result, debian, e2e, npm, process};

/// The argument is how many minutes, 60 unless given.
pub(crate) fn run(workspace: &Workspace, minutes: &[String]) -> Result {
    let folder = workspace.join("e2e");
    let wsbroker = e2e::build_wsbroker(workspace, &workspace.target_folder()?)?;
    debian::provide(&npm::NEEDS)?;
    npm::install(&folder)?;
    let mut node = Command::new("node");
    node.current_dir(&folder)
        .arg("soak.mjs")
        .args(minutes)
        .env("WSBROKER", wsbroker);
    process::run(&mut node)
}
