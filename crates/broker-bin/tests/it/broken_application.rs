//! What the log says of an application that does not answer as it should: each kind of trouble by its reason, and not so
//! often that it fills the disk.

use std::io::{Read, Write};
use std::net::TcpStream;

use broker_testkit::client::masked;
use rustix::process::Signal;
use serde_json::Value;

use crate::application::answering;
use crate::broker::{Broker, PATIENCE, connect, serve};
use crate::process::Directory;

/// Starts a broker with this configuration in front of an application that says `answer` to everything.
fn before(answer: &'static str, config: &str) -> Broker {
    let directory = Directory::with("wsbroker.toml", config);
    let mut broker = Broker::start(serve(&directory).args(["--backend", &answering(answer)]));
    let record = broker.next_record();
    assert_eq!(record["event"], "backend", "{record}");
    broker
}

/// Asks for a WebSocket; the stream, and the head of the answer.
fn handshake(broker: &Broker) -> (TcpStream, String) {
    let mut stream = connect(&broker.listening["public"]);
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("an answer comes");
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("a head is ASCII"))
}

/// Ends the broker, which drains first; the records about such an event that it has still written.
fn records(broker: Broker, event: &str) -> Vec<Value> {
    broker.signal(Signal::TERM);
    let (code, log) = broker.end();
    assert_eq!(code, Some(0), "{log}");
    let records = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record"));
    records
        .filter(|record: &Value| record["event"] == event)
        .collect()
}

/// A client says so many messages to a broker and closes; the records about such an event.
fn after_messages(broker: Broker, count: usize, event: &str) -> Vec<Value> {
    let (mut stream, head) = handshake(&broker);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut frames: Vec<u8> = (0..count).flat_map(|_| masked(1, b"1")).collect();
    frames.extend(masked(8, b""));
    stream.write_all(&frames).expect("it reads");
    stream.read_to_end(&mut Vec::new()).expect("it closes");
    records(broker, event)
}

#[test]
fn events_that_are_refused_one_after_the_other_do_not_fill_the_log() {
    let broker = before("HTTP/1.1 404 Not Found\r\n\r\n", "");
    let dropped = after_messages(broker, 300, "dropped");
    // Ten in a row, and one in five seconds, should it take so long.
    assert!((10..20).contains(&dropped.len()), "{} lines", dropped.len());
    for record in &dropped {
        let id = record["event_id"].as_str().expect("an id");
        let message = record["msg"].as_str().expect("a text");
        assert!(id.starts_with(record["conn"].as_str().expect("a connection")));
        assert!(message.starts_with("backend answered 404"), "{message}");
    }
}

#[test]
fn bad_commands_in_answer_after_answer_do_not_fill_the_log() {
    let answer = "HTTP/1.1 200 OK\r\n\r\n[{\"type\":\"sned\"}]";
    let refused = after_messages(before(answer, ""), 300, "refused");
    assert!((10..20).contains(&refused.len()), "{} lines", refused.len());
    let message = refused[0]["msg"].as_str().expect("a text");
    assert!(
        message.starts_with("command 0 of the backend's answer: "),
        "{message}"
    );
}

#[test]
fn what_another_shard_refuses_is_not_logged_in_anothers_name() {
    let data = "x".repeat(200);
    let answer = format!(
        "HTTP/1.1 200 OK\r\n\r\n[{{\"type\":\"session\",\"match\":{{}},\"data\":{{\"long\":\"{data}\"}}}}]"
    );
    let config = "listen.shards = 2\nlimits.max_session = '200B'";
    let mut broker = before(answer.leak(), config);
    let (_ann, head) = handshake(&broker);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut ann = Value::Null;
    let mut bob = Value::Null;
    let mut named = Vec::new();
    let mut nameless = 0;
    let mut others = None;
    // Her connect fails for her; his for both of them, on a shard each.
    while named.len() + nameless < 3 {
        let record = broker.next_record();
        match record["event"].as_str() {
            Some("connect") if ann.is_null() => {
                ann = record["conn"].clone();
            }
            Some("connect") => bob = record["conn"].clone(),
            Some("refused") if record["conn"].is_null() => nameless += 1,
            Some("refused") => {
                named.push(record["conn"].clone());
                if others.is_none() {
                    others = Some(handshake(&broker));
                }
            }
            _ => {}
        }
    }
    assert_eq!((named, nameless), (vec![ann, bob], 1));
}

#[test]
fn a_handshake_that_the_application_did_not_answer_as_it_should_is_logged_with_what_it_said() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<h1>It works!</h1>";
    let broker = before(answer, "backend.connect = 'wait'");
    for _ in 0..3 {
        let (_stream, head) = handshake(&broker);
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    }
    let refused = records(broker, "refused");
    assert_eq!(refused.len(), 3);
    let message = refused[0]["msg"].as_str().expect("a text");
    assert!(message.contains("<h1>It works!</h1>"), "{message}");
    assert!(
        message.ends_with("; the client whose handshake waited is turned away"),
        "{message}"
    );
}

#[test]
fn whom_the_application_refuses_is_no_trouble_to_log() {
    let broker = before(
        "HTTP/1.1 403 Forbidden\r\n\r\nno",
        "backend.connect = 'wait'",
    );
    let (_stream, head) = handshake(&broker);
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert_eq!(records(broker, "refused"), Vec::<Value>::new());
}
