//! What a connection of the dialect asks of the core, and what is said to it.

use bytes::Bytes;

use super::*;
use crate::Options;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const MAIN: NamespaceIndex = NamespaceIndex(0);

fn id(byte: u8) -> SessionId {
    SessionId::new(0, [byte; 14])
}

fn opened() -> Socketio {
    let options = Options::default();
    let start = Start::new(NOW, id(1), &options);
    Socketio::open(&start, &mut |_| {})
}

/// One that is in `/`.
fn entered() -> Socketio {
    let mut dialect = opened();
    dialect.receive(NOW, Incoming::Text("40"), &mut |_| {});
    assert!(dialect.entered(MAIN, id(2)).is_some());
    dialect
}

fn show(action: Action) -> String {
    match action {
        Action::Say { message, token, .. } => format!(
            "say {}, token {:?}",
            message.text(),
            token.as_ref().map(RequestToken::text)
        ),
        Action::Enter { name, auth, .. } => format!("enter {name} with {auth}"),
        Action::Leave { .. } => "leave".into(),
        Action::Acknowledge { ack, args, .. } => format!("acknowledge {ack}: {args}"),
        Action::PassOver(why) => format!("pass over: {why}"),
        Action::Refuse { code, reason } => format!("refuse {code} {reason}"),
        Action::Reply(words) => said(&words),
        action @ (Action::Message(_)
        | Action::Register(_)
        | Action::Unregister
        | Action::Relay(_)
        | Action::Answer { .. }
        | Action::AbandonUpgrade) => panic!("{action:?}"),
    }
}

fn said(words: &Words) -> String {
    let messages = words.messages().map(|message| match message {
        Outgoing::Text(text) => String::from_utf8_lossy(&text).into_owned(),
        Outgoing::Binary(bytes) => format!("{:?}", &bytes[..]),
    });
    Vec::from_iter(messages).join(" + ")
}

fn check(dialect: &mut Socketio, texts: &[&str], expected: &[&str]) {
    let mut seen = Vec::new();
    for text in texts {
        dialect.receive(NOW, Incoming::Text(text), &mut |action| {
            seen.push(show(action));
        });
    }
    assert_eq!(seen, expected);
}

#[test]
fn a_connection_begins_with_the_handshake_of_engine_io() {
    let options = Options::default();
    let start = Start::new(NOW, id(1), &options);
    let mut seen = Vec::new();
    let _ = Socketio::open(&start, &mut |action| seen.push(show(action)));
    let sid = id(1);
    assert_eq!(
        seen,
        [format!(
            r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
        )]
    );
}

#[test]
fn what_a_client_says_goes_to_the_session_of_its_namespace() {
    check(
        &mut entered(),
        &[r#"42["say",1.0]"#, r#"427["ask"]"#, "41"],
        &[
            r#"say {"type":"say","args":[1.0]}, token None"#,
            r#"say {"type":"ask","args":[]}, token Some("7")"#,
            r#"leave"#,
        ],
    );
}

#[test]
fn only_what_was_asked_for_can_be_acknowledged_and_once() {
    let mut dialect = entered();
    dialect.expect(MAIN, 7);
    check(
        &mut dialect,
        &["438[]", "437[1]", "437[1]"],
        &[
            r#"pass over: an acknowledgement of what was not asked"#,
            r#"acknowledge 7: [1]"#,
            r#"pass over: an acknowledgement of what was not asked"#,
        ],
    );
}

#[test]
fn the_acknowledgements_that_are_waited_for_have_a_limit() {
    let mut dialect = entered();
    for ack in 0..=AWAITED_ACKS_MAX as u64 {
        dialect.expect(MAIN, ack);
    }
    assert_eq!(dialect.0.awaited.0.len(), AWAITED_ACKS_MAX);
    check(
        &mut dialect,
        &["430[]", "431[]"],
        &[
            r#"pass over: an acknowledgement of what was not asked"#,
            r#"acknowledge 1: []"#,
        ],
    );
}

#[test]
fn whoever_is_put_out_is_waited_for_no_longer() {
    let mut dialect = entered();
    dialect.expect(MAIN, 7);
    assert_eq!(said(&dialect.put_out(NOW, MAIN).unwrap()), "41");
    assert_eq!(dialect.audience(Some(MAIN)), None);
    check(&mut dialect, &["437[1]"], &[]);
}

#[test]
fn an_answer_of_the_backend_is_an_acknowledgement() {
    let dialect = entered();
    let audience = dialect.audience(Some(MAIN)).unwrap();
    for (message, expected) in [
        (None, "437[]"),
        (Some("5"), "437[5]"),
        (Some(r#"{"args":[1,"two"]}"#), r#"437[1,"two"]"#),
        (Some(r#"{"args":1}"#), r#"437[{"args":1}]"#),
        (
            Some(r#"{"args":[{"$binary":"AQI="}]}"#),
            r#"461-7[{"_placeholder":true,"num":0}] + [1, 2]"#,
        ),
    ] {
        let notice = Notice::Answer {
            token: 7.into(),
            from: None,
            message: message.map(|message| Bytes::copy_from_slice(message.as_bytes())),
        };
        let words = Socketio::notice(&audience, &notice).unwrap().unwrap();
        assert_eq!(said(&words), expected);
    }
}

#[test]
fn a_packet_that_is_none_is_refused_with_its_fault() {
    check(
        &mut entered(),
        &["4x"],
        &[r#"refuse 1002 the peer sent a packet of the unknown type 'x'"#],
    );
}
