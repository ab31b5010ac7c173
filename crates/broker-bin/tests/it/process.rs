//! Running the binary in a directory and environment of the test's own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory that is gone when the test is.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wsbroker-it-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub(crate) fn with(name: &str, content: &str) -> Self {
        let directory = Self::new();
        std::fs::write(directory.0.join(name), content).expect("the file is written");
        directory
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the directory is ours");
    }
}

/// The binary with nothing of the environment but what a test sets.
pub(crate) fn wsbroker(directory: &Directory) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbroker"));
    command
        .current_dir(directory.path())
        .env_clear()
        .stdin(Stdio::null());
    command
}

/// How a run ended, and what it printed; shown as text for comparison.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end.
pub(crate) fn run(directory: &Directory, arguments: &[&str]) -> Ended {
    let output = wsbroker(directory)
        .args(arguments)
        .output()
        .expect("the binary runs");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "killed")?,
        }
        for line in self.stdout.lines() {
            writeln!(f, "out: {line}")?;
        }
        for line in self.stderr.lines() {
            writeln!(f, "err: {line}")?;
        }
        Ok(())
    }
}
