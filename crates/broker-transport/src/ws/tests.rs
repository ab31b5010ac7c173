//! What the state machine makes of bytes and of time, in text.

use std::borrow::Cow;
use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;

mod compressed;
mod deadlines;
mod refusals;

const START: Timestamp = Timestamp(1_000_000);

fn open(settings: Settings) -> WebSocket {
    WebSocket::new(Arc::new(settings), START)
}

/// A frame as a client sends it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// All that comes of `input`, one line each.
fn feed(websocket: &mut WebSocket, now: Timestamp, mut input: Vec<u8>) -> String {
    let mut seen = String::new();
    let mut input = &mut input[..];
    let mut inflater = Inflater::default();
    while let Some(event) = websocket.receive(now, &mut inflater, &mut input) {
        let line = match event {
            Event::Text(text) => format!("text {text:?}"),
            Event::Binary(payload) => format!("binary {payload:02x?}"),
            Event::Ping(payload) => format!("ping {:?}", payload.escape_ascii().to_string()),
            Event::Pong(payload) => format!("pong {:?}", payload.escape_ascii().to_string()),
            Event::Closed {
                code,
                reason,
                reply,
            } => {
                format!("closed {code} {reason:?}, {}", answer(reply))
            }
            Event::Failed { violation, reply } => failure(&violation, reply),
        };
        writeln!(seen, "{line}").unwrap();
    }
    assert!(input.is_empty(), "bytes were left");
    seen
}

/// A violation; the close frame that says so must say the same.
fn failure(violation: &Violation, reply: Option<Bytes>) -> String {
    let reason = violation.to_string();
    match reply {
        Some(reply) => {
            let code = violation.close_code();
            assert_eq!(answer(Some(reply)), format!("answered {code} {reason:?}"));
            format!("{code}, {reason}")
        }
        None => format!("not answered, {reason}"),
    }
}

fn answer(reply: Option<Bytes>) -> String {
    match reply.as_deref() {
        None => "not answered".to_owned(),
        Some([0x88, 0]) => "answered without a code".to_owned(),
        Some([0x88, len, a, b, reason @ ..]) if usize::from(*len) == 2 + reason.len() => {
            let code = u16::from_be_bytes([*a, *b]);
            format!("answered {code} {:?}", str::from_utf8(reason).unwrap())
        }
        Some(other) => panic!("not a close frame: {other:02x?}"),
    }
}

/// Checks what comes of frames that arrive at once.
#[track_caller]
fn check(frames: &[&[u8]], expected: Expect) {
    expected.assert_eq(&feed(
        &mut open(Settings::default()),
        START,
        frames.concat(),
    ));
}

#[test]
fn messages_are_handed_over_whole_and_in_order() {
    check(
        &[
            &masked(0x81, b"one"),
            &masked(0x01, b"t"),
            &masked(0x89, b"there?"),
            &masked(0x00, b"w"),
            &masked(0x8a, b""),
            &masked(0x80, b"o"),
            &masked(0x82, &[3, 0xff]),
            &masked(0x81, b""),
        ],
        expect![[r#"
            text "one"
            ping "there?"
            pong ""
            text "two"
            binary [03, ff]
            text ""
        "#]],
    );
}

#[test]
fn a_close_is_answered_with_its_code() {
    check(
        &[&masked(0x88, b"\x03\xe8bye")],
        expect![[r#"
            closed 1000 "bye", answered 1000 ""
        "#]],
    );
    check(
        &[&masked(0x88, b"")],
        expect![[r#"
            closed 1005 "", answered without a code
        "#]],
    );
}

#[test]
fn our_close_is_not_sent_twice_and_messages_still_arrive_before_the_peers() {
    let mut websocket = open(Settings::default());
    let close = websocket.close(START, 1012, "restart");
    assert_eq!(answer(close), "answered 1012 \"restart\"");
    assert!(!websocket.is_open() && !websocket.has_ended());
    assert_eq!(websocket.close(START, 1001, ""), None);

    let seen = feed(
        &mut websocket,
        START,
        [masked(0x81, b"last words"), masked(0x88, b"\x03\xf4")].concat(),
    );
    expect![[r#"
        text "last words"
        closed 1012 "", not answered
    "#]]
    .assert_eq(&seen);
    assert!(websocket.has_ended());
}

#[test]
fn a_silent_connection_is_a_few_words_and_allocates_nothing() {
    assert!(size_of::<WebSocket>() <= 32, "{}", size_of::<WebSocket>());

    let mut websocket = open(Settings::default());
    feed(&mut websocket, START, masked(0x01, b"a"));
    assert!(websocket.assembly.since().is_some());
    feed(&mut websocket, START, masked(0x80, b"b"));
    assert_eq!(websocket.assembly.since(), None);
    feed(&mut websocket, START, masked(0x81, b"whole"));
    assert_eq!(websocket.assembly.since(), None);
}

#[test]
fn what_is_lent_is_lent_from_the_input() {
    let mut input = masked(0x81, b"hello");
    let range = input.as_ptr_range();
    let mut input = &mut input[..];
    match open(Settings::default()).receive(START, &mut Inflater::default(), &mut input) {
        Some(Event::Text(Cow::Borrowed(text))) => assert!(range.contains(&text.as_ptr())),
        other => panic!("{other:?}"),
    }
}
