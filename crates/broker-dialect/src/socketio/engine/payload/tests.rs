mod any_body;

use super::super::MESSAGE_BYTE;
use super::*;

const ROOMY: Limits = Limits {
    bytes: 1 << 20,
    packets: 1000,
};

/// The packets of a body in one line each; an error is the last.
fn read(revision: Revision, body: &[u8], is_binary: bool, limits: Limits) -> Vec<String> {
    let mut posted = Posted::new(Bytes::copy_from_slice(body), is_binary);
    let mut lines = Vec::new();
    while let Some(packet) = posted.next_packet(revision, limits) {
        lines.push(match packet {
            Ok(packet) => format!("{packet:?}"),
            Err(error) => error.to_string(),
        });
    }
    lines
}

fn check_4(body: &str, packets: &[&str]) {
    assert_eq!(
        read(Revision::Four, body.as_bytes(), false, ROOMY),
        packets,
        "{body:?}"
    );
}

fn check_3(body: &str, packets: &[&str]) {
    assert_eq!(
        read(Revision::Three, body.as_bytes(), false, ROOMY),
        packets,
        "{body:?}"
    );
}

fn check_3_binary(body: &[u8], packets: &[&str]) {
    assert_eq!(
        read(Revision::Three, body, true, ROOMY),
        packets,
        "{body:?}"
    );
}

