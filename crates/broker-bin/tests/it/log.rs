//! The log from outside: what comes into it, and what happens when it cannot be written.

use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::broker::{Broker, PATIENCE, connect, serve};
use crate::process::{Directory, wsbroker};

/// Sends one request and gives the whole answer, head and body.
fn ask(mut stream: impl Read + Write, request: &str, body: &str) -> String {
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    answer
}

/// Posts commands to the admin port, which must take them.
fn command(broker: &Broker, body: &str) {
    let stream = connect(&broker.listening["admin"]);
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let answer = ask(stream, "POST /api/v1/commands", body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!answer.contains(r#""ok":false"#), "{answer}");
}

#[test]
fn the_text_of_a_log_command_is_one_escaped_line_and_is_cut() {
    let directory = Directory::with("wsbroker.toml", "limits.max_body = '4MiB'");
    let mut broker = Broker::start(&mut serve(&directory));
    let text = "one\\ntwo\\r\\u001b[2J\\u0007\\u009b\\u202e end";
    command(&broker, &format!(r#"{{"type":"log","text":"{text}"}}"#));
    let mut line = String::new();
    let log = broker.log.as_mut().expect("the log is open");
    log.read_line(&mut line).expect("the log is UTF-8");
    let is_unsafe = |letter: char| letter.is_control() || letter == '\u{202e}';
    assert!(!line.trim_end_matches('\n').contains(is_unsafe), "{line:?}");
    let record: Value = serde_json::from_str(&line).expect("a record");
    assert_eq!(record["event"], "command_log");
    assert_eq!(record["msg"], "one\ntwo\r\u{1b}[2J\u{7}\u{9b}\u{202e} end");

    let long = "x".repeat(1_000_000);
    command(&broker, &format!(r#"{{"type":"log","text":"{long}"}}"#));
    let record = broker.next_record();
    let shown = record["msg"].as_str().expect("a text");
    assert!(shown.len() < 5000, "{} bytes are shown", shown.len());
    assert!(shown.ends_with("… (1000000 bytes)"), "{shown}");
}

#[test]
fn a_log_that_nobody_reads_any_more_costs_lines_and_holds_up_nobody() {
    const LINES: usize = 10_000;
    let directory = Directory::new();
    let mut broker = Broker::start(&mut serve(&directory));
    // More than its queue and the pipe can hold.
    let list = vec![r#"{"type":"log","text":"line"}"#; LINES].join(",");
    command(&broker, &format!("[{list}]"));
    command(&broker, r#"{"type":"count"}"#);

    let (mut shown, mut lost) = (0, 0);
    while shown + lost < LINES {
        let record = broker.next_record();
        match record["lost_lines"].as_u64() {
            Some(count) => lost += count as usize,
            None => shown += usize::from(record["event"] == "command_log"),
        }
    }
    assert_eq!(shown + lost, LINES);
    assert!(lost > 0, "all lines found room");
    broker.signal(Signal::TERM);
    assert_eq!(broker.end().0, Some(0));
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_keep_it_from_ending() {
    let directory = Directory::new();
    let mut broker = Broker::start(&mut serve(&directory));
    let list = vec![r#"{"type":"log","text":"line"}"#; 10_000].join(",");
    command(&broker, &format!("[{list}]"));
    broker.signal(Signal::TERM);
    let unread = broker.log.take();
    assert_eq!(
        broker.child.wait().expect("it is our child").code(),
        Some(0)
    );
    drop(unread);
}

#[test]
fn a_full_disk_ends_nothing() {
    let directory = Directory::new();
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("a device that takes nothing");
    let mut command = wsbroker(&directory);
    command
        .args(["serve", "-vv", "--listen", "unix:public", "--admin", "off"])
        .stderr(full);
    let mut child = command.spawn().expect("the binary runs");
    let socket = directory.path().join("public");
    let start = Instant::now();
    let mut served = 0;
    while served < 3 {
        match UnixStream::connect(&socket) {
            Ok(stream) => {
                let answer = ask(stream, "GET /nothing", "");
                assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
                served += 1;
            }
            Err(error) => {
                assert!(start.elapsed() < PATIENCE, "it never listened: {error}");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).expect("it runs");
    assert_eq!(child.wait().expect("it is our child").code(), Some(0));
}

#[test]
fn a_field_that_is_passed_over_is_told_of_once_by_its_name() {
    let directory = Directory::with("wsbroker.toml", "access.allow = ['127.0.0.1']");
    let mut broker = Broker::start(serve(&directory).arg("-v"));
    for (field, count) in [("mesage", 3), ("other", 1)] {
        let body = format!(r#"{{"type":"send","text":"a","{field}":1}}"#);
        for _ in 0..count {
            let stream = connect(&broker.listening["public"]);
            let answer = ask(stream, "POST /", &body);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        }
    }
    let own = r#"{"type":"session","data":{"wskey":"mine"}}"#;
    command(&broker, own);
    command(&broker, r#"{"type":"log","text":"the end"}"#);
    let mut told = Vec::new();
    loop {
        let record = broker.next_record();
        match record["event"].as_str() {
            Some("ignored") => told.push(record["msg"].as_str().expect("a text").to_owned()),
            Some("command_log") => break,
            _ => {}
        }
    }
    assert_eq!(
        told,
        [
            "field `mesage` of a `send` command",
            "field `other` of a `send` command",
            "field `data.wskey` of a `session` command",
        ]
    );
}
