//! The two forms of protocol 3, in which each packet follows its length.

use std::borrow::Cow;
use std::str;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::PayloadError;
use crate::Incoming;
use crate::socketio::engine::Encoded;

/// How many digits a length has at most: those of 4 GiB.
const LENGTH_DIGITS_MAX: usize = 10;

/// The first packet of the text form, `length:packet…`, and what follows it. A packet of no length carries nothing, and
/// the original passes over it.
pub(super) fn first_text(mut body: &str) -> Option<Result<(&str, &str), PayloadError>> {
    while !body.is_empty() {
        match split_text(body) {
            Ok(("", rest)) => body = rest,
            split => return Some(split),
        }
    }
    None
}

fn split_text(body: &str) -> Result<(&str, &str), PayloadError> {
    let (digits, rest) = body.split_once(':').ok_or(PayloadError::NotALength)?;
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || digits.len() > LENGTH_DIGITS_MAX {
        return Err(PayloadError::NotALength);
    }
    let units: usize = digits.parse().map_err(|_| PayloadError::NotALength)?;
    let end = end_of_units(rest, units)?;
    Ok(rest.split_at(end))
}

/// Where so many UTF-16 code units of `text` end, in bytes.
fn end_of_units(text: &str, units: usize) -> Result<usize, PayloadError> {
    let mut left = units;
    for (place, character) in text.char_indices() {
        if left == 0 {
            return Ok(place);
        }
        left = left
            .checked_sub(character.len_utf16())
            .ok_or(PayloadError::NotALength)?;
    }
    if left > 0 {
        return Err(PayloadError::CutOff);
    }
    Ok(text.len())
}

/// The first packet of the binary form, and what follows it.
pub(super) fn first_binary(body: &[u8]) -> Option<Result<(Incoming<'_>, &[u8]), PayloadError>> {
    let (kind, rest) = body.split_first()?;
    Some(split_binary(*kind, rest))
}

const TEXT_KIND: u8 = 0;
const BINARY_KIND: u8 = 1;
const LENGTH_END: u8 = 0xff;

fn split_binary(kind: u8, body: &[u8]) -> Result<(Incoming<'_>, &[u8]), PayloadError> {
    let digits = body.iter().take_while(|digit| **digit != LENGTH_END);
    let count = digits.clone().take(LENGTH_DIGITS_MAX + 1).count();
    if count == 0 || count > LENGTH_DIGITS_MAX || count == body.len() {
        return Err(PayloadError::NotALength);
    }
    let mut length = 0_usize;
    for digit in digits {
        if *digit > 9 {
            return Err(PayloadError::NotALength);
        }
        length = length
            .checked_mul(10)
            .and_then(|length| length.checked_add(usize::from(*digit)))
            .ok_or(PayloadError::NotALength)?;
    }
    let (packet, rest) = body[count + 1..]
        .split_at_checked(length)
        .ok_or(PayloadError::CutOff)?;
    let packet = match kind {
        TEXT_KIND => Incoming::Text(str::from_utf8(packet).map_err(|_| PayloadError::NotUtf8)?),
        BINARY_KIND => Incoming::Binary(packet),
        unknown => return Err(PayloadError::UnknownKind(unknown)),
    };
    Ok((packet, rest))
}

/// Writes the text form in ASCII alone: clients 1.x decode it once more than those of 2.x do, and agree on nothing else.
pub(super) fn write_text(out: &mut Vec<u8>, message: &Encoded) {
    let text = String::from_utf8_lossy(message.text_packet());
    let escaped = escaped(&text);
    let units: usize = escaped.chars().map(char::len_utf16).sum();
    out.extend_from_slice(format!("{units}:{escaped}").as_bytes());
    for attachment in message.attachments() {
        let encoded = BASE64.encode(attachment);
        out.extend_from_slice(format!("{}:b4{encoded}", encoded.len() + 2).as_bytes());
    }
}

/// The packet with the JSON in it written in ASCII. Outside of strings JSON has nothing else, and in them everything has
/// an escape. The name of a namespace has none, so it stays.
fn escaped(text: &str) -> Cow<'_, str> {
    let json = json_of(text);
    if json.is_ascii() {
        return Cow::Borrowed(text);
    }
    let (head, _) = text.split_at(text.len() - json.len());
    let mut out = head.to_owned();
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(out)
}

/// What stands behind the namespace, if there is one. Types, numbers and ids are ASCII as it is.
fn json_of(text: &str) -> &str {
    let rest =
        text.trim_start_matches(|character: char| character.is_ascii_digit() || character == '-');
    match rest.strip_prefix('/') {
        Some(namespace) => namespace.split_once(',').unwrap_or_default().1,
        None => rest,
    }
}

pub(super) fn write_binary(out: &mut Vec<u8>, message: &Encoded) {
    write_part(out, TEXT_KIND, message.text_packet());
    for packet in message.typed_attachments() {
        write_part(out, BINARY_KIND, packet);
    }
}

fn write_part(out: &mut Vec<u8>, kind: u8, packet: &[u8]) {
    out.push(kind);
    let length = packet.len().to_string();
    out.extend(length.bytes().map(|digit| digit - b'0'));
    out.push(LENGTH_END);
    out.extend_from_slice(packet);
}
