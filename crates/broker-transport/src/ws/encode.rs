//! Frames as a server sends them (RFC 6455 §5.2): unmasked, unfragmented, header and payload in one piece.
//!
//! A frame is encoded once and then shared: cloning [`Bytes`] copies nothing.

use broker_dialect::Outgoing;
use bytes::Bytes;

use super::close::NO_CODE;

const FINAL: u8 = 0x80;
/// RSV1: the message is compressed (RFC 7692 §6).
const COMPRESSED: u8 = 0x40;
const TEXT: u8 = FINAL | 0x1;
const BINARY: u8 = FINAL | 0x2;
const CLOSE: u8 = FINAL | 0x8;
const PING_OPCODE: u8 = FINAL | 0x9;
const PONG: u8 = FINAL | 0xa;

/// The longest payload of a control frame, in bytes (RFC 6455 §5.5).
const CONTROL_MAX: usize = 125;

/// A ping without payload.
pub const PING: Bytes = Bytes::from_static(&[PING_OPCODE, 0]);

/// A message, as its dialect has written it.
#[must_use]
pub fn message(message: &Outgoing) -> Bytes {
    match message {
        Outgoing::Text(payload) => frame(TEXT, &[payload]),
        Outgoing::Binary(payload) => frame(BINARY, &[payload]),
    }
}

/// A message whose payload has been compressed.
pub(super) fn compressed(message: &Outgoing, payload: &[u8]) -> Bytes {
    match message {
        Outgoing::Text(_) => frame(TEXT | COMPRESSED, &[payload]),
        Outgoing::Binary(_) => frame(BINARY | COMPRESSED, &[payload]),
    }
}

/// A text message.
#[must_use]
pub fn text(text: &str) -> Bytes {
    frame(TEXT, &[text.as_bytes()])
}

/// A binary message.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    frame(BINARY, &[payload])
}

/// A ping with a payload, of which what is beyond 125 bytes is left out.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    frame(PING_OPCODE, &[&payload[..payload.len().min(CONTROL_MAX)]])
}

/// The answer to a ping, with the payload of the ping. What is beyond 125 bytes is left out.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    match payload {
        [] => Bytes::from_static(&[PONG, 0]),
        _ => frame(PONG, &[&payload[..payload.len().min(CONTROL_MAX)]]),
    }
}

/// A close frame with a code and a reason, which is cut at 123 bytes, before a character that does not fit.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let code = code.to_be_bytes();
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - code.len())];
    frame(CLOSE, &[&code, reason.as_bytes()])
}

/// The answer to a peer's close frame: the same code, or none where it gave none (RFC 6455 §5.5.1).
pub(super) fn close_reply(code: u16) -> Bytes {
    match code {
        NO_CODE => Bytes::from_static(&[CLOSE, 0]),
        _ => close(code, ""),
    }
}

fn frame(first: u8, payload: &[&[u8]]) -> Bytes {
    let len: usize = payload.iter().map(|part| part.len()).sum();
    // The capacity is exact, so that making `Bytes` of it neither copies nor wastes.
    let mut frame;
    match len {
        0..=125 => {
            frame = Vec::with_capacity(2 + len);
            frame.extend([first, len as u8]);
        }
        126..=0xffff => {
            frame = Vec::with_capacity(4 + len);
            frame.extend([first, 126]);
            frame.extend((len as u16).to_be_bytes());
        }
        _ => {
            frame = Vec::with_capacity(10 + len);
            frame.extend([first, 127]);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    for part in payload {
        frame.extend_from_slice(part);
    }
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_written_in_as_few_bytes_as_it_needs() {
        let lengths: [(usize, &[u8]); 5] = [
            (0, b"\x82\x00"),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (0xffff, b"\x82\x7e\xff\xff"),
            (0x10000, b"\x82\x7f\0\0\0\0\x00\x01\0\0"),
        ];
        for (len, header) in lengths {
            let payload = vec![b'x'; len];
            assert_eq!(binary(&payload), [header, &payload].concat());
        }
    }

    #[test]
    fn control_frames_are_cut_to_what_one_may_hold() {
        assert_eq!(
            pong(&[b'x'; 130]),
            [&b"\x8a\x7d"[..], &[b'x'; 125]].concat()
        );
        assert_eq!(
            close(1000, &"é".repeat(62)),
            [&b"\x88\x7c\x03\xe8"[..], "é".repeat(61).as_bytes()].concat()
        );
    }
}
