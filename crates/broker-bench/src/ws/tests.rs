use super::*;

#[test]
fn a_frame_is_read_back_whatever_its_length() {
    for len in [0, 1, 125, 126, 65_535] {
        let payload = vec![b'x'; len];
        let mut bytes = Vec::new();
        encode(TEXT, &payload, &mut bytes);
        let frame_len = bytes.len();
        bytes.extend_from_slice(b"next");
        let frame = decode(&bytes).expect("it is whole");
        assert_eq!(
            (frame.opcode, frame.mask, frame.payload, frame.len),
            (TEXT, None, &payload[..], frame_len)
        );
    }
}

#[test]
fn a_masked_frame_is_the_example_of_the_rfc() {
    let mut bytes = Vec::new();
    encode_masked(TEXT, b"Hello", &mut bytes);
    let expected = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(bytes, expected);
    assert_eq!(decode(&bytes).and_then(|frame| frame.mask), Some(MASK));
}

#[test]
fn a_compressed_frame_is_told_from_others() {
    for (first, is_compressed) in [(0x81, false), (0xc1, true), (0xc2, true)] {
        let bytes = [first, 0];
        let frame = decode(&bytes).expect("it is whole");
        assert_eq!(
            (frame.is_compressed, frame.opcode),
            (is_compressed, first & 3)
        );
    }
    assert!(agrees_on_compression(
        b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"
    ));
    assert!(!agrees_on_compression(b"HTTP/1.1 101 Fine"));
}

#[test]
fn a_frame_cut_anywhere_is_waited_for() {
    let mut bytes = Vec::new();
    encode_masked(TEXT, &[b'x'; 300], &mut bytes);
    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_none(), "cut at {cut}");
    }
}

#[test]
fn only_a_right_upgrade_answer_is_taken() {
    let right =
        format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
    let mut bytes = right.clone().into_bytes();
    assert!(matches!(upgrade_answer(&bytes[..20]), Ok(None)));
    bytes.extend_from_slice(b"\x81\x00");
    assert_eq!(upgrade_answer(&bytes).ok().flatten(), Some(right.len()));
    assert!(upgrade_answer(b"HTTP/1.1 101 Fine\r\nSec-WebSocket-Accept: no\r\n\r\n").is_err());
    assert!(upgrade_answer(b"HTTP/1.1 503 Busy\r\n\r\n").is_err());
}
