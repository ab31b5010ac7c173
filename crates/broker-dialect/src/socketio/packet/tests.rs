use broker_core::ClientMessage;
use proptest::prelude::*;

use super::*;
use crate::socketio::ATTACHMENTS_MAX;

/// The packet in one line.
fn read(text: &str) -> String {
    let packet = match Packet::decode(text, ATTACHMENTS_MAX) {
        Ok(packet) => packet,
        Err(error) => return error.to_string(),
    };
    let id = |id: Option<u64>| id.map_or(String::new(), |id| format!(" id {id}"));
    let what = match packet.kind {
        Kind::Connect { payload } => format!("connect {}", payload.unwrap_or("-")),
        Kind::Disconnect => "disconnect".to_owned(),
        Kind::Event { event, id: n } => {
            format!("event {} {}{}", event.name, event.args.to_list(), id(n))
        }
        Kind::Ack { id, args } => format!("ack {id} {}", args.to_list()),
        Kind::ConnectError => "error".to_owned(),
        Kind::BinaryEvent {
            attachments,
            event,
            id: n,
        } => format!(
            "event of {attachments} {} {}{}",
            event.name,
            event.args.to_list(),
            id(n)
        ),
        Kind::BinaryAck {
            attachments,
            id,
            args,
        } => format!("ack of {attachments} {id} {}", args.to_list()),
    };
    format!("{} {what}", packet.namespace)
}

fn check(text: &str, packet: &str) {
    assert_eq!(read(text), packet, "{text:?}");
}

