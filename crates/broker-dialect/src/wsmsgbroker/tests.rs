use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::Options;
use crate::Outgoing;
use broker_core::{Ack, Name, RequestToken, SessionId, TOKEN_BYTES_MAX};

fn opened(options: &Options) -> Wsmsgbroker {
    let start = Start::new(Timestamp(0), SessionId::new(0, [1; 14]), options);
    Wsmsgbroker::open(&start, &mut |_| {})
}

/// What is made of a frame, in a few words.
fn made(options: &Options, incoming: Incoming<'_>) -> String {
    let mut dialect = opened(options);
    let mut made = Vec::new();
    dialect.receive(Timestamp(0), incoming, &mut |action| {
        made.push(match action {
            Action::Register(name) => format!("register {} as {}", name.form(), name.given()),
            Action::Unregister => "unregister".into(),
            Action::Relay(relay) => {
                let message = String::from_utf8_lossy(&relay.message).into_owned();
                let told = relay.told.map(|told| format!(", told {}", told.text()));
                let token = relay.token.map(|token| format!(", asks {}", token.text()));
                let (token, told) = (token.unwrap_or_default(), told.unwrap_or_default());
                format!("send {message} to {:?}{token}{told}", relay.to)
            }
            Action::Answer { ack, message } => {
                let message = message.as_deref().map(String::from_utf8_lossy);
                format!("answer {ack} with {message:?}")
            }
            Action::PassOver(why) => format!("pass over: {why}"),
            Action::Message(_)
            | Action::Enter { .. }
            | Action::Leave { .. }
            | Action::Say { .. }
            | Action::Acknowledge { .. }
            | Action::Reply(_)
            | Action::AbandonUpgrade
            | Action::Refuse { .. } => panic!("{action:?}"),
        });
    });
    assert_eq!(made.len(), 1, "{made:?}");
    made.remove(0)
}

fn check(frame: &str, expected: &str) {
    let made = made(&Options::default(), Incoming::Text(frame));
    assert_eq!(made, expected, "{frame}");
}

