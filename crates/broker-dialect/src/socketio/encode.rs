//! Packets towards clients. Each is written once, for all receivers in a namespace, whatever their transport.

use std::borrow::Cow;

use broker_core::{Message, json};
use serde_json::value::RawValue;

use super::engine::{Encoded, MESSAGE_BYTE, Revision};
use super::event::{self, Args};
use super::{ATTACHMENTS_MAX, binary};

/// Why a message of the backend's can't be sent to clients of Socket.IO: the backend's fault in every case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message is not JSON.
    #[error("the message is not JSON")]
    NotJson,
    /// The arguments are not a JSON list.
    #[error("`args` must be a list")]
    NotAList,
    /// An event under a name that means something else to clients.
    #[error("{0:?} is a reserved event name")]
    ReservedName(Box<str>),
    /// A `$binary` that is not base64.
    #[error("`$binary` must be base64")]
    NotBase64,
    /// More binary values than clients take.
    #[error("more than {limit} binary values")]
    TooManyAttachments {
        /// The limit.
        limit: usize,
    },
    /// An object that clients would take for the place of an attachment, beside binary values. Of none that is there they
    /// end the connection.
    #[error("`_placeholder` beside binary values")]
    Placeholder,
    /// An `ack` that is no number.
    #[error("`ack` must be a whole number")]
    NotANumber,
    /// Arguments nested too deep to look for `$binary` in.
    #[error("the message is nested too deep")]
    TooDeep,
}

impl From<EncodeError> for crate::EncodeError {
    fn from(error: EncodeError) -> crate::EncodeError {
        crate::EncodeError(Cow::Owned(error.to_string()))
    }
}

/// What a backend's `send` becomes. An object with `args` is an event of its `type` with those arguments. Anything else is
/// the only argument of an event that has its string `type` for a name, or `message`. Text and bytes are arguments of `message`.
/// An object with `args` may have an `ack` too, the number by which the client is to acknowledge it.
///
/// # Errors
/// When the message can't be sent as an event.
pub(super) fn message(namespace: &str, message: &Message) -> Result<Encoded, EncodeError> {
    match message {
        Message::Json(text) => {
            let text = std::str::from_utf8(text).map_err(|_| EncodeError::NotJson)?;
            json_message(namespace, text.trim())
        }
        Message::Text(text) => {
            let mut argument = Vec::with_capacity(text.len() + 2);
            json::write_string(&mut argument, &String::from_utf8_lossy(text));
            let argument = String::from_utf8(argument).unwrap_or_default();
            Ok(packet(
                Kind::EVENT,
                namespace,
                None,
                Some(MESSAGE),
                &argument,
                Vec::new(),
            ))
        }
        Message::Binary(bytes) => {
            let mut attachment = Vec::with_capacity(bytes.len() + 1);
            attachment.push(MESSAGE_BYTE);
            attachment.extend_from_slice(bytes);
            let argument = r#"{"_placeholder":true,"num":0}"#;
            Ok(packet(
                Kind::EVENT,
                namespace,
                None,
                Some(MESSAGE),
                argument,
                vec![attachment],
            ))
        }
    }
}

/// The name of an event that was given none.
const MESSAGE: &str = "message";

fn json_message(namespace: &str, text: &str) -> Result<Encoded, EncodeError> {
    let members = json::members(text).map_err(|_| EncodeError::NotJson)?;
    let member = |name| members.as_ref().and_then(|members| members.last(name));
    let name = member("type").and_then(json::string);
    match (&name, member("args").filter(|args| args.starts_with('['))) {
        (Some(name), Some(args)) => {
            let ack = member("ack").map(str::parse).transpose();
            let ack = ack.map_err(|_| EncodeError::NotANumber)?;
            event(namespace, name, args, ack)
        }
        _ => {
            let name = name.unwrap_or(Cow::Borrowed(MESSAGE));
            emit(namespace, &name, text, None)
        }
    }
}

/// An event with these arguments, a JSON list. With `ack` the client is asked to acknowledge it by that number.
///
/// # Errors
/// When it can't be sent as an event.
pub(super) fn event(
    namespace: &str,
    name: &str,
    args: &str,
    ack: Option<u64>,
) -> Result<Encoded, EncodeError> {
    let args = list(args)?;
    emit(namespace, name, args.elements(), ack)
}