#[test]
fn every_type_is_read() {
    check("0", "/ connect -");
    check(r#"0{"token":"123"}"#, r#"/ connect {"token":"123"}"#);
    check("0/admin,", "/admin connect -");
    check("0/admin", "/admin connect -");
    check(r#"0/admin,{"a":1}"#, r#"/admin connect {"a":1}"#);
    check("0/admin?token=x&b=1,", "/admin?token=x&b=1 connect -");
    check("1", "/ disconnect");
    check("1/admin,", "/admin disconnect");
    check(r#"2["hello",1.0]"#, "/ event hello [1.0]");
    check(
        r#"2/admin,456["project:delete",123]"#,
        "/admin event project:delete [123] id 456",
    );
    check("3/admin,456[]", "/admin ack 456 []");
    check(r#"312["a",{"b":[1]}]"#, r#"/ ack 12 ["a",{"b":[1]}]"#);
    check(r#"4{"message":"Not authorized"}"#, "/ error");
    check(r#"4"Not authorized""#, "/ error");
    check(
        r#"51-["hello",{"_placeholder":true,"num":0}]"#,
        r#"/ event of 1 hello [{"_placeholder":true,"num":0}]"#,
    );
    check(
        r#"52-/admin,7["hello",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        r#"/admin event of 2 hello [{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] id 7"#,
    );
    check(
        r#"61-/admin,456[{"_placeholder":true,"num":0}]"#,
        r#"/admin ack of 1 456 [{"_placeholder":true,"num":0}]"#,
    );
}

#[test]
fn what_the_published_tests_send_wrong_is_refused() {
    check("", "the peer sent an empty packet");
    check("abc", "the peer sent a packet of the unknown type 'a'");
    check("999", "the peer sent a packet of the unknown type '9'");
    check("2{}", "the peer sent a payload that is not a list");
    check(
        "2",
        "the peer sent a payload that is not a list that begins with a name",
    );
    check(
        "2[]",
        "the peer sent a payload that is not a list that begins with a name",
    );
    check(
        "2[{}]",
        "the peer sent a payload that is not a list that begins with a name",
    );
    check(
        "2[null,1]",
        "the peer sent a payload that is not a list that begins with a name",
    );
    check(
        r#"2abc["message-with-ack",1]"#,
        "the peer sent a payload that is not JSON",
    );
    check(r#"2["a""#, "the peer sent a payload that is not JSON");
    check(r#"2["a"] x"#, "the peer sent a payload that is not JSON");
    check(
        r#"299999999999999999999["a"]"#,
        "the peer sent an id that is too large",
    );
    check("3[]", "the peer sent an acknowledgement without an id");
    check("31", "the peer sent a payload that is not a list");
    check("31{}", "the peer sent a payload that is not a list");
    check("0[]", "the peer sent a payload that is not an object");
    check(r#"0"x""#, "the peer sent a payload that is not an object");
    check("0{", "the peer sent a payload that is not JSON");
    check("1{}", "the peer sent a payload that is not absent");
    check(
        "4[]",
        "the peer sent a payload that is not an object or a string",
    );
}

#[test]
fn a_binary_packet_has_to_say_how_many_attachments_follow() {
    let none = "the peer sent a binary packet without the number of its attachments";
    for text in [
        "5",
        r#"5["a"]"#,
        r#"5-["a"]"#,
        r#"50-["a"]"#,
        r#"5x-["a"]"#,
        r#"5-1-["a"]"#,
        r#"51.5-["a"]"#,
    ] {
        check(text, none);
    }
    check(r#"510-["a"]"#, "/ event of 10 a []");
    check(r#"511-["a"]"#, "a packet with more than 10 attachments");
    check(
        r#"599999999999999999999-["a"]"#,
        "a packet with more than 10 attachments",
    );
}

#[test]
fn names_that_mean_something_else_are_refused() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        check(
            &format!(r#"2["{name}"]"#),
            &format!("the peer sent an event of the reserved name {name:?}"),
        );
        check(
            &format!(r#"51-["{name}"]"#),
            &format!("the peer sent an event of the reserved name {name:?}"),
        );
    }
    check(
        r#"2["\u0063onnect"]"#,
        r#"the peer sent an event of the reserved name "connect""#,
    );
    check(r#"2["Connect"]"#, "/ event Connect []");
    check(r#"2["error"]"#, "/ event error []");
}

#[test]
fn a_name_may_be_a_number_or_written_with_escapes() {
    check("2[1,2]", "/ event 1 [2]");
    check("2[-1.50]", "/ event -1.5 []");
    check(r#"2["a\"\u00e9",2]"#, "/ event a\"é [2]");
    check(r#"2[ "a" , 1 , 2 ]"#, "/ event a [1 , 2]");
    check(r#"2["a,]",1]"#, "/ event a,] [1]");
}

#[test]
fn what_was_sent_is_lent_and_numbers_keep_their_digits() {
    let text = r#"2["a",12345678901234567890.10]"#;
    let Kind::Event { event, .. } = Packet::decode(text, 0).unwrap().kind else {
        panic!("an event");
    };
    assert!(matches!(event.name, Cow::Borrowed(_)));
    assert!(
        text.as_bytes()
            .as_ptr_range()
            .contains(&event.args.elements().as_ptr())
    );
    assert_eq!(event.args.elements(), "12345678901234567890.10");
}

#[test]
fn the_backend_is_told_an_object() {
    for (text, message) in [
        (
            r#"2["say","hi",{"n":1.0}]"#,
            r#"{"type":"client-say","args":["hi",{"n":1.0}]}"#,
        ),
        (r#"2["say"]"#, r#"{"type":"client-say","args":[]}"#),
        (
            r#"2["session-connect"]"#,
            r#"{"type":"client-session-connect","args":[]}"#,
        ),
        (r#"2["a\"b"]"#, r#"{"type":"client-a\"b","args":[]}"#),
        ("2[0,1]", r#"{"type":"client-0","args":[1]}"#),
    ] {
        let Kind::Event { event, .. } = Packet::decode(text, 0).unwrap().kind else {
            panic!("an event");
        };
        let mut told = Vec::new();
        let said = ClientMessage::parse(&event.to_message()).unwrap();
        said.write_prefixed(&mut told);
        assert_eq!(String::from_utf8(told).unwrap(), message);
    }
}

proptest! {
    #[test]
    fn no_text_panics(text: String, kind in 0_u8..8, tail in "[0-9/,\\-\\[\\]{}\":a ]{0,20}") {
        let _ = Packet::decode(&text, ATTACHMENTS_MAX);
        let _ = Packet::decode(&format!("{kind}{tail}"), ATTACHMENTS_MAX);
    }
}
