//! Engine.IO packets as clients send them.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Revision;
use super::encoded::MESSAGE_BYTE;
use crate::Incoming;

/// One packet, lent from what came in. A packet in base64 is the exception, as it has to be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: the handshake; clients have no use for it.
    Open,
    /// `1`: the client ends the session.
    Close,
    /// `2`: a ping; with `probe` it begins an upgrade.
    Ping(&'a str),
    /// `3`: a pong.
    Pong,
    /// `4`: a text message.
    Text(&'a str),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// `5`: the client goes over to the WebSocket that it has probed.
    Upgrade,
    /// `6`: nothing.
    Noop,
}

impl<'a> Packet<'a> {
    /// Reads a message of a WebSocket.
    ///
    /// # Errors
    /// When the peer sent what is no packet of the protocol.
    pub fn decode(revision: Revision, message: Incoming<'a>) -> Result<Packet<'a>, PacketError> {
        match message {
            Incoming::Text(text) => Packet::decode_text(revision, text),
            Incoming::Binary(bytes) => Packet::decode_binary(revision, bytes),
        }
    }

    /// Reads a text packet: a digit for the type and what it carries, or `b` and a binary message in base64, to which
    /// protocol 3 adds the type.
    ///
    /// # Errors
    /// As [`decode`](Packet::decode).
    pub fn decode_text(revision: Revision, text: &'a str) -> Result<Packet<'a>, PacketError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(PacketError::Empty)?;
        let rest = chars.as_str();
        match kind {
            '0' => Ok(Packet::Open),
            '1' => Ok(Packet::Close),
            '2' => Ok(Packet::Ping(rest)),
            '3' => Ok(Packet::Pong),
            '4' => Ok(Packet::Text(rest)),
            '5' => Ok(Packet::Upgrade),
            '6' => Ok(Packet::Noop),
            'b' => {
                let encoded = match revision {
                    Revision::Three => rest.strip_prefix('4').ok_or(PacketError::NotAMessage)?,
                    Revision::Four => rest,
                };
                let bytes = BASE64.decode(encoded);
                Ok(Packet::Binary(Cow::Owned(
                    bytes.map_err(|_| PacketError::NotBase64)?,
                )))
            }
            unknown => Err(PacketError::UnknownType(unknown)),
        }
    }

    /// Reads a binary packet: the message itself; with protocol 3 its type comes first.
    ///
    /// # Errors
    /// As [`decode`](Packet::decode).
    pub fn decode_binary(revision: Revision, bytes: &'a [u8]) -> Result<Packet<'a>, PacketError> {
        match (revision, bytes) {
            (Revision::Four, _) => Ok(Packet::Binary(Cow::Borrowed(bytes))),
            (Revision::Three, [MESSAGE_BYTE, message @ ..]) => {
                Ok(Packet::Binary(Cow::Borrowed(message)))
            }
            (Revision::Three, []) => Err(PacketError::Empty),
            (Revision::Three, _) => Err(PacketError::NotAMessage),
        }
    }
}

/// What a peer sent is no packet of Engine.IO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Not even a type.
    #[error("the peer sent an empty packet")]
    Empty,
    /// The first character is no type.
    #[error("the peer sent a packet of the unknown type {0:?}")]
    UnknownType(char),
    /// A binary packet of a type that carries no bytes.
    #[error("the peer sent a binary packet that is no message")]
    NotAMessage,
    /// What follows `b` is not base64.
    #[error("the peer sent a binary packet that is not base64")]
    NotBase64,
    /// A ping of a client of protocol 4, or a pong of one of protocol 3.
    #[error("the peer sent a heartbeat in the wrong direction")]
    HeartbeatDirection,
}

/// Clients leave the padding away now and then, and the original does not mind.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests;