/// The answer to an event that the client wanted acknowledged: its number, and arguments as a JSON list.
///
/// # Errors
/// When the arguments are not a list, or hold binary values that can't be sent.
pub(super) fn acknowledgement(
    namespace: &str,
    ack: u64,
    args: &str,
) -> Result<Encoded, EncodeError> {
    let args = list(args)?;
    let (elements, attachments) = binary::extract(args.elements(), ATTACHMENTS_MAX)?;
    Ok(packet(
        Kind::ACK,
        namespace,
        Some(ack),
        None,
        &elements,
        attachments,
    ))
}

/// The client has entered; `sid` becomes its `socket.id`. Old clients are told no id, as they take that of the handshake.
#[must_use]
pub(super) fn entered(revision: Revision, namespace: &str, sid: &str) -> Encoded {
    let mut text = begin(b"0", namespace);
    if revision == Revision::Four {
        text.extend_from_slice(br#"{"sid":"#);
        json::write_string(&mut text, sid);
        text.push(b'}');
    }
    Encoded::text(text)
}

/// The client may not enter: what becomes its `connect_error`. `details` is JSON, what the original has as `err.data`;
/// old clients are told it alone, or else the message.
#[must_use]
pub(super) fn refused(
    revision: Revision,
    namespace: &str,
    message: &str,
    details: Option<&str>,
) -> Encoded {
    let mut text = begin(b"4", namespace);
    let details = details.filter(|details| serde_json::from_str::<&RawValue>(details).is_ok());
    match (revision, details) {
        (Revision::Three, None) => json::write_string(&mut text, message),
        (Revision::Three, Some(details)) => text.extend_from_slice(details.as_bytes()),
        (Revision::Four, details) => {
            text.extend_from_slice(br#"{"message":"#);
            json::write_string(&mut text, message);
            if let Some(details) = details {
                text.extend_from_slice(br#","data":"#);
                text.extend_from_slice(details.as_bytes());
            }
            text.push(b'}');
        }
    }
    Encoded::text(text)
}

/// The client is out of the namespace.
#[must_use]
pub(super) fn left(namespace: &str) -> Encoded {
    Encoded::text(begin(b"1", namespace))
}

fn list(text: &str) -> Result<Args<'_>, EncodeError> {
    let value: &RawValue = serde_json::from_str(text).map_err(|_| EncodeError::NotAList)?;
    if !value.get().starts_with('[') {
        return Err(EncodeError::NotAList);
    }
    Ok(Args::of_list(value.get()))
}

fn emit(
    namespace: &str,
    name: &str,
    elements: &str,
    ack: Option<u64>,
) -> Result<Encoded, EncodeError> {
    if event::is_reserved(name) {
        return Err(EncodeError::ReservedName(name.into()));
    }
    let (elements, attachments) = binary::extract(elements, ATTACHMENTS_MAX)?;
    Ok(packet(
        Kind::EVENT,
        namespace,
        ack,
        Some(name),
        &elements,
        attachments,
    )
    .asking(ack))
}

/// The digit of a packet without attachments, and of the same with some.
struct Kind(&'static [u8], &'static str);

impl Kind {
    const EVENT: Kind = Kind(b"2", "5");
    const ACK: Kind = Kind(b"3", "6");
}

fn packet(
    Kind(plain, binary): Kind,
    namespace: &str,
    id: Option<u64>,
    name: Option<&str>,
    elements: &str,
    attachments: Vec<Vec<u8>>,
) -> Encoded {
    let mut text = match attachments.len() {
        0 => begin(plain, namespace),
        count => begin(format!("{binary}{count}-").as_bytes(), namespace),
    };
    if let Some(id) = id {
        text.extend_from_slice(id.to_string().as_bytes());
    }
    text.push(b'[');
    if let Some(name) = name {
        json::write_string(&mut text, name);
        if !elements.is_empty() {
            text.push(b',');
        }
    }
    text.extend_from_slice(elements.as_bytes());
    text.push(b']');
    Encoded::with_typed_attachments(text, attachments)
}

/// The Engine.IO type of a message, the packet's own type, and the namespace unless it is `/`.
fn begin(kind: &[u8], namespace: &str) -> Vec<u8> {
    let mut text = b"4".to_vec();
    text.extend_from_slice(kind);
    if namespace != "/" {
        text.extend_from_slice(namespace.as_bytes());
        text.push(b',');
    }
    text
}

#[cfg(test)]
mod tests;
