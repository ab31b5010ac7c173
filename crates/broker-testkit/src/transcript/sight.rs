//! What is seen of the broker, and whether a line says so.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use broker_dialect::Outgoing;
use serde_json::value::RawValue;

/// One thing that the broker did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// It told the backend of an event.
    Told {
        who: String,
        id: String,
        attempt: u32,
        message: String,
        connection: String,
    },
    /// Anything else, as the line that says so.
    Plain(String),
}

impl Sight {
    /// A message to clients.
    pub(super) fn heard(who: &str, message: &Outgoing) -> Sight {
        let text = match message {
            Outgoing::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Outgoing::Binary(bytes) => format!("<binary {}>", BASE64.encode(bytes)),
        };
        Sight::Plain(format!("{who} <- {text}").trim_end().to_owned())
    }

    /// Whether `line` says this.
    pub(super) fn is_said_by(&self, line: &str) -> bool {
        match self {
            Sight::Plain(text) => text == line,
            Sight::Told { who, .. } => line
                .strip_prefix(&format!("backend <- {who} "))
                .is_some_and(|rest| self.is_told_by(rest)),
        }
    }

    fn is_told_by(&self, mut rest: &str) -> bool {
        let Sight::Told {
            id,
            attempt,
            message,
            connection,
            ..
        } = self
        else {
            return false;
        };
        let mut tried = 1;
        if let Some((details, after)) = rest
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(") "))
        {
            rest = after;
            for detail in details.split(", ") {
                match detail.split_once(' ') {
                    Some(("try", number)) if number.parse() == Ok(*attempt) => tried = *attempt,
                    Some(("id", text)) if text == id => {}
                    _ => return false,
                }
            }
        }
        let values = serde_json::Deserializer::from_str(rest).into_iter::<Box<RawValue>>();
        let Ok(values) = values.collect::<Result<Vec<_>, _>>() else {
            return false;
        };
        let is_told = match &values[..] {
            [said] => said.get() == message,
            [said, info] => said.get() == message && info.get() == connection,
            _ => false,
        };
        is_told && tried == *attempt
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sight::Plain(text) => f.write_str(text),
            Sight::Told {
                who,
                attempt: 1,
                message,
                connection,
                ..
            } => write!(f, "backend <- {who} {message}  {connection}"),
            Sight::Told {
                who,
                attempt,
                message,
                connection,
                ..
            } => write!(
                f,
                "backend <- {who} (try {attempt}) {message}  {connection}"
            ),
        }
    }
}
