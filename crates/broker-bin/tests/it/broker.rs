//! A running broker, and what it says.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::process::{Directory, wsbroker};

/// How long anything may take that happens at once on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker; killed with the test.
pub(crate) struct Broker {
    pub(crate) child: Child,
    /// `None` once a test has closed it.
    pub(crate) log: Option<BufReader<ChildStderr>>,
    /// The record `listening`.
    pub(crate) listening: Value,
}

impl Broker {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let listening = next_record(&mut log);
        assert_eq!(listening["event"], "listening", "{listening}");
        Self {
            child,
            log: Some(log),
            listening,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn next_record(&mut self) -> Value {
        next_record(self.log.as_mut().expect("the log is open"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Waits for its end; gives the exit code and the rest of the log.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        if let Some(log) = &mut self.log {
            log.read_to_string(&mut rest).expect("the log is UTF-8");
        }
        let status = self.child.wait().expect("it is our child");
        (status.code(), rest)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_record(log: &mut BufReader<ChildStderr>) -> Value {
    let mut line = String::new();
    log.read_line(&mut line).expect("the log is UTF-8");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
}

/// `serve` on ports that the system chooses.
pub(crate) fn serve(directory: &Directory) -> Command {
    let mut command = wsbroker(directory);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command
}

pub(crate) fn connect(address: &Value) -> TcpStream {
    TcpStream::connect(address.as_str().expect("an address")).expect("it listens there")
}
