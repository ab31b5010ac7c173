use proptest::prelude::*;

use super::*;

fn read(revision: Revision, text: &str) -> String {
    match Packet::decode_text(revision, text) {
        Ok(packet) => format!("{packet:?}"),
        Err(error) => error.to_string(),
    }
}

fn check(text: &str, packet: &str) {
    assert_eq!(read(Revision::Four, text), packet, "{text:?}");
}

#[test]
fn every_type_is_read() {
    check("0", "Open");
    check("1", "Close");
    check("2", r#"Ping("")"#);
    check("2probe", r#"Ping("probe")"#);
    check("3", "Pong");
    check("3probe", "Pong");
    check("4", r#"Text("")"#);
    check("4hello €\n", r#"Text("hello €\n")"#);
    check("5", "Upgrade");
    check("6", "Noop");
}

#[test]
fn what_is_no_packet_is_refused_by_name() {
    check("", "the peer sent an empty packet");
    check("7", "the peer sent a packet of the unknown type '7'");
    check("abc", "the peer sent a packet of the unknown type 'a'");
    check("é4", "the peer sent a packet of the unknown type 'é'");
    check("b****", "the peer sent a binary packet that is not base64");
}

#[test]
fn base64_is_a_binary_message_with_or_without_padding() {
    check("bAQIDBA==", "Binary([1, 2, 3, 4])");
    check("bAQIDBA", "Binary([1, 2, 3, 4])");
    check("b", "Binary([])");
    assert_eq!(read(Revision::Three, "b4AQIDBA=="), "Binary([1, 2, 3, 4])");
    assert_eq!(
        read(Revision::Three, "b2AQIDBA=="),
        "the peer sent a binary packet that is no message"
    );
}

#[test]
fn bytes_are_a_message_and_protocol_3_has_a_type_before_them() {
    let bytes = [4, 1, 2];
    assert_eq!(
        Packet::decode_binary(Revision::Four, &bytes),
        Ok(Packet::Binary(Cow::Borrowed(&[4, 1, 2])))
    );
    assert_eq!(
        Packet::decode_binary(Revision::Three, &bytes),
        Ok(Packet::Binary(Cow::Borrowed(&[1, 2])))
    );
    assert_eq!(
        Packet::decode_binary(Revision::Four, &[]),
        Ok(Packet::Binary(Cow::Borrowed(&[])))
    );
    assert_eq!(
        Packet::decode_binary(Revision::Three, &[]),
        Err(PacketError::Empty)
    );
    assert_eq!(
        Packet::decode_binary(Revision::Three, &[2, 1]),
        Err(PacketError::NotAMessage)
    );
}

#[test]
fn protocol_3_is_spoken_only_where_it_is_allowed() {
    for (eio, allow, revision) in [
        (Some("4"), false, Some(Revision::Four)),
        (Some("4"), true, Some(Revision::Four)),
        (Some("3"), true, Some(Revision::Three)),
        (None, true, Some(Revision::Three)),
        (Some("3"), false, None),
        (None, false, None),
        (Some("abc"), false, None),
    ] {
        assert_eq!(Revision::of_query(eio, allow), revision, "{eio:?} {allow}");
    }
}

proptest! {
    #[test]
    fn no_packet_panics(text: String, bytes: Vec<u8>) {
        for revision in [Revision::Three, Revision::Four] {
            let _ = Packet::decode_text(revision, &text);
            let _ = Packet::decode_binary(revision, &bytes);
        }
    }

    #[test]
    fn messages_come_back_as_they_went(text: String, bytes: Vec<u8>) {
        for revision in [Revision::Three, Revision::Four] {
            let mut typed = vec![MESSAGE_BYTE];
            typed.extend_from_slice(&bytes);
            let sent = crate::socketio::engine::Encoded::with_typed_attachments(
                format!("4{text}").into_bytes(),
                vec![typed],
            );
            let messages: Vec<_> = sent.messages(revision).collect();
            let [crate::Outgoing::Text(first), crate::Outgoing::Binary(second)] = &messages[..] else {
                panic!("{messages:?}");
            };
            let first = std::str::from_utf8(first).unwrap();
            prop_assert_eq!(Packet::decode_text(revision, first), Ok(Packet::Text(&text)));
            prop_assert_eq!(
                Packet::decode_binary(revision, second),
                Ok(Packet::Binary(Cow::Borrowed(&bytes)))
            );
        }
    }
}
