//! Lines for machines: one JSON object each.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::record::{Record, Value};
use super::text;

/// The record as one line, with its line break.
pub(crate) fn line(record: &Record) -> String {
    // A map of texts and numbers always serialises.
    let json = serde_json::to_string(record).unwrap_or_default();
    let mut line = text::escape_json(&json);
    line.push('\n');
    line
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ts", &self.time.to_string())?;
        map.serialize_entry("level", self.level.as_str())?;
        map.serialize_entry(
            "event",
            if self.event.is_empty() {
                "note"
            } else {
                &self.event
            },
        )?;
        map.serialize_entry("msg", &self.message)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => number.serialize(serializer),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
        }
    }
}
