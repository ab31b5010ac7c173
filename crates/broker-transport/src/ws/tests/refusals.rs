//! Bad frames and the right answer to each. What a header shows is refused there, so those frames stop after it.

use super::*;

/// A mask that changes nothing, so that payloads can be written as they are.
const MASK: &[u8] = &[0; 4];

/// Checks that nothing comes of the bytes but one failure.
#[track_caller]
fn refused(input: &[&[u8]], code_and_reason: &str) {
    let seen = feed(&mut open(Settings::default()), START, input.concat());
    assert_eq!(seen.trim_end(), code_and_reason);
}

/// Checks that nothing is wrong so far, and nothing whole.
#[track_caller]
fn awaited(input: &[&[u8]]) {
    assert_eq!(
        feed(&mut open(Settings::default()), START, input.concat()),
        ""
    );
}

#[test]
fn an_unmasked_frame_is_refused_at_its_second_byte() {
    for header in [
        b"\x81\x05",
        b"\x01\x00",
        b"\x82\x7e",
        b"\x82\x7f",
        b"\x88\x00",
    ] {
        refused(&[header], "1002, sent an unmasked frame");
    }
}

#[test]
fn a_reserved_bit_or_opcode_is_refused_at_its_byte() {
    for bit in [0x40, 0x20, 0x10] {
        for opcode in [0x0, 0x1, 0x2, 0x8, 0x9, 0xa] {
            refused(&[&[0x80 | bit | opcode]], "1002, set a reserved bit");
        }
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        refused(
            &[&[0x80 | opcode]],
            &format!("1002, used the reserved opcode {opcode}"),
        );
    }
}

#[test]
fn a_long_or_fragmented_control_frame_is_refused_at_its_header() {
    for opcode in [0x8, 0x9, 0xa] {
        refused(&[&[opcode]], "1002, fragmented a control frame");
        for long in [126, 127] {
            let header = [0x80 | opcode, 0x80 | long];
            refused(
                &[&header],
                "1002, sent a control frame of more than 125 bytes",
            );
        }
        awaited(&[&[0x80 | opcode, 0x80 | 125], MASK]);
    }
}

