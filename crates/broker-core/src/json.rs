//! JSON kept as text: values are cut out and spliced, never read into a tree and written again, so that numbers keep
//! their digits and what is passed on is what was sent.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A text is not JSON: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line} column {column}")]
pub struct JsonError {
    /// What is wrong, in lower case.
    pub what: Box<str>,
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in bytes, from 1.
    pub column: usize,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> JsonError {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        JsonError {
            what: what.into(),
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Checks that `text` is one JSON value that can be read by anybody: nested at most 127 deep, every string good Unicode
/// (no lone surrogate), every number a finite double.
///
/// # Errors
/// Names the first fault and its place.
pub fn check(text: &[u8]) -> Result<(), JsonError> {
    serde_json::from_slice::<Sound>(text)?;
    Ok(())
}

/// Reads the members of a JSON object in order, names decoded, values left as text; none if `text` is no object.
///
/// # Errors
/// When `text` is not JSON.
pub fn members(text: &str) -> Result<Option<Members<'_>>, JsonError> {
    if !text.trim_start_matches(WHITE).starts_with('{') {
        serde_json::from_str::<&RawValue>(text)?;
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(text)?))
}

/// Reads the elements of a JSON array, each left as text; none if `text` is no array.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<&RawValue>> {
    if !text.trim_start_matches(WHITE).starts_with('[') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Reads a JSON string; none if `text` is something else.
#[must_use]
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(text).ok().map(Cow::Owned)
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing a string to a `Vec` has no way to fail.
    let _ = serde_json::to_writer(out, text);
}

/// Writes an object of these members: names as they read, values as JSON text.
#[must_use]
pub fn object<N: AsRef<str>, V: AsRef<str>>(members: impl IntoIterator<Item = (N, V)>) -> String {
    let mut out = vec![b'{'];
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        write_string(&mut out, name.as_ref());
        out.push(b':');
        out.extend_from_slice(value.as_ref().as_bytes());
    }
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The members of an object, in order: decoded name, value as text.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The value of the last member called `name`, as it would be read by a parser that lets the last one win.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.get())
    }

    /// Each name and where the last member of that name stands, in the order of names.
    pub(crate) fn last_places(&self) -> Vec<(&str, usize)> {
        let names = self.0.iter().enumerate();
        let mut places: Vec<(&str, usize)> =
            names.map(|(place, (name, _))| (&**name, place)).collect();
        places.sort_unstable();
        places.dedup_by(|later, kept| {
            let is_repeated = later.0 == kept.0;
            if is_repeated {
                kept.1 = later.1;
            }
            is_repeated
        });
        places
    }

    /// The first name that stands twice.
    #[must_use]
    pub fn duplicate(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// A member's name, borrowed from the text where it holds no escape.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// Any value, looked at and forgotten. Unlike `IgnoredAny` it decodes, and so refuses what cannot be decoded.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Sound)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sound, A::Error> {
        while seq.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sound, A::Error> {
        while map.next_entry::<Sound, Sound>()?.is_some() {}
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        check(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn unsound_json_is_refused_with_its_place() {
        assert_eq!(fault("[1,\n 2,,3]"), "expected value at line 2 column 4");
        assert_eq!(fault("\u{feff}[]"), "expected value at line 1 column 1");
        assert_eq!(fault("[] x"), "trailing characters at line 1 column 4");
        assert_eq!(
            fault(r#"["\ud800"]"#),
            "unexpected end of hex escape at line 1 column 9"
        );
        assert_eq!(fault("[1e400]"), "number out of range at line 1 column 6");
        assert_eq!(
            fault(&"[".repeat(10_000)),
            "recursion limit exceeded at line 1 column 128"
        );
    }

    #[test]
    fn members_keep_order_duplicates_and_digits() {
        let text = r#"{"a":1.0, "\u0062":[ 1 ],"a":12345678901234567890123}"#;
        let members = members(text).unwrap().unwrap();
        let seen: Vec<_> = members
            .0
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()))
            .collect();
        assert_eq!(
            seen,
            [
                ("a", "1.0"),
                ("b", "[ 1 ]"),
                ("a", "12345678901234567890123")
            ]
        );
        assert_eq!(members.last("a"), Some("12345678901234567890123"));
        assert_eq!(members.duplicate(), Some("a"));
    }

    #[test]
    fn what_is_no_object_has_no_members_to_read() {
        let error = serde_json::from_str::<Members<'_>>("[]").unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid type: sequence, expected an object at line 1 column 0"
        );
    }
}
