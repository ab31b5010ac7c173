//! Installs the programs that a step needs and the machine lacks, as Debian packages.

use std::process::Command;

use crate::Result;
use crate::process::{self, find_program};

/// Something a step needs, how to see that it is there, and the package it comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) program: &'static str,
    /// Arguments with which the program must succeed; none: it only has to be there.
    pub(crate) proof: &'static [&'static str],
    pub(crate) package: &'static str,
}

impl Need {
    fn is_met(&self) -> bool {
        match find_program(self.program) {
            Some(_) if self.proof.is_empty() => true,
            Some(path) => process::succeeds(Command::new(path).args(self.proof)),
            None => false,
        }
    }
}

/// Installs the packages of all needs that are not met, and fails when one still is not.
pub(crate) fn provide(needs: &[Need]) -> Result {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    println!("missing here, to be installed: {}", packages.join(" "));
    install(&packages).map_err(|error| {
        format!(
            "{error}; install these by hand and try again: {}",
            packages.join(" ")
        )
    })?;
    match missing(needs).as_slice() {
        [] => Ok(()),
        rest => Err(format!("installed, and yet not usable: {}", rest.join(" ")).into()),
    }
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs
        .iter()
        .filter(|need| !need.is_met())
        .map(|need| need.package)
        .collect()
}

fn install(packages: &[&str]) -> Result {
    if find_program("apt-get").is_none() {
        return Err("this machine has no apt-get".into());
    }
    process::run(&mut as_root(&["apt-get", "update"])?)?;
    let mut words = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
    ];
    words.extend(packages);
    process::run(&mut as_root(&words)?)
}

/// The command as it is for root, and through sudo for everybody else.
fn as_root(words: &[&str]) -> Result<Command> {
    let sudo = ["sudo", "--non-interactive"];
    let words = match (is_root(), find_program("sudo")) {
        (true, _) => words.to_vec(),
        (false, Some(_)) => [&sudo, words].concat(),
        (false, None) => return Err("installing packages needs root or sudo".into()),
    };
    let (program, arguments) = words.split_first().ok_or("no command to run as root")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(program: &'static str, proof: &'static [&'static str]) -> Need {
        Need {
            program,
            proof,
            package: "some-package",
        }
    }

    #[test]
    fn a_program_that_is_there_needs_no_package() {
        assert!(missing(&[need("sh", &[])]).is_empty());
    }

    #[test]
    fn a_program_that_is_not_there_needs_its_package() {
        let absent = need("no-such-program-anywhere", &[]);
        assert_eq!(missing(&[absent]), ["some-package"]);
    }

    #[test]
    fn a_program_that_fails_its_proof_needs_its_package() {
        assert_eq!(missing(&[need("sh", &["-c", "exit 3"])]), ["some-package"]);
        assert!(missing(&[need("sh", &["-c", "exit 0"])]).is_empty());
    }
}
