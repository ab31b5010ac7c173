//! A client's message, and the prefix that keeps it from passing for an event of the broker's own.

use crate::form;
use crate::json::{self, JsonError, Members};
use crate::request::Ack;

/// What a client sent, as JSON, before its `type` gets the prefix `client-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientMessage {
    text: Box<str>,
    /// Where the value of `type` stands in `text`.
    ///
    /// Invariant: an object of one top-level `type` has `At`, one of none `Absent`, one of several has been rewritten
    /// with one. All else is `NotAnObject`.
    kind: TypePlace,
    /// By what the backend may answer it.
    ack: Option<Ack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypePlace {
    NotAnObject,
    Absent { is_empty: bool },
    At { start: u32, end: u32 },
}

const PREFIX: &str = "client-";

impl ClientMessage {
    /// Reads a message; any JSON value is one.
    ///
    /// # Errors
    /// When `text` is not JSON, or is 4 GiB or longer.
    pub fn parse(text: &str) -> Result<ClientMessage, JsonError> {
        if u32::try_from(text.len()).is_err() {
            return Err(JsonError {
                what: "message of 4 GiB or more".into(),
                line: 1,
                column: 1,
            });
        }
        let Some(members) = json::members(text)? else {
            return Ok(ClientMessage {
                text: text.into(),
                kind: TypePlace::NotAnObject,
                ack: None,
            });
        };
        let mut types = members.0.iter().filter(|(name, _)| name == "type");
        match (types.next(), types.next()) {
            (None, _) => {
                let is_empty = members.0.is_empty();
                Ok(ClientMessage {
                    text: text.into(),
                    kind: TypePlace::Absent { is_empty },
                    ack: None,
                })
            }
            (Some((_, value)), None) => {
                // The value was cut out of `text`, so its place is the distance of the two.
                let start = value.get().as_ptr() as usize - text.as_ptr() as usize;
                let end = start + value.get().len();
                Ok(ClientMessage {
                    text: text.into(),
                    kind: TypePlace::At {
                        start: start as u32,
                        end: end as u32,
                    },
                    ack: None,
                })
            }
            (Some(_), Some(_)) => ClientMessage::parse(&with_last_type_only(&members)),
        }
    }

    /// The message as the client wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The message as one that the backend may answer with this ack. Only an object can show it.
    pub(crate) fn asking(self, ack: Ack) -> ClientMessage {
        ClientMessage {
            ack: Some(ack),
            ..self
        }
    }

