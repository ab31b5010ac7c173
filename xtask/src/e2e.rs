//! `cargo xtask e2e`: the tests in `e2e/`, which talk to the release binary through programs that are not ours.
//!
//! What they need beyond Rust is installed when it is missing; when that fails, so does this: nothing is skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::debian::{self, Need};
use crate::process::{self, find_program};
use crate::workspace::Workspace;
use crate::{Result, npm, python};

pub(crate) const PHP: Need = Need {
    program: "php",
    proof: &[],
    package: "php-cli",
};

pub(crate) const NGINX: Need = Need {
    program: "nginx",
    proof: &[],
    package: "nginx-light",
};

const NEEDS: [Need; 7] = [
    PHP,
    NGINX,
    Need {
        program: "haproxy",
        proof: &[],
        package: "haproxy",
    },
    Need {
        program: "chromium",
        proof: &[],
        package: "chromium",
    },
    Need {
        program: "curl",
        proof: &[],
        package: "curl",
    },
    Need {
        program: "openssl",
        proof: &[],
        package: "openssl",
    },
    Need {
        program: "slowhttptest",
        proof: &[],
        package: "slowhttptest",
    },
];

/// With arguments, only the test files whose path contains one of them are run.
pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result {
    let folder = workspace.join("e2e");
    let tests = chosen(test_files(&folder, Path::new(""))?, parts);
    if tests.is_empty() {
        return Err("no test file to run".into());
    }
    let target = workspace.target_folder()?;
    let wsbroker = build_wsbroker(workspace, &target)?;
    debian::provide(&[NEEDS.as_slice(), &npm::NEEDS, &[python::NEED]].concat())?;
    npm::install(&folder)?;
    let python = python::environment(&folder.join("requirements.txt"), &target.join("e2e-venv"))?;
    let chromium = find_program("chromium").ok_or("chromium is not there")?;

    // One after the other: the tests start servers and browsers, and the machine may have two cores.
    let mut node = Command::new("node");
    node.current_dir(&folder)
        .args(["--test", "--test-concurrency=1"])
        .args(tests)
        .env("WSBROKER", wsbroker)
        .env("PYTHON", python.join("python"))
        .env("CHROMIUM", chromium);
    process::run(&mut node)
}

/// Builds the binary as users get it, and says where it is.
pub(crate) fn build_wsbroker(workspace: &Workspace, target: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(&workspace.root)
        .args(["build", "--release", "--package", "broker-bin"]);
    process::run(&mut cargo)?;
    Ok(target.join("release/wsbroker"))
}

/// The paths, from `root` on, of all `*.test.mjs` in one of its folders and below, installed packages excepted.
fn test_files(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let here = root.join(folder);
    let entries = fs::read_dir(&here)
        .map_err(|error| format!("{} can't be read: {error}", here.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let path = folder.join(&name);
        if root.join(&path).is_dir() && name != "node_modules" {
            files.extend(test_files(root, &path)?);
        } else if name.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// In order of their paths, the files that have one of the parts in theirs; all, when no part is given.
fn chosen(mut files: Vec<PathBuf>, parts: &[String]) -> Vec<PathBuf> {
    files.retain(|file| {
        let path = file.to_string_lossy();
        parts.is_empty() || parts.iter().any(|part| path.contains(part.as_str()))
    });
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_choose_test_files() {
        let files = || vec![PathBuf::from("ws.test.mjs"), "php.test.mjs".into()];
        let sorted = [PathBuf::from("php.test.mjs"), "ws.test.mjs".into()];
        assert_eq!(chosen(files(), &[]), sorted);
        assert_eq!(
            chosen(files(), &["php".into()]),
            [PathBuf::from("php.test.mjs")]
        );
        assert!(chosen(files(), &["ruby".into()]).is_empty());
    }
}
