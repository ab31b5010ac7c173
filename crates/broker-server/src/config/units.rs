//! Sizes and times as people write them: a number with its unit.
//!
//! A bare number is refused, because `timeout = 10` leaves open whether ten
//! seconds or ten milliseconds were meant. The only exception is `0`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number of bytes, written as `"1MiB"`, `"16KiB"`, `"64MB"` or `"512B"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(usize);

impl ByteSize {
    /// A size of that many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// A size of that many KiB (1024 bytes).
    #[must_use]
    pub const fn kib(count: usize) -> Self {
        Self(count * 1024)
    }

    /// A size of that many MiB (1024 KiB).
    #[must_use]
    pub const fn mib(count: usize) -> Self {
        Self(count * 1024 * 1024)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// A length of time, written as `"100ms"`, `"25s"`, `"5m"`, `"1h"` or `"7d"`;
/// at most a year, so that adding it to a clock can never overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeSpan(Duration);

impl TimeSpan {
    /// The longest time span that can be configured: 365 days.
    pub const MAX: Self = Self::from_secs(365 * 24 * 60 * 60);

    /// A time span of that many milliseconds.
    #[must_use]
    pub const fn from_millis(count: u64) -> Self {
        Self(Duration::from_millis(count))
    }

    /// A time span of that many seconds.
    #[must_use]
    pub const fn from_secs(count: u64) -> Self {
        Self(Duration::from_secs(count))
    }

    /// The time span as the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The time span in milliseconds.
    #[must_use]
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Why a text is no size or no time span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseUnitError {
    /// There is no number, or it is no whole number.
    #[error("`{0}` is not {1}")]
    NotANumber(String, &'static str),
    /// There is a number, but no unit.
    #[error("`{0}` has no unit: expected {1}")]
    NoUnit(String, &'static str),
    /// The unit is not one of those that are known.
    #[error("unknown unit `{0}`; the units are {1}")]
    UnknownUnit(String, String),
    /// The value is larger than anything that makes sense.
    #[error("`{0}` is too large: at most {1}")]
    TooLarge(String, String),
}

const SIZE_SHAPE: &str = "a size with its unit, such as \"64KiB\" or \"1MiB\"";
const TIME_SHAPE: &str = "a time with its unit, such as \"100ms\", \"25s\" or \"5m\"";

/// Largest first, so that a value is shown in the largest unit that fits.
const SIZE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// In milliseconds, largest first.
const TIME_UNITS: [(&str, u64); 5] = [
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// One tebibyte: far above any sensible limit, far below any overflow.
const SIZE_MAX: u64 = 1 << 40;

impl FromStr for ByteSize {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let bytes = parse(text, SIZE_SHAPE, &SIZE_UNITS)?;
        usize::try_from(bytes)
            .ok()
            .filter(|_| bytes <= SIZE_MAX)
            .map(Self)
            .ok_or_else(|| ParseUnitError::TooLarge(text.to_owned(), "1024GiB".to_owned()))
    }
}

impl FromStr for TimeSpan {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, ParseUnitError> {
        let span = Self::from_millis(parse(text, TIME_SHAPE, &TIME_UNITS)?);
        if span > Self::MAX {
            return Err(ParseUnitError::TooLarge(
                text.to_owned(),
                Self::MAX.to_string(),
            ));
        }
        Ok(span)
    }
}

/// Reads `<digits><unit>` with optional blanks between; units without regard
/// to case. A lone `0` needs no unit, since it is the same in all of them.
fn parse(text: &str, shape: &'static str, units: &[(&str, u64)]) -> Result<u64, ParseUnitError> {
    let trimmed = text.trim();
    let digits_end = trimmed
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(digits_end);
    let unit = unit.trim_start();
    if digits.is_empty() || !unit.chars().all(char::is_alphabetic) {
        return Err(ParseUnitError::NotANumber(text.to_owned(), shape));
    }
    if unit.is_empty() {
        return match digits.parse() {
            Ok(0u64) => Ok(0),
            Ok(_) | Err(_) => Err(ParseUnitError::NoUnit(text.to_owned(), shape)),
        };
    }
    let Some((_, factor)) = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
    else {
        let names: Vec<&str> = units.iter().rev().map(|(name, _)| *name).collect();
        return Err(ParseUnitError::UnknownUnit(
            unit.to_owned(),
            names.join(", "),
        ));
    };
    // What overflows here is refused as too large by the caller.
    Ok(digits
        .parse::<u64>()
        .unwrap_or(u64::MAX)
        .saturating_mul(*factor))
}

/// Writes the value in the largest unit that leaves a whole number.
fn write(value: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = units
        .iter()
        .find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    match whole {
        Some((name, factor)) => write!(f, "{}{name}", value / factor),
        None => f.write_str("0"),
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0 as u64, &SIZE_UNITS, f)
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.millis(), &TIME_UNITS, f)
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WithUnit {
            shape: SIZE_SHAPE,
            parse: Self::from_str,
        })
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WithUnit {
            shape: TIME_SHAPE,
            parse: Self::from_str,
        })
    }
}

/// For times that can be switched off: `0` is `None`.
pub(super) fn zero_is_off<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<TimeSpan>, D::Error> {
    let span = TimeSpan::deserialize(deserializer)?;
    Ok((span.duration() != Duration::ZERO).then_some(span))
}

/// Takes a text, or the plain number 0.
struct WithUnit<T> {
    shape: &'static str,
    parse: fn(&str) -> Result<T, ParseUnitError>,
}

impl<T> Visitor<'_> for WithUnit<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shape)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match number {
            0 => (self.parse)("0").map_err(E::custom),
            _ => Err(E::invalid_type(de::Unexpected::Signed(number), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        match number {
            0 => (self.parse)("0").map_err(E::custom),
            _ => Err(E::invalid_type(de::Unexpected::Unsigned(number), &self)),
        }
    }
}
