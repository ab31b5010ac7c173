//! Binary arguments: placeholders on the wire, `{"$binary":"<base64>"}` towards the backend.

mod objects;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::objects::{Object, TooDeep, for_each_object};
use super::engine::MESSAGE_BYTE;
use super::{AttachmentError, EncodeError};

impl From<TooDeep> for AttachmentError {
    fn from(_: TooDeep) -> AttachmentError {
        AttachmentError::TooDeep
    }
}

impl From<TooDeep> for EncodeError {
    fn from(_: TooDeep) -> EncodeError {
        EncodeError::TooDeep
    }
}

/// Puts attachments in the places of their placeholders. `elements` is JSON text.
///
/// An attachment may stand in one place only: else a short packet could ask for very much memory.
pub(super) fn restore(elements: &str, attachments: &[Vec<u8>]) -> Result<String, AttachmentError> {
    let encoded: usize = attachments
        .iter()
        .map(|bytes| bytes.len() / 3 * 4 + 24)
        .sum();
    let mut out = String::with_capacity(elements.len() + encoded);
    let mut is_used = vec![false; attachments.len()];
    let keys = ["_placeholder", "num"];
    for_each_object(elements, keys, &mut out, |object, out| {
        let [Some("true"), number] = object.values else {
            return Ok(());
        };
        let number: usize = number
            .and_then(|digits| digits.parse().ok())
            .ok_or(AttachmentError::NoSuchAttachment)?;
        let bytes = attachments
            .get(number)
            .ok_or(AttachmentError::NoSuchAttachment)?;
        if std::mem::replace(&mut is_used[number], true) {
            return Err(AttachmentError::Repeated);
        }
        out.truncate(object.start);
        out.push_str(r#"{"$binary":""#);
        BASE64.encode_string(bytes, out);
        out.push_str("\"}");
        Ok(())
    })?;
    Ok(out)
}

/// Takes binary arguments out: the text with placeholders, and attachments that begin with [`MESSAGE_BYTE`] each.
/// `elements` is JSON text.
pub(super) fn extract(
    elements: &str,
    attachments_max: usize,
) -> Result<(Cow<'_, str>, Vec<Vec<u8>>), EncodeError> {
    // The name may be written with escapes, and then nothing short of reading it tells.
    if !elements.contains("$binary") && !elements.contains("\\u") {
        return Ok((Cow::Borrowed(elements), Vec::new()));
    }
    let mut out = String::with_capacity(elements.len());
    let mut attachments: Vec<Vec<u8>> = Vec::new();
    let mut has_placeholder = false;
    let keys = ["$binary", "_placeholder"];
    for_each_object(elements, keys, &mut out, |object, out| {
        let Some(base64) = binary(&object) else {
            has_placeholder |= object.values[1] == Some("true");
            return Ok(());
        };
        if attachments.len() == attachments_max {
            return Err(EncodeError::TooManyAttachments {
                limit: attachments_max,
            });
        }
        let mut packet = vec![MESSAGE_BYTE];
        let decoded = BASE64.decode_vec(base64.as_bytes(), &mut packet);
        decoded.map_err(|_| EncodeError::NotBase64)?;
        out.truncate(object.start);
        let number = attachments.len();
        out.push_str(&format!(r#"{{"_placeholder":true,"num":{number}}}"#));
        attachments.push(packet);
        Ok(())
    })?;
    // Without attachments the packet is of a kind in which clients look for none.
    if has_placeholder && !attachments.is_empty() {
        return Err(EncodeError::Placeholder);
    }
    Ok((Cow::Owned(out), attachments))
}

/// The base64 of an object that has `$binary` alone, as a string.
fn binary<'a>(object: &Object<'a>) -> Option<Cow<'a, str>> {
    let text = object.values[0]?;
    let is_alone = object.members == 1;
    // `/` may be written as `\/`, as PHP does.
    is_alone.then(|| broker_core::json::string(text)).flatten()
}

#[cfg(test)]
mod tests;
