//! Makes a Python environment of our own with exactly the packages that a requirements file names.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::Need;
use crate::{Result, process};

/// What making an environment needs.
pub(crate) const NEED: Need = Need {
    program: "python3",
    proof: &["-c", "import ensurepip, venv"],
    package: "python3-venv",
};

/// The `bin` folder of an environment with these requirements; it is made anew when they change.
pub(crate) fn environment(requirements: &Path, venv: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements)
        .map_err(|error| format!("{} can't be read: {error}", requirements.display()))?;
    let bin = venv.join("bin");
    let installed = venv.join("installed-requirements.txt");
    if fs::read(&installed).is_ok_and(|before| before == wanted) {
        return Ok(bin);
    }
    println!(
        "missing here, to be installed: {}",
        String::from_utf8_lossy(&wanted).trim()
    );
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )?;
    process::run(
        Command::new(bin.join("python"))
            .args(["-m", "pip", "--disable-pip-version-check", "install"])
            .args(["--quiet", "--requirement"])
            .arg(requirements),
    )?;
    fs::write(installed, wanted)?;
    Ok(bin)
}
