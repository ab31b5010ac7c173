//! JSON objects as the backend and clients are told them, read by other means than the broker's own.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in order: names decoded, values as they were written.
#[derive(Debug)]
pub(crate) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// # Panics
    /// When it is no JSON object.
    pub(crate) fn read(text: &[u8]) -> Object {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let object = reader.deserialize_map(Members).expect("an object");
        reader.end().expect("nothing behind it");
        object
    }

    /// The names, with those that stand twice.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The value of a name that stands at most once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.get());
        assert!(values.next().is_none(), "there are several {name}");
        value
    }

    /// The string of a name that stands once.
    pub(crate) fn string(&self, name: &str) -> String {
        let value = self.get(name).expect("a member of this name");
        serde_json::from_str(value).expect("a string")
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Object(members))
    }
}
