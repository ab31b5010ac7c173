//! `cargo xtask package`: packs the libraries as they would be published, and has cargo build each from what was packed.
//!
//! The others stand in a temporary registry for that. Cargo takes what a registry has under a version to stay as it is, and
//! keeps it unpacked and compiled: a second run would build against the libraries of the first. So each run has a folder
//! of its own, and builds everything anew.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use cargo_metadata::Metadata;

use crate::Result;
use crate::process;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let folder = workspace.target_folder()?.join(format!("package-{run}"));
    let mut package = Command::new("cargo");
    package
        .current_dir(&workspace.root)
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_BUILD_BUILD_DIR", &folder)
        // What is built is never run.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .args(["package", "--allow-dirty"]);
    for name in libraries(&workspace.metadata()?) {
        package.args(["-p", &name]);
    }
    let packaged = process::run(package.args(arguments));
    // Where cargo has refused to begin there is none.
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .map_err(|error| format!("{} can't be removed: {error}", folder.display()))?;
    }
    packaged
}

/// The crates that anybody may publish.
fn libraries(metadata: &Metadata) -> Vec<String> {
    let members = metadata.workspace_packages().into_iter();
    members
        .filter(|package| package.publish.is_none())
        .map(|package| package.name.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_published_and_nothing_else() {
        let metadata = Workspace::find().unwrap().metadata().unwrap();
        let mut libraries = libraries(&metadata);
        libraries.sort();
        assert_eq!(
            libraries,
            [
                "broker-backend",
                "broker-client",
                "broker-core",
                "broker-dialect",
                "broker-server",
                "broker-transport",
            ]
        );
    }
}
