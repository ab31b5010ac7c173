//! Events and their arguments, kept as the JSON text that they came as.

use std::borrow::Cow;

use broker_core::{form, json};
use serde_json::Deserializer;
use serde_json::value::RawValue;

/// An event: a name, and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    /// Its name; one that the client gave as a number is in JavaScript's form of it.
    pub name: Cow<'a, str>,
    /// Its arguments.
    pub args: Args<'a>,
}

impl<'a> Event<'a> {
    /// Takes the list that a packet carries apart. `list` is JSON; none if it does not begin with a name.
    pub(super) fn of_list(list: &'a str) -> Option<Event<'a>> {
        let Args(Cow::Borrowed(elements)) = Args::of_list(list) else {
            return None;
        };
        let mut stream = Deserializer::from_str(elements).into_iter::<&'a RawValue>();
        let first = stream.next()?.ok()?.get();
        let rest = elements.get(stream.byte_offset()..)?.trim_start();
        let name = match first.as_bytes().first()? {
            b'"' => json::string(first)?,
            b'-' | b'0'..=b'9' => form::js_string(first),
            _ => return None,
        };
        let rest = rest.strip_prefix(',').unwrap_or_default();
        Some(Event {
            name,
            args: Args(Cow::Borrowed(rest.trim())),
        })
    }

    /// The message that the backend is told, before the core puts on its prefix: the JSON object
    /// `{"type":"name","args":[…]}`.
    #[must_use]
    pub(super) fn to_message(&self) -> String {
        let mut text = br#"{"type":"#.to_vec();
        json::write_string(&mut text, &self.name);
        let mut text = String::from_utf8(text).unwrap_or_default();
        text.push_str(r#","args":["#);
        text.push_str(&self.args.0);
        text.push_str("]}");
        text
    }
}

/// Arguments: JSON values, as they were written.
///
/// Invariant: the elements of a JSON list as text, without its brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Args<'a>(Cow<'a, str>);

impl<'a> Args<'a> {
    /// The elements of `list`, which is a JSON list.
    pub(super) fn of_list(list: &'a str) -> Args<'a> {
        let inner = list
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Args(Cow::Borrowed(inner.unwrap_or_default().trim()))
    }

    /// What is already the text of elements.
    pub(super) fn of_elements(elements: String) -> Args<'a> {
        Args(Cow::Owned(elements))
    }

    /// The elements, separated by commas.
    #[must_use]
    pub(super) fn elements(&self) -> &str {
        &self.0
    }

    /// The JSON list.
    #[must_use]
    pub(super) fn to_list(&self) -> String {
        format!("[{}]", self.0)
    }
}

/// Whether a name means something else than an event, so that no event may have it: the same names as in the original.
#[must_use]
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];
