//! Points in time as text.

use std::io::Write;

use broker_core::Timestamp;

/// Appends `2026-11-05T17:03:09.042Z`: RFC 3339 §5.6, in UTC, with milliseconds.
pub(super) fn write_rfc3339(out: &mut Vec<u8>, time: Timestamp) {
    const DAY_MS: u64 = 86_400_000;
    let (year, month, day) = civil(time.0 / DAY_MS);
    let ms = time.0 % DAY_MS;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    // Writing to a `Vec` has no way to fail.
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        ms % 1000
    );
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// The year is taken to begin in March, so that the leap day is its last and the months before it follow one pattern:
/// 153 days for each five.
fn civil(days: u64) -> (u64, u64, u64) {
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
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn written(ms: u64) -> String {
        let mut out = Vec::new();
        write_rfc3339(&mut out, Timestamp(ms));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_points_in_time_are_written() {
        assert_eq!(written(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(written(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(written(1_793_898_189_042), "2026-11-05T17:03:09.042Z");
        assert_eq!(written(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn date_and_time_agree_with_another_calendar(seconds in 0_u64..253_402_300_800, ms in 0_u64..1000) {
            let http = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            let text = written(seconds * 1000 + ms);
            let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let month: usize = text[5..7].parse().unwrap();
            prop_assert_eq!(
                format!("{} {} {} {} GMT", &text[8..10], &months[month * 3 - 3..month * 3], &text[..4], &text[11..19]),
                &http[5..]
            );
            prop_assert_eq!(text[20..23].parse::<u64>().unwrap(), ms);
        }

        #[test]
        fn no_point_in_time_panics(ms: u64) {
            prop_assert!(written(ms).ends_with('Z'));
        }
    }
}
