//! Running other programs, and finding out whether they are there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;

/// Runs a command to its end, after showing it; what it prints goes straight to the terminal.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("+ {}", shown(command));
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(|error| format!("`{program}` can't be started: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{program}` failed with {status}").into())
    }
}

/// Runs a command without showing anything: whether it ended well.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The path of a program that can be called by its name.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    // Debian keeps servers in sbin, which is not on everybody's PATH.
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(system)
        .map(|folder| folder.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The command as it would be typed, with the settings it adds to the environment.
fn shown(command: &Command) -> String {
    let mut text = String::new();
    for (name, value) in command.get_envs() {
        let value = value.unwrap_or_default();
        text += &format!("{}={} ", name.display(), value.display());
    }
    text += &command.get_program().to_string_lossy();
    for argument in command.get_args() {
        text += &format!(" {}", argument.display());
    }
    text
}
