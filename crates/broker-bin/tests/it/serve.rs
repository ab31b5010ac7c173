//! `wsbroker serve`: starting, telling where it listens, and ending.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use expect_test::expect;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::process::{Directory, run, wsbroker};

/// How long anything may take that happens at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker; killed with the test.
struct Broker {
    child: Child,
    /// `None` once a test has closed it.
    log: Option<BufReader<ChildStderr>>,
    /// The record `listening`.
    listening: Value,
}

impl Broker {
    fn start(command: &mut Command) -> Self {
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

    fn next_record(&mut self) -> Value {
        next_record(self.log.as_mut().expect("the log is open"))
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it runs");
    }

    /// Waits for its end; gives the exit code and the rest of the log.
    fn end(mut self) -> (Option<i32>, String) {
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
fn serve(directory: &Directory) -> Command {
    let mut command = wsbroker(directory);
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command
}

fn connect(address: &Value) -> TcpStream {
    TcpStream::connect(address.as_str().expect("an address")).expect("it listens there")
}

#[test]
fn where_it_listens_is_one_record_with_the_ports_that_it_got() {
    let directory = Directory::new();
    let broker = Broker::start(serve(&directory).args(["--shards", "2"]));
    connect(&broker.listening["public"]);
    connect(&broker.listening["admin"]);
    assert_eq!(broker.listening["shards"], 2);
    assert_eq!(broker.listening["backend"], "demo");
    assert_eq!(broker.listening["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn serve_is_the_default() {
    let directory = Directory::new();
    let broker =
        Broker::start(wsbroker(&directory).args(["--listen", "127.0.0.1:0", "--admin", "off"]));
    connect(&broker.listening["public"]);
    assert_eq!(broker.listening["admin"], "off");
}

#[test]
fn the_file_limit_is_raised_and_shown() {
    let directory = Directory::new();
    let mut command = Command::new("sh");
    command
        .current_dir(directory.path())
        .env_clear()
        .args([
            "-c",
            "ulimit -S -n 256 && exec \"$0\" --listen 127.0.0.1:0 --admin off",
        ])
        .arg(env!("CARGO_BIN_EXE_wsbroker"));
    let broker = Broker::start(&mut command);
    assert_eq!(broker.listening["files_before"], 256);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", broker.child.id()))
        .expect("the process has limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("of files");
    let columns: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(columns[3], columns[4], "the soft limit is the hard one");
    assert_eq!(broker.listening["files"].to_string(), columns[3]);
}

#[test]
fn term_and_int_end_it_with_exit_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let directory = Directory::new();
        let broker = Broker::start(&mut serve(&directory));
        broker.signal(signal);
        let (code, log) = broker.end();
        assert_eq!(code, Some(0), "{log}");
    }
}

/// A client of an `echo` endpoint that is connected and never answers a close.
fn silent_client(broker: &Broker) -> TcpStream {
    let mut client = connect(&broker.listening["public"]);
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    client.write_all(request.as_bytes()).expect("it reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a whole head comes");
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    client
}

/// The code of the close frame that comes next (RFC 6455 §5.5.1).
fn close_code(client: &mut TcpStream) -> u16 {
    let mut frame = [0; 4];
    client.read_exact(&mut frame).expect("a close frame comes");
    assert_eq!(frame[0], 0x88, "a whole close frame");
    u16::from_be_bytes([frame[2], frame[3]])
}

#[test]
fn the_first_term_drains_and_the_second_ends_at_once() {
    let directory = Directory::with(
        "wsbroker.toml",
        "limits.close_timeout = '1h'\ndrain.timeout = '1h'",
    );
    let mut broker = Broker::start(serve(&directory).args(["--endpoint", "*=echo"]));
    let mut client = silent_client(&broker);
    assert_eq!(broker.next_record()["event"], "connect");
    broker.signal(Signal::TERM);
    assert_eq!(close_code(&mut client), 1012);
    broker.signal(Signal::TERM);
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn usr1_and_hup_end_nothing() {
    let directory = Directory::new();
    let mut broker = Broker::start(&mut serve(&directory));
    broker.signal(Signal::USR1);
    assert_eq!(broker.next_record()["event"], "status");
    broker.signal(Signal::HUP);
    let record = broker.next_record();
    assert!(
        record["msg"].as_str().expect("a text").contains("reload"),
        "{record}"
    );
    connect(&broker.listening["public"]);
}

#[test]
fn a_port_in_use_is_exit_75() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it listens").to_string();
    for flags in [
        ["--listen", &address, "--admin", "off"],
        ["--listen", "127.0.0.1:0", "--admin", &address],
    ] {
        let ended = run(&Directory::new(), &flags);
        assert_eq!(ended.code, Some(75), "{ended}");
        assert!(ended.stderr.contains(&address), "{ended}");
    }
}

#[test]
fn a_place_that_is_not_allowed_is_exit_77() {
    // Nobody, not even root, may make a file there.
    let ended = run(
        &Directory::new(),
        &["--listen", "unix:/sys/wsbroker", "--admin", "off"],
    );
    assert_eq!(ended.code, Some(77), "{ended}");
    assert!(ended.stderr.contains("unix:/sys/wsbroker"), "{ended}");
}

#[test]
fn wrong_settings_are_exit_78() {
    let directory = Directory::with("wsbroker.toml", "[backend]\nulr = 'x'\n");
    expect![[r#"
        exit 78
        err: wsbroker.toml:2:1: unknown key `backend.ulr`; did you mean `backend.url`?
    "#]]
    .assert_eq(&run(&directory, &[]).to_string());
    let ended = run(&Directory::new(), &["--listen", "0.0.0.0:0"]);
    assert_eq!(ended.code, Some(78), "{ended}");
    assert!(ended.stderr.contains("\n    origins = "), "{ended}");
}

#[test]
fn insecure_lets_it_listen_everywhere() {
    let directory = Directory::new();
    let broker = Broker::start(wsbroker(&directory).args([
        "--listen",
        "0.0.0.0:0",
        "--admin",
        "off",
        "--insecure",
    ]));
    let public = broker.listening["public"].as_str().expect("an address");
    assert!(public.starts_with("0.0.0.0:"), "{public}");
}

#[test]
fn quiet_says_nothing_but_trouble() {
    let directory = Directory::new();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a new socket");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("a time-out");
    let mut child = serve(&directory)
        .arg("-q")
        .env("NOTIFY_SOCKET", &path)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut message = [0; 64];
    let length = manager.recv(&mut message).expect("it gets ready");
    assert_eq!(&message[..length], b"READY=1\n");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("it runs");
    let length = manager.recv(&mut message).expect("it tells that it ends");
    assert_eq!(&message[..length], b"STOPPING=1\n");
    let mut log = String::new();
    let mut stderr = child.stderr.take().expect("stderr is piped");
    stderr.read_to_string(&mut log).expect("the log is UTF-8");
    assert_eq!(child.wait().expect("it is our child").code(), Some(0));
    assert_eq!(log, "");
}

#[test]
fn a_closed_log_ends_nothing() {
    let directory = Directory::new();
    let mut broker = Broker::start(serve(&directory).arg("-vv"));
    drop(broker.log.take());
    for _ in 0..3 {
        broker.signal(Signal::USR1);
        connect(&broker.listening["public"])
            .write_all(b"nonsense\r\n\r\n")
            .expect("it reads");
    }
    let (code, _) = {
        broker.signal(Signal::TERM);
        broker.end()
    };
    assert_eq!(code, Some(0));
}

#[test]
fn a_unix_socket_is_a_listener() {
    let directory = Directory::new();
    let path = directory.path().join("public.sock");
    let address = format!("unix:{}", path.display());
    let broker = Broker::start(wsbroker(&directory).args(["--listen", &address, "--admin", "off"]));
    assert_eq!(broker.listening["public"], address.as_str());
    UnixStream::connect(&path).expect("it listens there");
}

/// Runs the binary with `socket` as its descriptor 3, the first that a
/// service manager passes.
fn with_passed(directory: &Directory, socket: OwnedFd, name: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .current_dir(directory.path())
        .env_clear()
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDNAMES", name)
        .stdin(Stdio::from(socket))
        .args([
            "-c",
            "exec \"$0\" --listen 127.0.0.1:0 --admin 127.0.0.1:0 3<&0 </dev/null",
        ])
        .arg(env!("CARGO_BIN_EXE_wsbroker"));
    command
}

#[test]
fn a_passed_socket_takes_the_place_of_the_listener_it_is_named_after() {
    for name in ["public", "admin"] {
        let directory = Directory::new();
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("it listens").to_string();
        let broker = Broker::start(&mut with_passed(&directory, socket.into(), name));
        assert_eq!(broker.listening[name], address.as_str());
    }
}

#[test]
fn a_passed_unix_socket_is_a_listener() {
    let directory = Directory::new();
    let path = directory.path().join("passed.sock");
    let socket = UnixListener::bind(&path).expect("a new socket");
    let broker = Broker::start(&mut with_passed(&directory, socket.into(), ""));
    assert_eq!(
        broker.listening["public"],
        format!("unix:{}", path.display()).as_str()
    );
}

#[test]
fn a_passed_socket_beyond_loopback_needs_rules_too() {
    let directory = Directory::new();
    let socket = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let output = with_passed(&directory, socket.into(), "public")
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(78));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("origins"), "{log}");
}
