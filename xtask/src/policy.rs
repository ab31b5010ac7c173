//! `cargo xtask policy`: no file of the project speaks of the machine it was written on.
//!
//! Lock files and notes easily pick up the address that a package came from on somebody's network, or a path in
//! somebody's home folder. Neither means anything to the next reader, and the first can break their install.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::{fs, str};

use crate::Result;
use crate::workspace::Workspace;

/// Folders at the root of a machine that no file has a reason to name; those of every Unix system are fine.
const MACHINE_FOLDERS: [&str; 3] = ["home", "root", "work"];

/// What gives away where a package was fetched from.
const SOURCES: [(&str, &str); 3] = [
    (
        r#""resolved": "http"#,
        "a lock file says where a package was fetched from: set omit-lockfile-registry-resolved in .npmrc",
    ),
    ("://registry.", "names a package registry"),
    ("index-url", "chooses a package registry"),
];

pub(crate) fn run(workspace: &Workspace, _arguments: &[String]) -> Result {
    let mut faults = Vec::new();
    let files = files_of(workspace)?;
    for file in &files {
        if let Some(text) = text_of(&workspace.join(file))? {
            faults.extend(faults_in(&text).map(|(line, fault)| format!("{file}:{line}: {fault}")));
        }
    }
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => {
            println!("{} files keep to themselves", files.len());
            Ok(())
        }
        count => Err(format!("lines that speak of a machine: {count}").into()),
    }
}

/// What git keeps, and what it would be given next.
fn files_of(workspace: &Workspace) -> Result<Vec<String>> {
    let output = Command::new("git")
        .current_dir(&workspace.root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .map_err(|error| format!("git can't be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().into());
    }
    let names = str::from_utf8(&output.stdout)?.split_terminator('\0');
    // This file and its tests name what they look for.
    let files = names.filter(|name| !name.starts_with("xtask/src/policy"));
    Ok(files.map(str::to_owned).collect())
}

/// The text of a file; nothing for pictures and the like, and for what was deleted and not yet committed.
fn text_of(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            Ok(None)
        }
        Err(error) => Err(format!("{} can't be read: {error}", path.display()).into()),
    }
}

/// Numbers of lines, from 1, and what is wrong with each.
fn faults_in(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let paths = MACHINE_FOLDERS
            .iter()
            .map(|folder| format!("/{folder}/"))
            .filter(|path| has_absolute(line, path))
            .map(|path| format!("names a path of a machine, below {path}"));
        let sources = SOURCES
            .iter()
            .filter(|(sign, _)| line.contains(sign))
            .map(|(_, fault)| (*fault).to_owned());
        let number = index + 1;
        paths.chain(sources).map(move |fault| (number, fault))
    })
}

/// Whether the line has that path from the root on, and not as a part of a longer path or an address.
fn has_absolute(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '}'))
    })
}

#[cfg(test)]
mod tests;
