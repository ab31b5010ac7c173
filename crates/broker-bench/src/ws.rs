//! As much of a WebSocket client as a load generator needs (RFC 6455).
//!
//! It knows nothing of fragments, since no server measured here sends any. It can
//! offer compression, and then takes compressed frames for what they are: what
//! they would be when inflated is nothing that a load generator has to know.

use std::io;

/// The key of every handshake: the example of RFC 6455 §1.3, whose answer is
/// known, so that the load generator has nothing to hash.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What a server must answer to [`KEY`].
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The mask of every frame sent. It is not zero, so that a server has to undo it.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const TEXT: u8 = 0x1;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

/// The upgrade request for `path` with a `Cookie` header (RFC 6455 §4.1).
pub(crate) fn upgrade_request(path: &str, cookie: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\r\n"
    )
}

/// The same with the offer of compression that browsers make (RFC 7692 §7.1).
pub(crate) fn upgrade_request_with_compression(path: &str, cookie: &str) -> String {
    let offer = "permessage-deflate; client_max_window_bits";
    let cookie = format!("{cookie}\r\nSec-WebSocket-Extensions: {offer}");
    upgrade_request(path, &cookie)
}

/// Whether the upgrade answer at the start of `bytes` agrees on compression.
pub(crate) fn agrees_on_compression(answer: &[u8]) -> bool {
    memchr::memmem::find(answer, b": permessage-deflate").is_some()
}

/// The length of the upgrade answer at the start of `bytes`, once it is whole.
/// Anything but a right `101` is an error that quotes it.
pub(crate) fn upgrade_answer(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = &bytes[..end + 4];
    let switched = head.starts_with(b"HTTP/1.1 101");
    if switched && memchr::memmem::find(head, ACCEPT.as_bytes()).is_some() {
        return Ok(Some(head.len()));
    }
    let head = String::from_utf8_lossy(head);
    Err(io::Error::other(format!(
        "the handshake was answered {head:?}"
    )))
}

/// Appends a client's frame, masked (RFC 6455 §5.2). The payload is short:
/// at most 65,535 bytes.
pub(crate) fn encode_masked(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    push_header(opcode, 0x80, payload.len(), out);
    out.extend_from_slice(&MASK);
    let masked = payload.iter().zip(MASK.iter().cycle());
    out.extend(masked.map(|(byte, mask)| byte ^ mask));
}

/// Appends a server's frame (RFC 6455 §5.2), at most 65,535 bytes of payload.
pub(crate) fn encode(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    push_header(opcode, 0, payload.len(), out);
    out.extend_from_slice(payload);
}

fn push_header(opcode: u8, mask_bit: u8, len: usize, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < 126 => out.push(mask_bit | len),
        (_, Ok(len)) => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        (_, Err(_)) => unreachable!("the payloads of the benchmarks are short"),
    }
}

/// A whole frame at the start of a buffer.
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    /// Whether the first reserved bit is set (RFC 7692 §6).
    pub(crate) is_compressed: bool,
    /// The mask's key, in a client's frame; the payload is as it came.
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) payload: &'a [u8],
    /// Bytes of header and payload.
    pub(crate) len: usize,
}

/// The frame at the start of `bytes` (RFC 6455 §5.2), once it is whole.
pub(crate) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let &[first, second, ref rest @ ..] = bytes else {
        return None;
    };
    let (payload_len, rest) = match second & 0x7f {
        126 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (u64::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*len), rest)
        }
        len => (u64::from(len), rest),
    };
    let (mask, rest) = if second & 0x80 == 0 {
        (None, rest)
    } else {
        let (mask, rest) = rest.split_first_chunk::<4>()?;
        (Some(*mask), rest)
    };
    let payload = rest.get(..usize::try_from(payload_len).ok()?)?;
    Some(Frame {
        opcode: first & 0x0f,
        is_compressed: first & 0x40 != 0,
        mask,
        payload,
        len: bytes.len() - rest.len() + payload.len(),
    })
}

#[cfg(test)]
mod tests;