#[test]
fn a_continuation_without_a_start_is_refused_at_its_header() {
    refused(
        &[b"\x80\x85", MASK],
        "1002, continued a message that had not begun",
    );
    check(
        &[&masked(0x81, b"whole"), b"\x00\x85", MASK],
        expect![[r#"
        text "whole"
        1002, continued a message that had not begun
    "#]],
    );
}

#[test]
fn a_message_inside_another_is_refused_at_its_header() {
    for header in [b"\x81\x85", b"\x01\x85", b"\x82\x85", b"\x02\x85"] {
        for begun in [masked(0x01, b"a"), masked(0x02, b"a")] {
            refused(
                &[&begun, header, MASK],
                "1002, began a message inside another one",
            );
        }
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_at_the_byte_that_shows_it() {
    const NOT_UTF8: &str = "1007, sent text that is not UTF-8";
    let long_frame = [b"\x81\xfe\x40\x00", MASK].concat();
    // A surrogate, overlong forms, a code point too large, bytes that never occur, a continuation of nothing.
    let bad: [&[u8]; 7] = [
        b"\xed\xa0",
        b"\xe0\x80",
        b"\xc0",
        b"\xf4\x90",
        b"\xf5",
        b"\xff",
        b"\x80",
    ];
    for bad in bad {
        refused(&[&long_frame, b"good", bad], NOT_UTF8);
        awaited(&[&long_frame, b"good", &bad[..bad.len() - 1]]);
        // The same with each byte in a frame of its own.
        let mut fragments = masked(0x01, b"good");
        bad.iter()
            .for_each(|byte| fragments.extend(masked(0x00, &[*byte])));
        refused(&[&fragments], NOT_UTF8);
    }
    // A character that the end of its message cuts off.
    refused(&[&masked(0x81, b"\xce")], NOT_UTF8);
    refused(&[&masked(0x01, b"\xce"), &masked(0x80, b"")], NOT_UTF8);
    // Neither a character cut by frames nor binary data is wrong.
    check(
        &[
            &masked(0x01, b"\xf0\x9f"),
            &masked(0x80, b"\x98\x80"),
            &masked(0x82, b"\xed\xa0"),
        ],
        expect![[r#"
            text "😀"
            binary [ed, a0]
        "#]],
    );
}

#[test]
fn a_bad_close_frame_is_refused() {
    refused(&[&masked(0x88, b"\x03")], "1002, sent half a close code");
    refused(
        &[&masked(0x88, b"\x03\xe8\xff")],
        "1007, gave a close reason that is not UTF-8",
    );
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535_u16,
    ] {
        refused(
            &[&masked(0x88, &code.to_be_bytes())],
            &format!("1002, closed with the invalid code {code}"),
        );
    }
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999_u16,
    ] {
        let seen = feed(
            &mut open(Settings::default()),
            START,
            masked(0x88, &code.to_be_bytes()),
        );
        assert_eq!(seen, format!("closed {code} \"\", answered {code} \"\"\n"));
    }
}

#[test]
fn a_length_with_its_top_bit_is_refused_at_that_byte() {
    refused(
        &[b"\x82\xff\x80"],
        "1002, gave a frame length of more than 63 bits",
    );
}

#[test]
fn a_length_that_is_not_minimal_is_refused_before_the_mask() {
    for length in [
        &b"\xfe\x00\x7d"[..],
        b"\xff\0\0\0\0\0\0\xff\xff",
        b"\xff\0\0\0\0\0\0\0\x05",
    ] {
        refused(
            &[b"\x82", length],
            "1002, gave a frame length in more bytes than it needs",
        );
    }
    awaited(&[b"\x82\xfe\x00\x7e"]);
    awaited(&[b"\x82\xff\0\0\0\0\0\x01\0\0"]);
}

#[test]
fn a_message_too_big_is_refused_at_the_header_that_claims_it() {
    for length in [
        b"\xff\0\0\0\0\x01\0\0\0",
        b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    ] {
        for opcode in [b"\x81", b"\x02"] {
            refused(
                &[opcode, length, MASK],
                "1009, sent a message of more than 1048576 bytes",
            );
        }
    }
}

#[test]
fn a_message_may_have_max_message_bytes_and_no_more() {
    let websocket = || {
        open(Settings {
            max_message: 5,
            ..Settings::default()
        })
    };
    let frames = [masked(0x82, b"12345"), masked(0x82, b"123456")].concat();
    expect![[r#"
        binary [31, 32, 33, 34, 35]
        1009, sent a message of more than 5 bytes
    "#]]
    .assert_eq(&feed(&mut websocket(), START, frames));

    let enough = [masked(0x01, b"123"), masked(0x80, b"45")].concat();
    // Half a character counts with the bytes that it has.
    let too_much = [masked(0x01, b"123\xc3"), masked(0x80, b"\xa96")].concat();
    expect![[r#"
        text "12345"
        1009, sent a message of more than 5 bytes
    "#]]
    .assert_eq(&feed(&mut websocket(), START, [enough, too_much].concat()));
}

#[test]
fn a_message_may_have_max_fragments_frames_and_no_more() {
    let websocket = || {
        open(Settings {
            max_fragments: 3,
            ..Settings::default()
        })
    };
    let begun = [masked(0x01, b"a"), masked(0, b""), masked(0x89, b"")].concat();
    let enough = [begun.clone(), masked(0x80, b"c")].concat();
    let too_many = [begun, masked(0, b""), b"\x00\x80".to_vec(), MASK.to_vec()].concat();
    expect![[r#"
        ping ""
        text "ac"
        ping ""
        1008, sent a message in more than 3 fragments
    "#]]
    .assert_eq(&feed(&mut websocket(), START, [enough, too_many].concat()));
}

#[test]
fn fragments_that_are_not_counted_may_be_any_number_and_tiny_ones_may_not() {
    let websocket = || {
        open(Settings {
            max_fragments: 3,
            uncounted_fragment: 4,
            ..Settings::default()
        })
    };
    let long = [masked(0x01, b""), masked(0, b"long").repeat(9)].concat();
    let enough = [masked(0, b"tin").repeat(2), masked(0x80, b"long")].concat();
    let too_many = [
        masked(0, b"tin").repeat(2),
        b"\x80\x83".to_vec(),
        MASK.to_vec(),
    ]
    .concat();
    let (enough, too_many) = ([long.clone(), enough].concat(), [long, too_many].concat());
    let text = format!("text \"{}tintinlong\"\n", "long".repeat(9));
    assert_eq!(feed(&mut websocket(), START, enough), text);
    assert_eq!(
        feed(&mut websocket(), START, too_many),
        "1008, sent a message in more than 3 fragments\n"
    );
}

#[test]
fn a_flood_of_pings_leaves_nothing_behind() {
    let mut websocket = open(Settings::default());
    let seen = feed(&mut websocket, START, masked(0x89, b"x").repeat(10_000));
    assert_eq!(seen, "ping \"x\"\n".repeat(10_000));
    assert_eq!(websocket.assembly.since(), None);
}

#[test]
fn data_after_a_close_or_a_failure_is_ignored() {
    check(
        &[&masked(0x88, b"\x03\xe8"), &masked(0x81, b"late"), b"\xff"],
        expect![[r#"
            closed 1000 "", answered 1000 ""
        "#]],
    );
    check(
        &[b"\xff", &masked(0x81, b"late"), &masked(0x88, b"")],
        expect![[r#"
            1002, set a reserved bit
        "#]],
    );

    let mut websocket = open(Settings::default());
    let close_inside_a_message = [masked(0x01, b"half"), masked(0x88, b"")].concat();
    feed(&mut websocket, START, close_inside_a_message);
    assert_eq!(websocket.assembly.since(), None, "what was kept is let go");
    assert_eq!(feed(&mut websocket, START, masked(0x81, b"later")), "");
    assert_eq!(websocket.close(START, 1000, ""), None);
}

#[test]
fn a_failure_after_our_close_sends_no_second_one() {
    let mut websocket = open(Settings::default());
    websocket.close(START, 1000, "");
    expect![[r#"
        not answered, set a reserved bit
    "#]]
    .assert_eq(&feed(&mut websocket, START, b"\xff".to_vec()));
}

#[test]
fn every_reason_fits_a_close_frame() {
    for violation in [
        Violation::LengthNotMinimal,
        Violation::LongControl,
        Violation::MessageTooBig { max: usize::MAX },
        Violation::TooManyFragments { max: u32::MAX },
    ] {
        assert!(violation.to_string().len() <= 123, "{violation}");
    }
}