#[test]
fn protocol_4_separates_packets_by_one_character() {
    check_4("4hello", &[r#"Text("hello")"#]);
    check_4(
        "4a\u{1e}4b\u{1e}2\u{1e}bAQI=",
        &[
            r#"Text("a")"#,
            r#"Text("b")"#,
            r#"Ping("")"#,
            "Binary([1, 2])",
        ],
    );
    check_4("4€\u{1e}4\u{1f600}", &[r#"Text("€")"#, r#"Text("😀")"#]);
}

#[test]
fn behind_a_bad_packet_there_are_none() {
    check_4("", &["the peer sent an empty body"]);
    check_4("abc", &["the peer sent a packet of the unknown type 'a'"]);
    check_4(
        "4a\u{1e}\u{1e}4b",
        &[r#"Text("a")"#, "the peer sent an empty packet"],
    );
    check_4(
        "4a\u{1e}{\u{1e}4b",
        &[
            r#"Text("a")"#,
            "the peer sent a packet of the unknown type '{'",
        ],
    );
}

#[test]
fn protocol_3_counts_utf_16_code_units() {
    check_3("6:4hello2:4€", &[r#"Text("hello")"#, r#"Text("€")"#]);
    check_3("3:4\u{1f600}1:2", &[r#"Text("😀")"#, r#"Ping("")"#]);
    check_3("10:b4AQIDBA==", &["Binary([1, 2, 3, 4])"]);
    check_3("0:1:30:", &["Pong"]);
}

#[test]
fn lengths_that_lie_are_refused() {
    check_3("", &["the peer sent an empty body"]);
    check_3(
        "4hello",
        &["the peer sent a packet whose length is no number"],
    );
    check_3(
        "x:4a",
        &["the peer sent a packet whose length is no number"],
    );
    check_3(
        "-1:4a",
        &["the peer sent a packet whose length is no number"],
    );
    check_3(
        "1e1:4a",
        &["the peer sent a packet whose length is no number"],
    );
    check_3(":4a", &["the peer sent a packet whose length is no number"]);
    check_3(
        "99999999999:4a",
        &["the peer sent a packet whose length is no number"],
    );
    check_3(
        "3:4a",
        &["the peer sent a packet that is shorter than its length says"],
    );
    check_3(
        "2:4a1",
        &[
            r#"Text("a")"#,
            "the peer sent a packet whose length is no number",
        ],
    );
    // The length ends between the two halves of a pair, which are one character here.
    check_3(
        "2:4\u{1f600}",
        &["the peer sent a packet whose length is no number"],
    );
}

#[test]
fn protocol_3_has_a_binary_form() {
    check_3_binary(
        &[0, 4, 255, b'4', 0xe2, 0x82, 0xac, 1, 3, 255, 4, 1, 2],
        &[r#"Text("€")"#, "Binary([1, 2])"],
    );
    let mut long = vec![1, 1, 2, 255];
    long.extend_from_slice(&[4; 12]);
    check_3_binary(&long, &["Binary([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4])"]);
}

#[test]
fn faults_of_the_binary_form_are_refused_by_name() {
    let not_a_length = "the peer sent a packet whose length is no number";
    check_3_binary(&[], &["the peer sent an empty body"]);
    check_3_binary(&[0], &[not_a_length]);
    check_3_binary(&[0, 255], &[not_a_length]);
    check_3_binary(&[0, 1, 2, 3], &[not_a_length]);
    check_3_binary(&[0, 10, 255, b'2'], &[not_a_length]);
    check_3_binary(
        &[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 255, b'2'],
        &[not_a_length],
    );
    check_3_binary(
        &[0, 2, 255, b'2'],
        &["the peer sent a packet that is shorter than its length says"],
    );
    check_3_binary(
        &[7, 1, 255, b'2'],
        &["the peer sent a packet of the unknown kind 7"],
    );
    check_3_binary(
        &[0, 1, 255, 0xff],
        &["the peer sent a text that is not UTF-8"],
    );
    check_3_binary(
        &[1, 1, 255, 2],
        &["the peer sent a binary packet that is no message"],
    );
    check_3_binary(&[0, 0, 255], &["the peer sent an empty packet"]);
}

#[test]
fn bodies_of_the_wrong_kind_and_over_a_limit_are_refused() {
    assert_eq!(
        read(Revision::Four, b"4a", true, ROOMY),
        ["the peer sent a binary body, which protocol 4 does not have"]
    );
    assert_eq!(
        read(Revision::Four, b"4\xff", false, ROOMY),
        ["the peer sent a text that is not UTF-8"]
    );
    let limits = Limits {
        bytes: 5,
        packets: 2,
    };
    assert_eq!(
        read(Revision::Four, b"4hello", false, limits),
        ["a body of 6 bytes is over the limit of 5"]
    );
    assert_eq!(
        read(Revision::Four, b"2\x1e3\x1e6", false, limits),
        [r#"Ping("")"#, "Pong", "a body of more than 2 packets"]
    );
    assert_eq!(
        read(Revision::Four, b"2\x1e3", false, limits),
        [r#"Ping("")"#, "Pong"]
    );
}

fn message(text: &str, attachments: &[&[u8]]) -> Encoded {
    let typed = |bytes: &&[u8]| [&[MESSAGE_BYTE], *bytes].concat();
    Encoded::with_typed_attachments(
        format!("4{text}").into_bytes(),
        attachments.iter().map(typed).collect(),
    )
}

#[test]
fn a_body_is_written_in_the_form_that_its_receiver_reads() {
    let waiting = [message("a", &[]), message("2/é,7[\"é😀\"]", &[&[1, 2]])];
    let body = |revision, takes_binary, waiting: &[Encoded]| {
        let body = encode(revision, takes_binary, waiting, 1 << 20);
        assert_eq!(body.taken, waiting.len());
        (
            String::from_utf8_lossy(&body.bytes).into_owned(),
            body.is_binary,
        )
    };
    assert_eq!(
        body(Revision::Four, true, &waiting),
        ("4a\u{1e}42/é,7[\"é😀\"]\u{1e}bAQI=".to_owned(), false)
    );
    assert_eq!(
        body(Revision::Three, false, &waiting),
        (
            r#"2:4a28:42/é,7["\u00e9\ud83d\ude00"]6:b4AQI="#.to_owned(),
            false
        )
    );
    assert_eq!(
        body(Revision::Three, true, &waiting[..1]),
        ("2:4a".to_owned(), false)
    );
    let binary = encode(Revision::Three, true, &waiting, 1 << 20);
    assert!(binary.is_binary);
    assert_eq!(
        binary.bytes,
        [
            &[0, 2, 255][..],
            b"4a",
            &[0, 1, 7, 255],
            "42/é,7[\"é😀\"]".as_bytes(),
            &[1, 3, 255, 4, 1, 2],
        ]
        .concat()
    );
}

#[test]
fn a_body_takes_what_fits_and_the_first_in_any_case() {
    let waiting = [
        message("0123456789", &[]),
        message("1", &[]),
        message("2", &[]),
    ];
    for (bytes_max, taken) in [
        (0, 1),
        (11, 1),
        (13, 1),
        (14, 2),
        (16, 2),
        (17, 3),
        (1000, 3),
    ] {
        let body = encode(Revision::Four, true, &waiting, bytes_max);
        assert_eq!(body.taken, taken, "{bytes_max}");
        let packets = read(Revision::Four, &body.bytes, false, ROOMY);
        assert_eq!(packets.len(), taken, "{bytes_max}");
    }
}
