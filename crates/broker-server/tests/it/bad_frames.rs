//! Frames that are wrong, each with the close code that says so. What a header shows is refused there, so those frames
//! stop after it: an answer to them is one that did not wait for more.

use broker_testkit::client::{Raw, masked};

use crate::broker::Broker;

const ECHO: &str = "[[endpoint]]\npath = '*'\ndialect = 'echo'\n";

/// A mask that changes nothing, so that payloads can be written as they are.
const MASK: &[u8] = &[0; 4];

/// A frame whose payload is masked by [`MASK`].
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = masked(2, &vec![0; payload.len()]);
    let head = frame.len() - payload.len() - 4;
    frame.truncate(head);
    frame[0] = first;
    [&frame, MASK, payload].concat()
}

/// Checks that these bytes of a client end its connection with this code in a close frame, and the socket after it.
async fn check(broker: &Broker, bytes: &[u8], code: u16) {
    let mut raw = broker.raw_client().await;
    raw.write(bytes).await;
    ends_with(&mut raw, code, bytes).await;
}

async fn ends_with(raw: &mut Raw, code: u16, bytes: &[u8]) {
    let sent = bytes.escape_ascii();
    let (first, payload) = raw.frame().await;
    assert_eq!(first, 0x88, "{sent}");
    let (told, reason) = payload.split_first_chunk().expect("a code");
    assert_eq!(u16::from_be_bytes(*told), code, "{sent}");
    assert!(!str::from_utf8(reason).unwrap().is_empty(), "{sent}");
    assert_eq!(raw.rest().await, b"", "{sent}");
}

#[tokio::test]
async fn an_unmasked_frame_is_refused_at_its_header() {
    let broker = Broker::alone(ECHO);
    for header in [b"\x81\x05", b"\x82\x7e", b"\x89\x00", b"\x88\x00"] {
        check(&broker, header, 1002).await;
    }
}

#[tokio::test]
async fn reserved_bits_and_opcodes_are_refused() {
    let broker = Broker::alone(ECHO);
    for first in [0xc1, 0xa1, 0x91, 0xc9, 0x83, 0x87, 0x8b, 0x8f] {
        check(&broker, &[first], 1002).await;
    }
}

#[tokio::test]
async fn a_long_or_fragmented_ping_is_refused_at_its_header() {
    let broker = Broker::alone(ECHO);
    for header in [
        &b"\x89\xfe"[..],
        b"\x89\xff",
        b"\x09",
        b"\x8a\xfe",
        b"\x0a",
        b"\x88\xfe",
        b"\x08",
    ] {
        check(&broker, header, 1002).await;
    }
}

#[tokio::test]
async fn a_continuation_of_nothing_and_a_message_inside_another_are_refused() {
    let broker = Broker::alone(ECHO);
    check(&broker, &[b"\x80\x85", MASK].concat(), 1002).await;
    check(&broker, &[b"\x00\x85", MASK].concat(), 1002).await;
    for header in [b"\x81\x85", b"\x02\x85"] {
        check(
            &broker,
            &[&frame(0x01, b"begun"), &header[..], MASK].concat(),
            1002,
        )
        .await;
    }
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused_as_soon_as_it_is_seen() {
    let broker = Broker::alone(ECHO);
    for bad in [
        &b"\xff"[..],
        b"\xc0",
        b"\xed\xa0",
        b"\xf4\x90",
        b"\xe2\x82a",
    ] {
        // The first of a message's bytes, the frame's end far away.
        let whole = [b"\x81\xfe\x40\x00", MASK, b"good ", bad].concat();
        check(&broker, &whole, 1007).await;
        // Each byte in a fragment of its own.
        let mut fragments = frame(0x01, b"good ");
        { bad.iter() }.for_each(|byte| fragments.extend(frame(0x00, &[*byte])));
        check(&broker, &fragments, 1007).await;
    }
    // A character that the message's end cuts off.
    check(
        &broker,
        &[frame(0x01, b"\xe2\x82"), frame(0x80, b"")].concat(),
        1007,
    )
    .await;
}

#[tokio::test]
async fn a_close_frame_of_one_byte_or_with_a_code_that_nobody_may_send_is_refused() {
    let broker = Broker::alone(ECHO);
    check(&broker, &frame(0x88, b"\x03"), 1002).await;
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535_u16] {
        check(&broker, &frame(0x88, &code.to_be_bytes()), 1002).await;
    }
    check(&broker, &frame(0x88, b"\x03\xe8\xff"), 1007).await;
}

