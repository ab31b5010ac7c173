//! The release binary as the suite meets it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::Result;

/// How long the binary may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker whose every endpoint is an echo; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Broker {
    process: Child,
    address: String,
}

impl Broker {
    /// Starts it on a free port; its configuration and its log are files in `folder`.
    pub(super) fn start(wsbroker: &Path, folder: &Path) -> Result<Broker> {
        // A file of its own, and no setting from outside, so that it is the same broker on every machine.
        let config = folder.join("wsbroker.toml");
        fs::write(&config, "log.format = 'json'\n")?;
        let log = File::create(folder.join("wsbroker.log"))?;
        let mut command = Command::new(wsbroker);
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command
            .args(["serve", "--endpoint", "*=echo", "--admin", "off"])
            .args(["--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            // A group of its own: an interrupt meant for the suite would have it close its clients in between.
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command
            .spawn()
            .map_err(|error| format!("{} can't be started: {error}", wsbroker.display()))?;
        let stderr = process.stderr.take().ok_or("its stderr is not piped")?;
        let mut broker = Broker {
            process,
            address: String::new(),
        };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || keep_log(stderr, log, &sender));
        broker.address = receiver
            .recv_timeout(PATIENCE)
            .map_err(|_| "wsbroker does not say where it listens: see wsbroker.log")?;
        Ok(broker)
    }

    /// Host and port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks it to end, and fails unless it does so in order: whatever the cases did, it must be well.
    pub(super) fn stop(&mut self) -> Result {
        if let Some(status) = self.process.try_wait()? {
            return Err(format!("wsbroker ended before the suite did: {status}").into());
        }
        let pid = self.process.id().to_string();
        crate::process::run(Command::new("kill").args(["-TERM", &pid]))?;
        let status = self.process.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("wsbroker ended with {status}").into()),
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Neither does anything to a process that has been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes down what the broker logs until it ends, and tells of the address once it stands there.
fn keep_log(stderr: ChildStderr, mut log: File, addresses: &mpsc::Sender<String>) {
    for line in BufReader::new(stderr).lines().map_while(|line| line.ok()) {
        if let Some(address) = address_in(&line) {
            // Whoever asked may have given up.
            let _ = addresses.send(address);
        }
        // A log that can't be kept is no reason to let the broker wait for a reader.
        let _ = writeln!(log, "{line}");
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"WSBROKER_")
}

fn address_in(line: &str) -> Option<String> {
    let record: Value = serde_json::from_str(line).ok()?;
    let is_it = record.get("event")? == "listening";
    is_it.then(|| record.get("public")?.as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_line_about_listening() {
        let line =
            r#"{"level":"info","event":"listening","public":"127.0.0.1:4080","admin":"off"}"#;
        assert_eq!(address_in(line).as_deref(), Some("127.0.0.1:4080"));
        for other in [
            r#"{"event":"connected","public":"1.2.3.4:5"}"#,
            r#"{"event":"listening"}"#,
            "{}",
            "text",
        ] {
            assert_eq!(address_in(other), None);
        }
    }
}
