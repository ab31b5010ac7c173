//! The texts of the protocol: JSON objects with an `action`.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::destination::Destination;
use crate::error::ProtocolError;

/// How much of what the server made up is kept for an error.
const QUOTED_CHARS_MAX: usize = 64;

/// What a client says that carries a message.
#[derive(Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Said<'a, M> {
    Send {
        dest: &'a Destination,
        message: &'a M,
        #[serde(skip_serializing_if = "Option::is_none")]
        ack: Option<&'a str>,
    },
    Answer {
        ack: &'a Value,
        message: &'a M,
    },
}

pub(crate) fn register(id: &str) -> String {
    serde_json::json!({"action": "register", "id": id}).to_string()
}

pub(crate) fn unregister() -> String {
    serde_json::json!({"action": "unregister"}).to_string()
}

pub(crate) fn send<M: Serialize>(
    dest: &Destination,
    message: &M,
    ack: Option<&str>,
) -> serde_json::Result<String> {
    serde_json::to_string(&Said::Send { dest, message, ack })
}

pub(crate) fn answer<M: Serialize>(ack: &Value, message: &M) -> serde_json::Result<String> {
    serde_json::to_string(&Said::Answer { ack, message })
}

/// What a server says.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Registered {
        id: String,
    },
    Unregistered {
        id: String,
    },
    Message {
        message: Value,
        from: Option<String>,
        ack: Option<Value>,
    },
    Answer {
        ack: String,
        message: Value,
        from: Option<String>,
    },
}

pub(crate) fn decode(text: &str) -> Result<Heard, ProtocolError> {
    let frame = serde_json::from_str(text).map_err(ProtocolError::NotJson)?;
    let Value::Object(mut frame) = frame else {
        return Err(ProtocolError::NoAction);
    };
    let Some(Value::String(action)) = frame.remove("action") else {
        return Err(ProtocolError::NoAction);
    };
    match action.as_str() {
        "registered" => Ok(Heard::Registered {
            id: id(&mut frame, "id").ok_or_else(|| missing("registered", "id"))?,
        }),
        "unregistered" => Ok(Heard::Unregistered {
            id: id(&mut frame, "id").ok_or_else(|| missing("unregistered", "id"))?,
        }),
        "message" => Ok(Heard::Message {
            message: frame
                .remove("message")
                .ok_or_else(|| missing("message", "message"))?,
            from: id(&mut frame, "from"),
            ack: frame.remove("ack").filter(is_truthy),
        }),
        "answer" => match frame.remove("ack") {
            Some(Value::String(ack)) => Ok(Heard::Answer {
                ack,
                message: frame.remove("message").unwrap_or_default(),
                from: id(&mut frame, "from"),
            }),
            // Requests of ours are named by strings.
            Some(_) | None => Err(missing("answer", "ack")),
        },
        unknown => Err(ProtocolError::UnknownAction(quoted(unknown))),
    }
}

/// What an answer answers that [`decode`] takes for no JSON. Other clients can write what no [`Value`] holds (half a surrogate
/// pair, a number beyond all bounds, a value nested too deep), and whoever waits for it has to know.
pub(crate) fn unreadable_answer(text: &str) -> Option<String> {
    let members: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let string = |name| -> Option<String> {
        let member: &&RawValue = members.get(name)?;
        serde_json::from_str(member.get()).ok()
    };
    (string("action")? == "answer").then(|| string("ack"))?
}

/// Enough of a text to recognise it.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

fn missing(action: &'static str, field: &'static str) -> ProtocolError {
    ProtocolError::Missing { action, field }
}

/// An id may have been registered as any JSON, and is echoed as it was given.
fn id(frame: &mut Map<String, Value>, field: &str) -> Option<String> {
    match frame.remove(field)? {
        Value::String(id) => Some(id),
        Value::Null => None,
        id @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some(id.to_string())
        }
    }
}

/// As JavaScript has it: the original server passes an `ack` on as it came, and its client looks at it in this way.
fn is_truthy(ack: &Value) -> bool {
    match ack {
        Value::Null => false,
        Value::Bool(is_true) => *is_true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests;