#[tokio::test]
async fn a_length_with_its_top_bit_or_in_more_bytes_than_it_needs_is_refused() {
    let broker = Broker::alone(ECHO);
    check(&broker, b"\x82\xff\x80", 1002).await;
    check(&broker, b"\x82\xfe\x00\x7d", 1002).await;
    check(&broker, b"\x82\xff\0\0\0\0\0\0\xff\xff", 1002).await;
}

#[tokio::test]
async fn a_claim_of_16_mib_is_refused_at_its_header() {
    let broker = Broker::alone("");
    let claim = [b"\x82\xff\0\0\0\0\x01\0\0\0", MASK].concat();
    check(&broker, &claim, 1009).await;
    // Also when it would be the sum of many.
    let sum = [frame(0x02, &vec![7; 1 << 20]), [b"\x80\x81", MASK].concat()].concat();
    check(&broker, &sum, 1009).await;
}

#[tokio::test]
async fn endless_tiny_fragments_are_refused_by_their_number() {
    for config in ["", ECHO] {
        let broker = Broker::alone(config);
        let fragments = [frame(0x01, b""), frame(0x00, b"").repeat(1023)].concat();
        check(&broker, &[fragments, frame(0x00, b"")].concat(), 1008).await;
    }
}

#[tokio::test]
async fn a_message_that_does_not_end_is_refused_by_its_time() {
    let broker = Broker::alone(&format!("limits.message_timeout = '50ms'\n{ECHO}"));
    for begun in [
        &b"\x81"[..],
        b"\x81\x85\0\0",
        &frame(0x01, b"a"),
        &frame(0x82, b"abc")[..8],
    ] {
        check(&broker, begun, 1008).await;
    }
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_and_leaves_nothing_behind() {
    const PINGS: u32 = 20_000;
    let broker = Broker::alone(&format!("limits.max_send_queue = '4KiB'\n{ECHO}"));
    let (mut reading, mut writing) = broker.raw_client().await.split();
    let flood = tokio::spawn(async move {
        for number in 0..PINGS {
            writing.write(masked(9, &number.to_be_bytes())).await;
        }
        writing
    });
    // Of pings that cannot be answered yet the latest is enough (RFC 6455 §5.5.3), so the last one is answered always.
    let mut pongs = 0;
    loop {
        assert!(broker.handle.report().await.queued_bytes <= 8 * 1024);
        let (first, payload) = reading.frame().await;
        assert_eq!(first, 0x8a);
        pongs += 1;
        if payload == (PINGS - 1).to_be_bytes() {
            break;
        }
    }
    assert!(pongs <= PINGS);
    let mut writing = flood.await.unwrap();
    writing.write(masked(1, b"still here")).await;
    assert_eq!(reading.frame().await, (0x81, b"still here".to_vec()));
}

#[tokio::test]
async fn what_comes_after_a_close_frame_is_ignored() {
    let broker = Broker::alone(ECHO);
    let mut raw = broker.raw_client().await;
    let close = frame(0x88, b"\x03\xe8");
    raw.write([&close[..], &frame(0x81, b"late"), &close, b"\xff\xff"].concat())
        .await;
    assert_eq!(raw.frame().await, (0x88, b"\x03\xe8".to_vec()));
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn a_close_frame_is_not_lost_to_a_client_that_goes_on_sending() {
    let broker = Broker::alone(&format!("limits.close_timeout = '1m'\n{ECHO}"));
    let (mut reading, mut writing) = broker.raw_client().await.split();
    // The socket has far more to read than its buffers hold when the broker has said its last word. Closing it then
    // would reset the connection, and take the close frame with it.
    writing.write(frame(0x83, b"")).await;
    let flood = frame(0x82, &vec![7; 1 << 20]);
    for _ in 0..8 {
        writing.write(&flood).await;
    }
    ends_with(&mut reading, 1002, b"a flood").await;
}