    /// Appends the message as the backend is to see it.
    ///
    /// In an object, `type` gets the prefix `client-` unless it has it; an absent or falsy one becomes
    /// `client-message`; one that is no string is taken in its JavaScript string form. Other values stay as they are. An
    /// object that wants an answer has the field `ack` at its end.
    pub fn write_prefixed(&self, out: &mut Vec<u8>) {
        match self.kind {
            TypePlace::NotAnObject => out.extend_from_slice(self.text.as_bytes()),
            TypePlace::Absent { is_empty } => {
                let end = self.text.rfind('}').unwrap_or(self.text.len());
                out.extend_from_slice(&self.text.as_bytes()[..end]);
                out.extend_from_slice(if is_empty { b"" } else { b"," });
                out.extend_from_slice(br#""type":"client-message"}"#);
            }
            TypePlace::At { start, end } => {
                let (start, end) = (start as usize, end as usize);
                out.extend_from_slice(&self.text.as_bytes()[..start]);
                write_prefixed_type(out, &self.text[start..end]);
                out.extend_from_slice(&self.text.as_bytes()[end..]);
            }
        }
        if let Some(ack) = self.ack
            && self.kind != TypePlace::NotAnObject
            && let Some(brace) = out.iter().rposition(|&byte| byte == b'}')
        {
            out.truncate(brace);
            out.extend_from_slice(format!(r#","ack":"{ack}"}}"#).as_bytes());
        }
    }
}

fn write_prefixed_type(out: &mut Vec<u8>, value: &str) {
    // The common case is spliced without being decoded.
    if let Some(inner) = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        && !inner.contains('\\')
        && !inner.is_empty()
    {
        out.push(b'"');
        if !inner.starts_with(PREFIX) {
            out.extend_from_slice(PREFIX.as_bytes());
        }
        out.extend_from_slice(inner.as_bytes());
        out.push(b'"');
        return;
    }
    let name = form::js_string(value);
    if form::is_falsy(value) {
        json::write_string(out, "client-message");
    } else if name.starts_with(PREFIX) {
        json::write_string(out, &name);
    } else {
        json::write_string(out, &format!("{PREFIX}{name}"));
    }
}

/// Writes an object again with the last `type` in the first one's place, which is what JavaScript makes of it.
fn with_last_type_only(members: &Members<'_>) -> String {
    let last = members.last("type").unwrap_or("null");
    let mut has_type = false;
    json::object(members.0.iter().filter_map(|(name, value)| {
        if name != "type" {
            return Some((name, value.get()));
        }
        let is_first = !std::mem::replace(&mut has_type, true);
        is_first.then_some((name, last))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &str, seen_by_backend: &str) {
        let mut out = Vec::new();
        ClientMessage::parse(sent).unwrap().write_prefixed(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), seen_by_backend, "{sent}");
    }

    #[test]
    fn a_type_gets_the_prefix_once() {
        check(r#"{"type":"say","n":1}"#, r#"{"type":"client-say","n":1}"#);
        check(
            r#" { "n" : 1.00, "type" : "say" } "#,
            r#" { "n" : 1.00, "type" : "client-say" } "#,
        );
        check(r#"{"type":"client-say"}"#, r#"{"type":"client-say"}"#);
        check(
            r#"{"type":"Client-say"}"#,
            r#"{"type":"client-Client-say"}"#,
        );
        check(r#"{"type":"client"}"#, r#"{"type":"client-client"}"#);
        check(r#"{"type":"a\"b"}"#, r#"{"type":"client-a\"b"}"#);
    }

    #[test]
    fn an_absent_or_falsy_type_becomes_client_message() {
        check("{}", r#"{"type":"client-message"}"#);
        check(r#"{"a":"}"} "#, r#"{"a":"}","type":"client-message"}"#);
        for falsy in ["\"\"", "0", "-0", "0.0", "null", "false", "1e-999"] {
            check(
                &format!(r#"{{"type":{falsy}}}"#),
                r#"{"type":"client-message"}"#,
            );
        }
    }

    #[test]
    fn a_type_that_is_no_string_is_taken_in_its_string_form() {
        check(r#"{"type":5}"#, r#"{"type":"client-5"}"#);
        check(r#"{"type":{}}"#, r#"{"type":"client-[object Object]"}"#);
        check(r#"{"type":[1,[2,null]]}"#, r#"{"type":"client-1,2,"}"#);
        check(r#"{"type":true}"#, r#"{"type":"client-true"}"#);
    }

    #[test]
    fn no_client_can_pass_for_the_broker() {
        check(
            r#"{"type":"session-connect"}"#,
            r#"{"type":"client-session-connect"}"#,
        );
        check(
            r#"{"\u0074ype":"session-connect"}"#,
            r#"{"\u0074ype":"client-session-connect"}"#,
        );
        check(r#"{"type":"\u0063lient-x"}"#, r#"{"type":"client-x"}"#);
        check(
            r#"{"type":"a","x":[{"type":"b"}],"\u0074ype":"session-disconnect"}"#,
            r#"{"type":"client-session-disconnect","x":[{"type":"b"}]}"#,
        );
    }

    #[test]
    fn what_is_no_object_passes_as_it_is() {
        for text in [
            "null",
            "[1,{\"type\":\"a\"}]",
            "\"session-connect\"",
            "12345678901234567890.10",
            "true",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        for text in ["", "hello", "{", "{\"a\":}", "[1,]", "1 2"] {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }
}
