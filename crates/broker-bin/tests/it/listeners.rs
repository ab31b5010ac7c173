//! Where it listens: ports, Unix sockets, and sockets of a service manager.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use crate::broker::Broker;
use crate::process::{Directory, run, wsbroker};

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
