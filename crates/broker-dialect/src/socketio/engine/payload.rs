//! Polling bodies: several packets in one.
//!
//! Protocol 4 joins text packets by the separator 0x1E. Protocol 3 writes `length:packet`, the length in UTF-16 code
//! units; clients that can (which is all but those with `b64` in their query) may also send and are sent the binary
//! form: a byte for the kind, the length in digits of a byte each, 0xFF, the packet in UTF-8 or as bytes.

mod lengths;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::{Encoded, Packet, PacketError, Revision};
use crate::Incoming;
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

/// A body that a client has posted, of which one packet after the other is taken.
///
/// Behind the first error there are no packets, and those before it count.
#[derive(Clone, Debug)]
pub struct Posted {
    form: Form,
    /// Where the next packet begins, in bytes; none once there are no more.
    next: Option<usize>,
    /// How many packets have been taken.
    count: usize,
}

#[derive(Clone, Debug)]
enum Form {
    /// As it came. Nothing has been looked at.
    Unread {
        body: Bytes,
        is_binary: bool,
    },
    Separated(String),
    TextLengths(String),
    BinaryLengths(Bytes),
}

const SEPARATOR: char = '\u{1e}';

impl Posted {
    /// A body as it came; `is_binary` says whether its content type is `application/octet-stream`.
    #[must_use]
    pub fn new(body: Bytes, is_binary: bool) -> Posted {
        Posted {
            form: Form::Unread { body, is_binary },
            next: Some(0),
            count: 0,
        }
    }

    /// Takes the next packet, if there is one. An error may be about the body as a whole, or about this packet. Protocol
    /// and limits are those of the client's session.
    pub fn next_packet(
        &mut self,
        revision: Revision,
        limits: Limits,
    ) -> Option<Result<Packet<'_>, PayloadError>> {
        // An error leaves none.
        let from = self.next.take()?;
        if let Form::Unread { body, is_binary } = &mut self.form {
            match Form::of(revision, std::mem::take(body), *is_binary, limits.bytes) {
                Ok(form) => self.form = form,
                Err(error) => return Some(Err(error)),
            }
        }
        let (packet, next) = match self.form.split(from)? {
            Ok(split) => split,
            Err(error) => return Some(Err(error)),
        };
        self.count += 1;
        if self.count > limits.packets {
            let limit = limits.packets;
            return Some(Err(PayloadError::TooManyPackets { limit }));
        }
        let packet = Packet::decode(revision, packet);
        if packet.is_ok() {
            self.next = next;
        }
        Some(packet.map_err(PayloadError::from))
    }
}

impl Form {
    /// The form that a body has, if it is one at all.
    fn of(
        revision: Revision,
        body: Bytes,
        is_binary: bool,
        limit: usize,
    ) -> Result<Form, PayloadError> {
        let size = body.len();
        if size > limit {
            return Err(PayloadError::TooLong { size, limit });
        }
        let text = |body: Bytes| String::from_utf8(body.into()).map_err(|_| PayloadError::NotUtf8);
        match (revision, is_binary) {
            (Revision::Four, true) => Err(PayloadError::BinaryBody),
            _ if body.is_empty() => Err(PayloadError::Empty),
            (Revision::Four, false) => Ok(Form::Separated(text(body)?)),
            (Revision::Three, false) => Ok(Form::TextLengths(text(body)?)),
            (Revision::Three, true) => Ok(Form::BinaryLengths(body)),
        }
    }

    /// The packet that begins at `from`, if there is one, and where the next one does.
    fn split(&self, from: usize) -> Option<Result<(Incoming<'_>, Option<usize>), PayloadError>> {
        match self {
            Form::Unread { .. } => None,
            Form::Separated(text) => {
                let left = &text[from..];
                let (packet, next) = match left.split_once(SEPARATOR) {
                    Some((packet, rest)) => (packet, Some(text.len() - rest.len())),
                    None => (left, None),
                };
                Some(Ok((Incoming::Text(packet), next)))
            }
            Form::TextLengths(text) => {
                let split = lengths::first_text(&text[from..])?;
                Some(
                    split.map(|(packet, rest)| {
                        (Incoming::Text(packet), Some(text.len() - rest.len()))
                    }),
                )
            }
            Form::BinaryLengths(bytes) => {
                let split = lengths::first_binary(&bytes[from..])?;
                Some(split.map(|(packet, rest)| (packet, Some(bytes.len() - rest.len()))))
            }
        }
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
