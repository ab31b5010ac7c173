//! The fields of one command, each held to its kind.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{CommandError, Verb};
use crate::json::{self, Members};

/// How many names `fields` and `unset` may hold.
pub const COMMAND_NAMES_MAX: usize = 256;

/// The fields of one command; `null` counts as absent, except for what a `send` or a `log` carries.
pub(super) struct Fields<'a> {
    pub(super) command: &'static str,
    pub(super) members: &'a Members<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.members.last(name)?;
        (value != "null" || matches!(name, "message")).then_some(value)
    }

    pub(super) fn string(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, CommandError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => json::string(value)
                .map(Some)
                .ok_or_else(|| wrong(name, "a string")),
        }
    }

    pub(super) fn required_string(&self, name: &'static str) -> Result<Cow<'a, str>, CommandError> {
        self.string(name)?.ok_or_else(|| wrong(name, "a string"))
    }

    pub(super) fn strings(
        &self,
        name: &'static str,
    ) -> Result<Option<Vec<Box<str>>>, CommandError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let elements = json::elements(value).ok_or_else(|| wrong(name, "a list of strings"))?;
        if elements.len() > COMMAND_NAMES_MAX {
            return Err(wrong(name, "at most 256 strings"));
        }
        let read = |element: &&RawValue| json::string(element.get()).map(Box::from);
        let strings: Option<Vec<Box<str>>> = elements.iter().map(read).collect();
        strings
            .map(Some)
            .ok_or_else(|| wrong(name, "a list of strings"))
    }

    /// The names that the command has no use for.
    pub(super) fn unknown(&self, verb: &Verb) -> impl Iterator<Item = &'a str> {
        let own: &[&str] = match verb {
            Verb::Send(_) => &["message", "text", "binary"],
            Verb::Session { .. } => &["data", "unset"],
            Verb::Close { .. } => &["code", "reason"],
            Verb::List(_) => &["fields", "limit", "cursor"],
            Verb::Count { .. } => &["by"],
            Verb::Answer { .. } => &["ack", "message"],
            Verb::Log { .. } => &["text", "level"],
        };
        let names = self.members.0.iter().map(|(name, _)| &**name);
        names.filter(|name| !matches!(*name, "type" | "match" | "except") && !own.contains(name))
    }
}

pub(super) fn wrong(field: &'static str, wanted: &'static str) -> CommandError {
    CommandError::WrongField { field, wanted }
}
