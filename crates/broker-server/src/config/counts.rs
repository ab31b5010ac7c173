//! Counts in which 0 is a word of its own: "no limit" or "as many as fit".

use std::num::NonZeroU32;

use serde::de::{Deserialize, Deserializer};

/// Reads a count; 0 is `None`.
pub(super) fn zero_is_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    u32::deserialize(deserializer).map(NonZeroU32::new)
}

/// The count, for defaults that are known not to be 0.
pub(super) const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
