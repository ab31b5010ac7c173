//! A broker that runs out of file descriptors.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::broker::{Broker, PATIENCE, connect};
use crate::process::Directory;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// An echoing broker that may have this many files open, and more connections than that.
fn broker_with(files: u32, directory: &Directory) -> Broker {
    let limited = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &limited, env!("CARGO_BIN_EXE_wsbroker"), "serve"])
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .args(["--endpoint", "*=echo", "--shards", "1"])
        .current_dir(directory.path())
        .env_clear()
        .env("WSBROKER_LIMITS__MAX_CONNECTIONS", "1000")
        .stdin(Stdio::null());
    Broker::start(&mut command)
}

/// Asks for an upgrade; gives the socket and the status of the answer.
fn enter(address: &Value) -> (TcpStream, String) {
    let mut client = connect(address);
    client.set_read_timeout(Some(PATIENCE)).expect("a socket");
    // Whoever is refused may find the socket closed.
    let _ = client.write_all(UPGRADE.as_bytes());
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).expect("an answer in time");
        head.push(byte[0]);
    }
    let status = String::from_utf8_lossy(&head[9..12]).into_owned();
    (client, status)
}

/// Sends a masked frame, and waits until its echo is back.
fn is_served(client: &mut TcpStream) {
    client
        .write_all(b"\x81\x82\0\0\0\0hi")
        .expect("it is connected");
    let mut echo = [0; 4];
    client.read_exact(&mut echo).expect("an echo in time");
    assert_eq!(&echo, b"\x81\x02hi");
}

/// Processor time that the broker has used, in hundredths of a second.
fn used(broker: &Broker) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", broker.child.id()));
    let stat = stat.expect("it runs");
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .map(|text| text.parse::<u64>().expect("a number"))
        .sum()
}

#[test]
fn without_a_file_descriptor_left_clients_get_503_and_nobody_else_notices() {
    let directory = Directory::new();
    let broker = broker_with(64, &directory);
    let address = broker.listening["public"].clone();
    let mut served = Vec::new();
    loop {
        let (client, status) = enter(&address);
        if status == "503" {
            break;
        }
        assert_eq!(status, "101");
        served.push(client);
    }
    assert!(served.len() > 10, "{} before the first 503", served.len());
    for _ in 0..100 {
        assert_eq!(enter(&address).1, "503");
    }
    served.iter_mut().for_each(is_served);
    assert_eq!(enter(&broker.listening["admin"]).1, "503");

    // Sockets that nobody can take, if they spun it, would cost all of this.
    let before = used(&broker);
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert!(used(&broker) - before < 20, "it spins");

    drop(served.pop());
    let deadline = std::time::Instant::now() + PATIENCE;
    while enter(&address).1 != "101" {
        assert!(std::time::Instant::now() < deadline, "no place came back");
    }
    served.iter_mut().for_each(is_served);

    drop(served);
    broker.signal(Signal::TERM);
    let (code, log) = broker.end();
    assert_eq!(code, Some(0));
    // One line for each listener, however many are refused.
    let lines = log.matches("no file descriptor is left").count();
    assert_eq!(lines, 2, "{log}");
}
