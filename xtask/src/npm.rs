//! Installs the Node packages of a folder exactly as its lock file says, when that has changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::debian::Need;
use crate::process;

/// What running JavaScript needs.
pub(crate) const NEEDS: [Need; 2] = [
    Need {
        program: "node",
        proof: &[],
        package: "nodejs",
    },
    Need {
        program: "npm",
        proof: &[],
        package: "npm",
    },
];

pub(crate) fn install(folder: &Path) -> Result {
    let lock_path = folder.join("package-lock.json");
    let lock = fs::read(&lock_path)
        .map_err(|error| format!("{} can't be read: {error}", lock_path.display()))?;
    // Inside `node_modules`, so that whoever removes that folder removes the claim that it is complete.
    let installed = folder.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|before| before == lock) {
        return Ok(());
    }
    // No package's own install scripts: what the tests run is what the packages ship.
    let mut npm = Command::new("npm");
    npm.current_dir(folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::run(&mut npm)?;
    fs::create_dir_all(folder.join("node_modules"))?;
    Ok(fs::write(installed, lock)?)
}
