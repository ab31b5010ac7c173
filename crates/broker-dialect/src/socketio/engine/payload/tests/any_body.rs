//! Any body at all.

use proptest::prelude::*;

use super::*;

/// Texts, and the attachments of each.
fn messages() -> impl Strategy<Value = Vec<(String, Vec<Vec<u8>>)>> {
    let attachments = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..3);
    prop::collection::vec(("\\PC{0,12}", attachments), 1..6)
}

proptest! {
    #[test]
    fn bodies_come_back_as_they_went(sent in messages(), takes_binary: bool, is_four: bool) {
        let revision = if is_four { Revision::Four } else { Revision::Three };
        let waiting: Vec<Encoded> = sent
            .iter()
            .map(|(text, attachments)| {
                let attachments: Vec<&[u8]> = attachments.iter().map(|bytes| &bytes[..]).collect();
                message(&serde_json::to_string(text).unwrap(), &attachments)
            })
            .collect();
        let body = encode(revision, takes_binary, &waiting, 1 << 20);
        let mut posted = Posted::new(body.bytes.into(), body.is_binary);
        for (text, attachments) in &sent {
            let Some(Ok(Packet::Text(json))) = posted.next_packet(revision, ROOMY) else {
                panic!("a text is due");
            };
            prop_assert_eq!(&serde_json::from_str::<String>(json).unwrap(), text);
            for attachment in attachments {
                let packet = posted.next_packet(revision, ROOMY);
                prop_assert_eq!(packet, Some(Ok(Packet::Binary(attachment.into()))));
            }
        }
        prop_assert_eq!(posted.next_packet(revision, ROOMY), None);
    }

    #[test]
    fn no_body_panics_and_each_ends(body: Vec<u8>, is_binary: bool) {
        for revision in [Revision::Three, Revision::Four] {
            prop_assert!(read(revision, &body, is_binary, ROOMY).len() <= body.len().max(1) + 1);
        }
    }

    #[test]
    fn no_body_of_lengths_panics(
        parts in prop::collection::vec((0_u8..3, prop::collection::vec(0_u8..12, 0..12), "[0-6b]?.{0,5}"), 0..5),
    ) {
        let mut body = Vec::new();
        for (kind, digits, packet) in parts {
            body.push(kind);
            body.extend_from_slice(&digits);
            body.push(255);
            body.extend_from_slice(packet.as_bytes());
        }
        read(Revision::Three, &body, true, ROOMY);
    }
}
