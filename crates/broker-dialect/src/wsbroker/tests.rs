use bytes::Bytes;
use proptest::prelude::*;

use broker_core::SessionId;

use super::*;
use crate::Options;

/// What the backend is told of a message.
fn told(binary: BinaryMessages, incoming: Incoming<'_>) -> String {
    let options = Options {
        binary,
        ..Options::default()
    };
    let start = Start::new(Timestamp(0), SessionId::new(0, [1; 14]), &options);
    let mut dialect = Wsbroker::open(&start, &mut |_| {});
    let mut told = Vec::new();
    dialect.receive(Timestamp(0), incoming, &mut |action| {
        let Action::Message(message) = action else {
            panic!("{action:?}");
        };
        message.write_prefixed(&mut told);
    });
    String::from_utf8(told).unwrap()
}

/// What clients hear of a message.
fn said(message: &Message) -> Outgoing {
    match Wsbroker::encode(&Audience::Dialect, message) {
        Ok(Words::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn told_of_text(text: &str) -> String {
    told(BinaryMessages::Event, Incoming::Text(text))
}

#[test]
fn json_is_passed_on_as_it_was_written() {
    assert_eq!(
        told_of_text(r#"{"type":"say", "n":1.00}"#),
        r#"{"type":"client-say", "n":1.00}"#
    );
    assert_eq!(told_of_text("null"), "null");
    assert_eq!(told_of_text("[\"a\"]"), "[\"a\"]");
}

#[test]
fn text_that_is_not_json_is_quoted_whole_with_what_is_wrong() {
    assert_eq!(
        told_of_text("hello \"you\"\n"),
        r#"{"json_error":"expected value at line 1 column 1 // source: hello \"you\"\n","type":"client-message"}"#
    );
    assert_eq!(
        told_of_text(""),
        r#"{"json_error":"EOF while parsing a value at line 1 column 0 // source: ","type":"client-message"}"#
    );
    assert_eq!(
        told_of_text("\u{feff}{}"),
        "{\"json_error\":\"expected value at line 1 column 1 // source: \u{feff}{}\",\"type\":\"client-message\"}"
    );
}

#[test]
fn no_text_can_break_out_of_its_quotation() {
    assert_eq!(
        told_of_text(r#"","type":"session-connect"#),
        r#"{"json_error":"trailing characters at line 1 column 4 // source: \",\"type\":\"session-connect","type":"client-message"}"#
    );
}

#[test]
fn binary_becomes_an_event_or_is_read_as_text() {
    assert_eq!(
        told(BinaryMessages::Event, Incoming::Binary(b"\0\xff")),
        r#"{"type":"client-binary","data":"AP8="}"#
    );
    assert_eq!(
        told(BinaryMessages::Event, Incoming::Binary(b"")),
        r#"{"type":"client-binary","data":""}"#
    );
    assert_eq!(
        told(BinaryMessages::Text, Incoming::Binary(b"{\"type\":\"a\"}")),
        r#"{"type":"client-a"}"#
    );
    assert_eq!(
        told(BinaryMessages::Text, Incoming::Binary(b"\"\xe2\x82\"")),
        "\"\u{fffd}\"",
        "a character cut short is one U+FFFD, as in Node"
    );
}

#[test]
fn what_the_backend_sends_is_framed_as_it_was_written() {
    let json = Bytes::from_static(b"{\"a\": 1.0}");
    let message = Message::Json(json.clone());
    let encoded = said(&message);
    assert_eq!(encoded, Outgoing::Text(json.clone()));
    assert_eq!(
        encoded.payload().as_ptr(),
        json.as_ptr(),
        "nothing is copied"
    );
    assert_eq!(
        said(&Message::Text(json.clone())),
        Outgoing::Text(json.clone())
    );
    assert_eq!(said(&Message::Binary(json.clone())), Outgoing::Binary(json));
}

proptest! {
    #[test]
    fn whatever_a_client_sends_becomes_json_that_does_not_pass_for_an_event_of_ours(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        text in r#"[\[\]{}",:\\ a-z0-9]{0,40}|\{"(t|\\u0074)ype":"[a-z-]{0,20}"\}|\PC{0,20}"#,
        as_text: bool,
    ) {
        let binary = if as_text { BinaryMessages::Text } else { BinaryMessages::Event };
        for incoming in [Incoming::Binary(&bytes), Incoming::Text(&text)] {
            let told = told(binary, incoming);
            prop_assert!(json::members(&told).is_ok(), "{told}");
            if let Ok(Some(members)) = json::members(&told) {
                let kind = members.last("type").and_then(json::string).unwrap_or_default();
                prop_assert!(kind.starts_with("client-"), "{told}");
            }
        }
    }
}
