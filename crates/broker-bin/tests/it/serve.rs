//! `wsbroker serve`: starting, telling where it listens, and ending.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use expect_test::expect;
use rustix::process::{Pid, Signal, kill_process};

use crate::broker::{Broker, PATIENCE, connect, serve};
use crate::process::{Directory, run, wsbroker};

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
