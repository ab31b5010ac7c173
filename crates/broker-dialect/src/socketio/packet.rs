//! Socket.IO packets as clients send them: the text that an Engine.IO message carries.
//!
//! `type [attachments "-"] [namespace ","] [id] [JSON]`, the type a digit. The same decoder serves clients of all ages,
//! as in the original: what the old ones send is a part of what protocol 5 has.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::event::{self, Args, Event};

/// One packet, lent from what came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// The namespace as it was sent, `/` where none was. Old clients append a query when they connect.
    pub namespace: &'a str,
    /// What it says.
    pub kind: Kind<'a>,
}

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// `0`, CONNECT: the peer wants to enter a namespace, or says that we may.
    Connect {
        /// A JSON object, if there is one: what the client gives as `auth`.
        payload: Option<&'a str>,
    },
    /// `1`, DISCONNECT: the peer leaves a namespace.
    Disconnect,
    /// `2`, EVENT.
    Event {
        /// The event.
        event: Event<'a>,
        /// The number by which the peer wants it acknowledged.
        id: Option<u64>,
    },
    /// `3`, ACK.
    Ack {
        /// Which event it acknowledges.
        id: u64,
        /// What it answers.
        args: Args<'a>,
    },
    /// `4`, CONNECT_ERROR, which old clients call ERROR: the peer may not enter.
    ConnectError,
    /// `5`, BINARY_EVENT: an event with placeholders, before its attachments.
    BinaryEvent {
        /// How many attachments follow; at least one.
        attachments: usize,
        /// The event.
        event: Event<'a>,
        /// As with EVENT.
        id: Option<u64>,
    },
    /// `6`, BINARY_ACK: an acknowledgement with placeholders, before its attachments.
    BinaryAck {
        /// How many attachments follow; at least one.
        attachments: usize,
        /// As with ACK.
        id: u64,
        /// As with ACK.
        args: Args<'a>,
    },
}

/// What a peer sent is no packet of Socket.IO. The original closes the connection, and so is done here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PacketError {
    /// Not even a type.
    #[error("the peer sent an empty packet")]
    Empty,
    /// The first character is no type.
    #[error("the peer sent a packet of the unknown type {0:?}")]
    UnknownType(char),
    /// A binary packet does not say how many attachments follow, or says none.
    #[error("the peer sent a binary packet without the number of its attachments")]
    NoAttachments,
    /// More attachments than the limit.
    #[error("a packet with more than {limit} attachments")]
    TooManyAttachments {
        /// The limit.
        limit: usize,
    },
    /// An id past 64 bits.
    #[error("the peer sent an id that is too large")]
    IdTooLarge,
    /// An acknowledgement that does not say of what.
    #[error("the peer sent an acknowledgement without an id")]
    NoId,
    /// The payload is not JSON.
    #[error("the peer sent a payload that is not JSON")]
    NotJson,
    /// The payload is JSON, but not what the type of the packet asks for.
    #[error("the peer sent a payload that is not {expected}")]
    Payload {
        /// What it ought to be.
        expected: &'static str,
    },
    /// An event under a name that means something else.
    #[error("the peer sent an event of the reserved name {0:?}")]
    ReservedName(Box<str>),
}

impl<'a> Packet<'a> {
    /// Reads a packet of at most `attachments_max` attachments.
    ///
    /// # Errors
    /// When the peer sent what is no packet.
    pub(super) fn decode(text: &'a str, attachments_max: usize) -> Result<Packet<'a>, PacketError> {
        let mut chars = text.chars();
        let kind = chars.next().ok_or(PacketError::Empty)?;
        let (attachments, rest) = match kind {
            '5' | '6' => split_attachments(chars.as_str(), attachments_max)?,
            _ => (0, chars.as_str()),
        };
        let (namespace, rest) = split_namespace(rest);
        let (id, payload) = split_id(rest)?;
        let payload = Some(payload).filter(|payload| !payload.is_empty());
        let kind = match kind {
            '0' => Kind::Connect {
                payload: payload
                    .map(|text| json(text, &['{'], "an object"))
                    .transpose()?,
            },
            '1' if payload.is_some() => {
                return Err(PacketError::Payload { expected: "absent" });
            }
            '1' => Kind::Disconnect,
            '2' => Kind::Event {
                event: event(payload)?,
                id,
            },
            '3' => Kind::Ack {
                id: id.ok_or(PacketError::NoId)?,
                args: args(payload)?,
            },
            '4' => {
                if let Some(payload) = payload {
                    json(payload, &['{', '"'], "an object or a string")?;
                }
                Kind::ConnectError
            }
            '5' => Kind::BinaryEvent {
                attachments,
                event: event(payload)?,
                id,
            },
            '6' => Kind::BinaryAck {
                attachments,
                id: id.ok_or(PacketError::NoId)?,
                args: args(payload)?,
            },
            unknown => return Err(PacketError::UnknownType(unknown)),
        };
        Ok(Packet { namespace, kind })
    }
}

fn split_attachments(text: &str, attachments_max: usize) -> Result<(usize, &str), PacketError> {
    let (digits, rest) = text.split_once('-').ok_or(PacketError::NoAttachments)?;
    let too_many = PacketError::TooManyAttachments {
        limit: attachments_max,
    };
    match number(digits) {
        None | Some(Some(0)) => Err(PacketError::NoAttachments),
        Some(None) => Err(too_many),
        Some(Some(count)) => match usize::try_from(count) {
            Ok(count) if count <= attachments_max => Ok((count, rest)),
            Ok(_) | Err(_) => Err(too_many),
        },
    }
}

/// The number that the digits write: none if they are none, and none within if it is past 64 bits.
fn number(digits: &str) -> Option<Option<u64>> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().ok())
}

fn split_namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    text.split_once(',').unwrap_or((text, ""))
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), PacketError> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(end);
    match number(digits) {
        None => Ok((None, rest)),
        Some(Some(id)) => Ok((Some(id), rest)),
        Some(None) => Err(PacketError::IdTooLarge),
    }
}

/// A payload that is JSON and begins as one of its kind does.
fn json<'a>(
    text: &'a str,
    beginnings: &[char],
    expected: &'static str,
) -> Result<&'a str, PacketError> {
    let value: &RawValue = serde_json::from_str(text).map_err(|_| PacketError::NotJson)?;
    let value = value.get();
    if value.starts_with(beginnings) {
        Ok(value)
    } else {
        Err(PacketError::Payload { expected })
    }
}

const LIST: &str = "a list";

fn event(payload: Option<&str>) -> Result<Event<'_>, PacketError> {
    const NAMED: PacketError = PacketError::Payload {
        expected: "a list that begins with a name",
    };
    let list = json(payload.ok_or(NAMED)?, &['['], LIST)?;
    let event = Event::of_list(list).ok_or(NAMED)?;
    if event::is_reserved(&event.name) {
        return Err(PacketError::ReservedName(
            Cow::into_owned(event.name).into(),
        ));
    }
    Ok(event)
}

fn args(payload: Option<&str>) -> Result<Args<'_>, PacketError> {
    let list = payload.ok_or(PacketError::Payload { expected: LIST })?;
    Ok(Args::of_list(json(list, &['['], LIST)?))
}

#[cfg(test)]
mod tests;
