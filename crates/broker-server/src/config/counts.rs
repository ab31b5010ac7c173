//! Counts: whole numbers, in some of which 0 is a word of its own ("no limit",
//! "as many as fit").

use std::fmt;
use std::num::NonZeroU32;

use serde::de::{self, Deserializer, Visitor};

/// Reads a count; 0 is `None`.
pub(super) fn zero_is_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    deserializer
        .deserialize_any(Count { least: 0 })
        .map(NonZeroU32::new)
}

/// Reads a count of at least 1.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroU32, D::Error> {
    deserializer
        .deserialize_any(Count { least: 1 })
        .map(at_least_one)
}

/// The count, for numbers that are known not to be 0.
pub(super) const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

/// Takes a whole number of at least this many.
struct Count {
    least: u32,
}

impl Visitor<'_> for Count {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.least, u32::MAX)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u32, E> {
        match u32::try_from(number) {
            Ok(count) if count >= self.least => Ok(count),
            Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u32, E> {
        match u32::try_from(number) {
            Ok(count) if count >= self.least => Ok(count),
            Ok(_) | Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
        }
    }
}
