//! Points in time, as they are handed in.

use std::fmt;
use std::time::Duration;

/// A point in time: milliseconds since the Unix epoch, never going back.
///
/// The core never asks a clock; every verb of [`Broker`](crate::Broker) takes the time as an argument. It is a plain
/// number and not an `Instant`, so that state can move between processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The point `duration` later, rounded down to the millisecond.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(ms))
    }

    /// How long it is from `earlier` until now; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// Appends it as RFC 3339 §5.6 writes it, in UTC with milliseconds: `2026-11-05T17:03:09.042Z`. It stands in every event,
    /// which is why it is not left to `fmt`.
    pub fn write(self, out: &mut Vec<u8>) {
        const DAY_MS: u64 = 86_400_000;
        let (year, month, day) = date(self.0 / DAY_MS);
        let ms = self.0 % DAY_MS;
        write_digits(out, year, if year < 10_000 { 4 } else { 9 });
        for (before, value, width) in [
            (b'-', month, 2),
            (b'-', day, 2),
            (b'T', ms / 3_600_000, 2),
            (b':', ms / 60_000 % 60, 2),
            (b':', ms / 1000 % 60, 2),
            (b'.', ms % 1000, 3),
        ] {
            out.push(before);
            write_digits(out, value, width);
        }
        out.push(b'Z');
    }
}

/// Appends the last `width` decimal digits of a number.
fn write_digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
}

/// As [`Timestamp::write`] writes it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Vec::with_capacity(24);
        self.write(&mut written);
        f.write_str(std::str::from_utf8(&written).map_err(|_| fmt::Error)?)
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// The year is taken to begin in March, so that the leap day is its last and the months before it follow one pattern:
/// 153 days for each five.
fn date(days: u64) -> (u64, u64, u64) {
    const DAYS_FROM_0000_03_01: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let days = days + DAYS_FROM_0000_03_01;
    let era = days / DAYS_OF_400_YEARS;
    let day_of_era = days % DAYS_OF_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_points_in_time_are_written() {
        for (ms, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_793_898_189_042, "2026-11-05T17:03:09.042Z"),
            (1_798_761_599_007, "2026-12-31T23:59:59.007Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), written);
        }
    }

    #[test]
    fn no_time_has_passed_since_a_later_point() {
        let (earlier, later) = (Timestamp(1000), Timestamp(3500));
        assert_eq!(later.since(earlier), Duration::from_millis(2500));
        assert_eq!(earlier.since(later), Duration::ZERO);
        assert_eq!(earlier.after(later.since(earlier)), later);
    }

    proptest! {
        #[test]
        fn days_follow_each_other(day in 0_u64..200_000) {
            let (year, month, of_month) = date(day);
            let (next_year, next_month, next_of_month) = date(day + 1);
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let expected = if of_month < lengths[month as usize - 1] {
                (year, month, of_month + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            prop_assert_eq!((next_year, next_month, next_of_month), expected);
        }

        #[test]
        fn no_point_in_time_panics(ms: u64) {
            prop_assert!(Timestamp(ms).to_string().ends_with('Z'));
        }
    }
}
