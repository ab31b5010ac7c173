use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::socketio::packet::{Kind, Packet};

/// The text packet, and the attachments in brackets.
fn shown(encoded: Result<Encoded, EncodeError>) -> String {
    match encoded {
        Ok(encoded) => {
            let mut text = String::from_utf8(encoded.text_packet().to_vec()).unwrap();
            for attachment in encoded.attachments() {
                text.push_str(&format!(" {:?}", &attachment[..]));
            }
            text
        }
        Err(error) => error.to_string(),
    }
}

fn check(json: &str, packet: &str) {
    let sent = Message::Json(Bytes::copy_from_slice(json.as_bytes()));
    assert_eq!(shown(message("/", &sent)), packet, "{json}");
}

#[test]
fn a_message_with_args_is_an_event_of_its_type() {
    check(
        r#"{"type":"say","args":["hi",{"n":1.0}]}"#,
        r#"42["say","hi",{"n":1.0}]"#,
    );
    check(
        r#" { "args" : [ 1 , 2 ] , "type" : "say" } "#,
        r#"42["say",1 , 2]"#,
    );
    check(r#"{"type":"say","args":[]}"#, r#"42["say"]"#);
    check(
        r#"{"type":"a","type":"b","args":[1],"args":[2]}"#,
        r#"42["b",2]"#,
    );
}

#[test]
fn any_other_message_is_the_only_argument_of_an_event() {
    check(
        r#"{"type":"say","text":"hi"}"#,
        r#"42["say",{"type":"say","text":"hi"}]"#,
    );
    check(
        r#"{"type":"say","args":{}}"#,
        r#"42["say",{"type":"say","args":{}}]"#,
    );
    check(r#"{"text":"hi"}"#, r#"42["message",{"text":"hi"}]"#);
    check(
        r#"{"type":5,"args":[1]}"#,
        r#"42["message",{"type":5,"args":[1]}]"#,
    );
    check(r#"{"args":[1]}"#, r#"42["message",{"args":[1]}]"#);
    check("[1,2]", r#"42["message",[1,2]]"#);
    check("\"hi\"", r#"42["message","hi"]"#);
    check(" null ", r#"42["message",null]"#);
}

#[test]
fn text_and_bytes_are_arguments_of_message() {
    let text = Message::Text(Bytes::from_static("a\"é".as_bytes()));
    assert_eq!(shown(message("/", &text)), r#"42["message","a\"é"]"#);
    let bytes = Message::Binary(Bytes::from_static(&[1, 2]));
    assert_eq!(
        shown(message("/room", &bytes)),
        r#"451-/room,["message",{"_placeholder":true,"num":0}] [1, 2]"#
    );
}

#[test]
fn binary_values_go_as_attachments() {
    check(
        r#"{"type":"file","args":["a",{"$binary":"AQI="}]}"#,
        r#"451-["file","a",{"_placeholder":true,"num":0}] [1, 2]"#,
    );
    check(
        r#"{"type":"file","content":{"$binary":"AQI="}}"#,
        r#"451-["file",{"type":"file","content":{"_placeholder":true,"num":0}}] [1, 2]"#,
    );
    check(
        r#"{"type":"file","args":[{"$binary":"?"}]}"#,
        "`$binary` must be base64",
    );
}

#[test]
fn a_reserved_name_can_not_be_sent() {
    check(
        r#"{"type":"disconnect","args":[]}"#,
        r#""disconnect" is a reserved event name"#,
    );
    check(
        r#"{"type":"connect","x":1}"#,
        r#""connect" is a reserved event name"#,
    );
    check("{", "the message is not JSON");
}

#[test]
fn events_and_acknowledgements_carry_numbers() {
    assert_eq!(
        shown(event("/", "ask", "[1]", Some(12))),
        r#"4212["ask",1]"#
    );
    assert_eq!(
        shown(event("/admin", "ask", "[]", Some(0))),
        r#"42/admin,0["ask"]"#
    );
    assert_eq!(
        shown(event("/", "ask", "{}", None)),
        "`args` must be a list"
    );
    assert_eq!(shown(event("/", "ask", "[", None)), "`args` must be a list");
    assert_eq!(
        shown(acknowledgement("/", 456, r#"["a",1.0]"#)),
        r#"43456["a",1.0]"#
    );
    assert_eq!(shown(acknowledgement("/admin", 0, "[]")), "43/admin,0[]");
    assert_eq!(
        shown(acknowledgement("/", 7, r#"[{"$binary":"AQI="}]"#)),
        r#"461-7[{"_placeholder":true,"num":0}] [1, 2]"#
    );
}

#[test]
fn who_is_in_is_said_in_the_words_of_each_protocol() {
    let show = |encoded| shown(Ok(encoded));
    assert_eq!(
        show(entered(Revision::Four, "/", "s\"1")),
        r#"40{"sid":"s\"1"}"#
    );
    assert_eq!(
        show(entered(Revision::Four, "/admin", "s")),
        r#"40/admin,{"sid":"s"}"#
    );
    assert_eq!(show(entered(Revision::Three, "/admin", "s")), "40/admin,");
    assert_eq!(show(entered(Revision::Three, "/", "s")), "40");
    assert_eq!(
        show(refused(Revision::Four, "/x", "no", None)),
        r#"44/x,{"message":"no"}"#
    );
    assert_eq!(
        show(refused(Revision::Four, "/", "no", Some(r#"{"code":1.0}"#))),
        r#"44{"message":"no","data":{"code":1.0}}"#
    );
    assert_eq!(
        show(refused(Revision::Four, "/", "no", Some("{"))),
        r#"44{"message":"no"}"#
    );
    assert_eq!(
        show(refused(Revision::Three, "/x", "no", None)),
        r#"44/x,"no""#
    );
    assert_eq!(
        show(refused(Revision::Three, "/x", "no", Some("{\"code\":1}"))),
        r#"44/x,{"code":1}"#
    );
    assert_eq!(show(left("/")), "41");
    assert_eq!(show(left("/admin")), "41/admin,");
}

proptest! {
    #[test]
    fn events_come_back_as_they_went(
        name in "[a-z\"\\\\é]{0,6}x",
        namespace in "(/[a-z0-9]{0,5}){1,2}",
        numbers in prop::collection::vec(any::<i64>(), 0..5),
        id: Option<u64>,
    ) {
        let list = serde_json::to_string(&numbers).unwrap();
        let encoded = event(&namespace, &name, &list, id).unwrap();
        let text = std::str::from_utf8(&encoded.text_packet()[1..]).unwrap();
        let packet = Packet::decode(text, 0).unwrap();
        prop_assert_eq!(packet.namespace, namespace);
        let Kind::Event { event, id: seen } = packet.kind else {
            panic!("{text}");
        };
        prop_assert_eq!(&event.name, &name);
        prop_assert_eq!(event.args.to_list(), list);
        prop_assert_eq!(seen, id);
    }

    #[test]
    fn no_message_panics(bytes: Vec<u8>, text: String) {
        let _ = message("/", &Message::Json(bytes.clone().into()));
        let _ = message("/", &Message::Text(bytes.into()));
        let _ = message("/", &Message::Json(text.clone().into()));
        let _ = refused(Revision::Three, "/", &text, Some(&text));
    }
}
