//! What of a handshake's cookies becomes session info.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

/// What a session starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Session {
    /// The cookies that become fields of the session info.
    pub cookies: Cookies,
}

/// A choice of cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cookies {
    /// `"all"`.
    #[default]
    All,
    /// `"none"`.
    None,
    /// A list of names, in lower case as the session info has them.
    Named(Vec<String>),
}

impl Cookies {
    /// Whether the cookie of this name (trimmed and in lower case, as the
    /// session info has it) is kept.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Named(names) => names.iter().any(|kept| kept == name),
        }
    }
}

impl<'de> Deserialize<'de> for Cookies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrNames)
    }
}

struct WordOrNames;

impl<'de> Visitor<'de> for WordOrNames {
    type Value = Cookies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"all\", \"none\" or a list of cookie names")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Cookies, E> {
        match word {
            "all" => Ok(Cookies::All),
            "none" => Ok(Cookies::None),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cookies, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            names.push(name.trim().to_lowercase());
        }
        Ok(Cookies::Named(names))
    }
}
