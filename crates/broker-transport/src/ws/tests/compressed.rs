//! Compressed messages (RFC 7692), in text.

use super::*;

/// A connection that has agreed on compression.
fn open_compressed() -> WebSocket {
    open(Settings::default()).with_compression(Some(Window::MAX))
}

#[track_caller]
fn check(frames: &[&[u8]], expected: Expect) {
    expected.assert_eq(&feed(&mut open_compressed(), START, frames.concat()));
}

#[track_caller]
fn says_hello(frames: &[&[u8]]) {
    let seen = feed(&mut open_compressed(), START, frames.concat());
    assert_eq!(seen, "text \"Hello\"\n");
}

#[test]
fn rfc_7692_7_2_3_1_a_message_compressed_using_one_block() {
    says_hello(&[&masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00")]);
    says_hello(&[
        &masked(0x41, b"\xf2\x48\xcd"),
        &masked(0x80, b"\xc9\xc9\x07\x00"),
    ]);
}

#[test]
fn rfc_7692_7_2_3_2_no_window_is_shared_by_two_messages() {
    let hello = masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    check(
        &[&hello, &hello],
        expect![[r#"
            text "Hello"
            text "Hello"
        "#]],
    );
    // What refers to the message before has not kept to the agreement.
    check(
        &[&hello, &masked(0xc1, b"\xf2\x00\x11\x00\x00")],
        expect![[r#"
            text "Hello"
            1007, sent a compressed message that is corrupt or cut off
        "#]],
    );
}

#[test]
fn rfc_7692_7_2_3_3_a_block_with_no_compression() {
    says_hello(&[&masked(
        0xc1,
        b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
    )]);
}

#[test]
fn rfc_7692_7_2_3_4_a_final_block() {
    says_hello(&[&masked(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")]);
}

#[test]
fn a_final_block_may_be_the_end_or_come_before_others() {
    // Without the zero byte that RFC 7692 §7.2.3.4 puts behind it; as browsers and npm ws read it.
    says_hello(&[&masked(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00")]);
    // A stored block "Hel", final; then a stored block "lo".
    says_hello(&[&masked(
        0xc1,
        b"\x01\x03\x00\xfc\xffHel\x00\x02\x00\xfd\xfflo\x00",
    )]);
    // Final blocks with nothing in them, before and between.
    says_hello(&[&masked(
        0xc1,
        b"\x03\x00\x03\x00\x01\x03\x00\xfc\xffHel\x03\x00\x00\x02\x00\xfd\xfflo\x00",
    )]);
}

#[test]
fn rfc_7692_7_2_3_5_two_blocks() {
    says_hello(&[&masked(
        0xc1,
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    )]);
}

#[test]
fn rfc_7692_7_2_3_6_an_empty_message() {
    check(
        &[
            &masked(0xc1, b"\x00"),
            &masked(0xc2, b""),
            &masked(0x41, b""),
            &masked(0x80, b"\x00"),
        ],
        expect![[r#"
            text ""
            binary []
            text ""
        "#]],
    );
}

#[test]
fn messages_may_still_come_uncompressed() {
    check(
        &[
            &masked(0x81, b"plain"),
            &masked(0x01, b"fr"),
            &masked(0x80, b"agments"),
            &masked(0xc2, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        ],
        expect![[r#"
            text "plain"
            text "fragments"
            binary [48, 65, 6c, 6c, 6f]
        "#]],
    );
}

#[test]
fn control_frames_come_between_compressed_fragments() {
    check(
        &[
            &masked(0x41, b"\xf2\x48\xcd"),
            &masked(0x89, b"there?"),
            &masked(0x00, b""),
            &masked(0x80, b"\xc9\xc9\x07\x00"),
        ],
        expect![[r#"
            ping "there?"
            text "Hello"
        "#]],
    );
}

#[test]
fn the_bit_is_refused_everywhere_but_on_a_message_s_first_frame() {
    let refused = "1002, set a reserved bit\n";
    for first in [0xc8, 0xc9, 0xca] {
        let seen = feed(&mut open_compressed(), START, vec![first]);
        assert_eq!(seen, refused);
    }
    for first in [0x40, 0xc0] {
        let begun = masked(0x41, b"\xf2\x48\xcd");
        let seen = feed(&mut open_compressed(), START, [begun, vec![first]].concat());
        assert_eq!(seen, refused);
    }
    for other_bits in [0xa1, 0x91, 0xe1, 0xd1, 0xf1] {
        let seen = feed(&mut open_compressed(), START, vec![other_bits]);
        assert_eq!(seen, refused);
    }
}

#[test]
fn what_is_corrupt_or_cut_off_is_refused() {
    let bad: [&[u8]; 6] = [
        // A reserved kind of block; a stored block whose two lengths differ; codes that describe no tree.
        b"\x06",
        b"\x00\x05\x00\x00\x00Hello\x00",
        b"\xfc\xff\xff\xff\xff",
        // Cut off inside a block, and with the tail that should have been taken away.
        b"\xf2\x48\xcd\xc9",
        b"\x00\x05\x00\xfa\xffHel",
        b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff",
    ];
    for bad in bad {
        let refused = "1007, sent a compressed message that is corrupt or cut off\n";
        let whole = feed(&mut open_compressed(), START, masked(0xc1, bad));
        assert_eq!(whole, refused, "{bad:02x?}");
        let halves = [masked(0x41, &bad[..1]), masked(0x80, &bad[1..])].concat();
        assert_eq!(feed(&mut open_compressed(), START, halves), refused);
    }
}

#[test]
fn text_is_checked_after_inflating() {
    check(
        &[&masked(0xc1, b"\x00\x02\x00\xfd\xff\xc3\x28\x00")],
        expect![[r#"
            1007, sent text that is not UTF-8
        "#]],
    );
    check(
        &[&masked(0xc2, b"\x00\x02\x00\xfd\xff\xc3\x28\x00")],
        expect![[r#"
            binary [c3, 28]
        "#]],
    );
}

/// Blocks that are stored as they are: each `block` of at most 65,535 bytes, and the end of a message.
fn stored(blocks: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    for block in blocks {
        let len = block.len() as u16;
        stream.push(0);
        stream.extend(len.to_le_bytes());
        stream.extend((!len).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.push(0);
    stream
}

#[test]
fn a_long_text_that_is_not_utf8_is_refused_before_its_end() {
    let block = vec![b'x'; 40_000];
    let text = stored(&[&block, &block, b"\xff", &block]);
    let mut websocket = open_compressed();
    let mut frame = masked(0xc1, &text);
    frame.truncate(90_000);
    let seen = feed(&mut websocket, START, frame);
    assert_eq!(seen, "1007, sent text that is not UTF-8\n");
}

#[test]
fn a_message_may_have_as_many_bytes_as_the_limit_says_once_it_is_inflated() {
    for max in [1, 1000, 64 * 1024, 100_000, 200_000] {
        for (len, fits) in [(max, true), (max + 1, false)] {
            let block = vec![b'x'; len];
            let blocks: Vec<&[u8]> = block.chunks(50_000).collect();
            let message = stored(&blocks);
            let (first, last) = message.split_at(message.len() - 1);
            for frames in [
                masked(0xc2, &message),
                [masked(0x42, first), masked(0x80, last)].concat(),
            ] {
                let settings = Settings {
                    max_message: max,
                    ..Settings::default()
                };
                let mut websocket = open(settings).with_compression(Some(Window::MAX));
                let seen = feed(&mut websocket, START, frames);
                if fits {
                    assert!(seen.starts_with("binary [78"), "{max}");
                } else {
                    let refused = format!("1009, sent a message of more than {max} bytes\n");
                    assert_eq!(seen, refused);
                }
            }
        }
    }
}

#[test]
fn a_compressed_frame_that_cannot_fit_is_refused_at_its_header() {
    // The limit is 1 MiB; an eighth more is what the worst compressor makes of it.
    check(
        &[b"\xc2\xff\0\0\0\0\x00\x13\0\0", &[0; 4]],
        expect![[r#"
            1009, sent a message of more than 1048576 bytes
        "#]],
    );
    check(&[b"\xc2\xff\0\0\0\0\x00\x12\0\0", &[0; 4]], expect![[""]]);
}