#[test]
fn names_are_found_by_their_string_form() {
    check(
        r#"{"action":"register","id":"ann"}"#,
        r#"register ann as "ann""#,
    );
    check(r#"{"id":7, "action":"register"}"#, "register 7 as 7");
    check(r#"{"action":"register","id":"*"}"#, r#"register * as "*""#);
    check(r#"{"action":"unregister","id":"whatever"}"#, "unregister");
    for id in [r#","id":"""#, r#","id":0"#, r#","id":null"#, ""] {
        let frame = format!(r#"{{"action":"register"{id}}}"#);
        check(&frame, "pass over: register without an id");
    }
    check(
        r#"{"action":"register","id":"\ud800"}"#,
        "pass over: register with an id that not everybody can read",
    );
}

#[test]
fn a_message_is_for_one_name_or_for_several() {
    check(
        r#"{"action":"send","dest":"bob","message":{"n":1.0}}"#,
        r#"send {"n":1.0} to ["bob"]"#,
    );
    check(
        r#"{"action":"send","dest":["bob",7,"bob"],"message":null,"ack":"x\"y"}"#,
        r#"send null to ["bob", "7", "bob"], asks "x\"y""#,
    );
    check(
        r#"{"action":"send","dest":[],"message":""}"#,
        r#"send "" to []"#,
    );
    check(
        r#"{"action":"send","dest":"a","message":1,"ack":""}"#,
        r#"send 1 to ["a"]"#,
    );
    check(
        r#"{"action":"send","dest":"a"}"#,
        "pass over: send without a message",
    );
    check(
        r#"{"action":"send","message":1}"#,
        "pass over: send without a dest",
    );
    check(
        r#"{"action":"send","dest":7,"message":1}"#,
        "pass over: dest must be a string or an array",
    );
    let long = "1".repeat(TOKEN_BYTES_MAX + 1);
    check(
        &format!(r#"{{"action":"send","dest":"a","message":1,"ack":{long}}}"#),
        "pass over: send with too long an ack",
    );
    let many = vec!["\"a\""; DESTINATIONS_MAX + 1].join(",");
    check(
        &format!(r#"{{"action":"send","dest":[{many}],"message":1}}"#),
        "pass over: send to too many at once",
    );
    let many = vec!["\"a\""; DESTINATIONS_MAX].join(",");
    let long = "1".repeat(ASKED_BYTES_MAX / DESTINATIONS_MAX + 1);
    check(
        &format!(r#"{{"action":"send","dest":[{many}],"message":{long},"ack":1}}"#),
        "pass over: send of too long a message that asks so many",
    );
}

#[test]
fn an_answer_names_what_was_asked() {
    check(
        r#"{"action":"answer","ack":"1-2-000000000000000a","message":[1],"from":"me"}"#,
        "answer 1-2-000000000000000a with Some(\"[1]\")",
    );
    check(
        r#"{"action":"answer","ack":"1-2-000000000000000a"}"#,
        "answer 1-2-000000000000000a with None",
    );
    check(r#"{"action":"answer"}"#, "pass over: answer without an ack");
    check(
        r#"{"action":"answer","ack":"mine"}"#,
        "pass over: answer to nothing that was asked",
    );
}

#[test]
fn what_makes_no_sense_is_passed_over() {
    check("hello", "pass over: not JSON");
    check("null", "pass over: not an object");
    check("{}", "pass over: no action");
    check(r#"{"action":["send"]}"#, "pass over: no action");
    check(r#"{"action":"__proto__"}"#, "pass over: unknown action");
    let binary = made(&Options::default(), Incoming::Binary(b"{}"));
    assert_eq!(binary, "pass over: binary message");
}

#[test]
fn the_endpoint_decides_about_binary_frames_and_what_the_backend_is_told() {
    let mut options = Options {
        binary: BinaryMessages::Text,
        relay_events: true,
        ..Options::default()
    };
    let frame = br#"{"action":"send","dest":"b","message":1,"type":"session-connect"}"#;
    assert_eq!(
        made(&options, Incoming::Binary(frame)),
        r#"send 1 to ["b"], told {"type":"send","dest":"b","message":1}"#
    );
    options.relay_events = false;
    assert_eq!(
        made(&options, Incoming::Binary(frame)),
        r#"send 1 to ["b"]"#
    );
}

fn heard(said: Option<Words>) -> String {
    let Some(Words::Message(Outgoing::Text(text))) = said else {
        panic!("{said:?}");
    };
    String::from_utf8(text.into()).unwrap()
}

#[test]
fn a_client_hears_four_actions() {
    let name = Name::read("7").unwrap();
    let ack: Ack = "1-2-000000000000000a".parse().unwrap();
    for (notice, expected) in [
        (
            Notice::Registered(name.clone()),
            r#"{"action":"registered","id":7}"#,
        ),
        (
            Notice::Unregistered(name),
            r#"{"action":"unregistered","id":7}"#,
        ),
        (
            Notice::Message {
                message: Bytes::from_static(b"[1.0]"),
                from: Some("\"ann\"".into()),
                ack: Some(ack),
            },
            r#"{"action":"message","message":[1.0],"ack":"1-2-000000000000000a","from":"ann"}"#,
        ),
        (
            Notice::Message {
                message: Bytes::from_static(b"1"),
                from: None,
                ack: None,
            },
            r#"{"action":"message","message":1}"#,
        ),
        (
            Notice::Answer {
                token: RequestToken::new("\"x\"").unwrap(),
                from: None,
                message: None,
            },
            r#"{"action":"answer","ack":"x","from":null,"message":null}"#,
        ),
    ] {
        assert_eq!(
            heard(Wsmsgbroker::notice(&Audience::Dialect, &notice).unwrap()),
            expected
        );
    }
}

#[test]
fn what_the_backend_sends_is_a_message_without_a_sender() {
    for (message, expected) in [
        (Message::Json(Bytes::from_static(b"{\"a\":1}")), "{\"a\":1}"),
        (
            Message::Text(Bytes::from_static(b"say \"hi\"")),
            r#""say \"hi\"""#,
        ),
        (Message::Binary(Bytes::from_static(b"\0\xff")), "\"AP8=\""),
    ] {
        let expected = format!(r#"{{"action":"message","message":{expected}}}"#);
        assert_eq!(
            heard(Wsmsgbroker::encode(&Audience::Dialect, &message).ok()),
            expected
        );
    }
}

proptest! {
    #[test]
    fn any_frame_is_taken_or_passed_over(
        text in r#"\{"action":"(send|answer|register)","(dest|ack|id)":[\[\]{}",:0-9a-z]{0,12}(,"message":1)?\}|\PC{0,20}"#,
        relay_events: bool,
    ) {
        let options = Options { relay_events, ..Options::default() };
        made(&options, Incoming::Text(&text));
    }
}
