//! `cargo xtask chaos`: the release binary while applications, nginx and the network fail, to see that nothing is lost.

use std::process::Command;

use crate::debian::{self, Need};
use crate::workspace::Workspace;
use crate::{Result, e2e, npm, process};

/// The standard library is all that the application in Python uses.
const PYTHON: Need = Need {
    program: "python3",
    proof: &[],
    package: "python3",
};

/// The arguments are `--messages N`, `--clients N`, `--rate N` (messages a second) and `--seed S`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    let folder = workspace.join("e2e");
    let wsbroker = e2e::build_wsbroker(workspace, &workspace.target_folder()?)?;
    debian::provide(&[[e2e::PHP, e2e::NGINX, PYTHON].as_slice(), &npm::NEEDS].concat())?;
    npm::install(&folder)?;
    let mut node = Command::new("node");
    node.current_dir(&folder)
        .arg("chaos.mjs")
        .args(arguments)
        .env("WSBROKER", wsbroker);
    process::run(&mut node)
}
