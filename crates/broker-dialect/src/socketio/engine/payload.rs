//! Polling bodies: several packets in one.
//!
//! Protocol 4 joins text packets by the separator 0x1E. Protocol 3 writes `length:packet`, the length in UTF-16 code
//! units; clients that can (which is all but those with `b64` in their query) may also send and are sent the binary
//! form: a byte for the kind, the length in digits of a byte each, 0xFF, the packet in UTF-8 or as bytes.

mod lengths;

use std::str;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::lengths::{BinaryLengths, TextLengths};
use super::{Encoded, Packet, PacketError, Revision};
use crate::socketio::Settings;

/// How much a polling body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Its size in bytes.
    pub bytes: usize,
    /// The number of its packets.
    pub packets: usize,
}

impl Limits {
    /// Those of a connection with these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Limits {
        Limits {
            bytes: settings.max_payload,
            packets: settings.max_payload_packets,
        }
    }
}

/// Why a polling body is refused: all of it, or from some packet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// More bytes than the limit; HTTP's status for it is 413.
    #[error("a body of {size} bytes is over the limit of {limit}")]
    TooLong {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More packets than the limit.
    #[error("a body of more than {limit} packets")]
    TooManyPackets {
        /// The limit.
        limit: usize,
    },
    /// A body without a packet.
    #[error("the peer sent an empty body")]
    Empty,
    /// A binary body with protocol 4, which has none.
    #[error("the peer sent a binary body, which protocol 4 does not have")]
    BinaryBody,
    /// A text that is not UTF-8.
    #[error("the peer sent a text that is not UTF-8")]
    NotUtf8,
    /// The length before a packet is no number, or ends inside a character.
    #[error("the peer sent a packet whose length is no number")]
    NotALength,
    /// The packet is shorter than its length says.
    #[error("the peer sent a packet that is shorter than its length says")]
    CutOff,
    /// The binary form knows text and bytes, and this is neither.
    #[error("the peer sent a packet of the unknown kind {0}")]
    UnknownKind(u8),
    /// One of the packets is none.
    #[error(transparent)]
    Packet(#[from] PacketError),
}

/// Reads a body that a client has posted; `is_binary` says whether its content type is `application/octet-stream`.
///
/// The packets are read one by one, and behind the first error there are none: those before it count.
///
/// # Errors
/// When the whole body is refused.
pub fn decode(
    revision: Revision,
    body: &[u8],
    is_binary: bool,
    limits: Limits,
) -> Result<Packets<'_>, PayloadError> {
    if body.len() > limits.bytes {
        return Err(PayloadError::TooLong {
            size: body.len(),
            limit: limits.bytes,
        });
    }
    let text = || str::from_utf8(body).map_err(|_| PayloadError::NotUtf8);
    let form = match (revision, is_binary) {
        (Revision::Four, true) => return Err(PayloadError::BinaryBody),
        _ if body.is_empty() => return Err(PayloadError::Empty),
        (Revision::Four, false) => Form::Separated(text()?.split(SEPARATOR)),
        (Revision::Three, false) => Form::TextLengths(TextLengths::of(text()?)),
        (Revision::Three, true) => Form::BinaryLengths(BinaryLengths::of(body)),
    };
    Ok(Packets {
        form: Some(form),
        count: 0,
        limit: limits.packets,
    })
}

const SEPARATOR: char = '\u{1e}';

/// The packets of a body, in order.
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    /// None once there has been an error.
    form: Option<Form<'a>>,
    count: usize,
    limit: usize,
}

#[derive(Clone, Debug)]
enum Form<'a> {
    Separated(str::Split<'a, char>),
    TextLengths(TextLengths<'a>),
    BinaryLengths(BinaryLengths<'a>),
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, PayloadError>;

    fn next(&mut self) -> Option<Result<Packet<'a>, PayloadError>> {
        let packet = match self.form.as_mut()? {
            Form::Separated(texts) => texts
                .next()
                .map(|text| Ok(Packet::decode_text(Revision::Four, text)?)),
            Form::TextLengths(texts) => texts
                .next()
                .map(|text| Ok(Packet::decode_text(Revision::Three, text?)?)),
            Form::BinaryLengths(packets) => packets
                .next()
                .map(|packet| Ok(Packet::decode(Revision::Three, packet?)?)),
        };
        self.count += usize::from(packet.is_some());
        let packet = match packet {
            Some(_) if self.count > self.limit => {
                Some(Err(PayloadError::TooManyPackets { limit: self.limit }))
            }
            packet => packet,
        };
        if !matches!(packet, Some(Ok(_))) {
            self.form = None;
        }
        packet
    }
}

/// A body that answers a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether its content type is `application/octet-stream`; it is `text/plain; charset=UTF-8` otherwise.
    pub is_binary: bool,
    /// How many of the given messages it carries.
    pub taken: usize,
}

/// Writes the body for a poll: as many of `waiting` as fit into `bytes_max`, but the first in any case, whole.
///
/// `takes_binary` is false for clients with `b64` in their query; only protocol 3 asks. Its binary form is chosen for
/// attachments and for text that is not ASCII, since clients 1.x and 2.x disagree on what the text form makes of that.
#[must_use]
pub fn encode(
    revision: Revision,
    takes_binary: bool,
    waiting: &[Encoded],
    bytes_max: usize,
) -> Body {
    let is_plain = |message: &Encoded| {
        message.text_packet().is_ascii() && message.typed_attachments().next().is_none()
    };
    let is_binary = revision == Revision::Three && takes_binary && !waiting.iter().all(is_plain);
    let write = match revision {
        Revision::Four => write_separated,
        Revision::Three if is_binary => lengths::write_binary,
        Revision::Three => lengths::write_text,
    };
    let mut bytes = Vec::new();
    let mut taken = 0;
    for message in waiting {
        let end = bytes.len();
        write(&mut bytes, message);
        if taken > 0 && bytes.len() > bytes_max {
            bytes.truncate(end);
            break;
        }
        taken += 1;
    }
    Body {
        bytes,
        is_binary,
        taken,
    }
}

fn write_separated(out: &mut Vec<u8>, message: &Encoded) {
    if !out.is_empty() {
        out.push(SEPARATOR as u8);
    }
    out.extend_from_slice(message.text_packet());
    for attachment in message.attachments() {
        out.push(SEPARATOR as u8);
        out.extend_from_slice(b"b");
        out.extend_from_slice(BASE64.encode(attachment).as_bytes());
    }
}

#[cfg(test)]
mod tests;
