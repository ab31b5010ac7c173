//! Medians and percentiles.

use std::time::Duration;

/// The middle of `values`; of an even number, the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 0) => f64::midpoint(sorted[half - 1], sorted[half]),
        (half, _) => sorted[half],
    }
}

/// The least value that is not exceeded by `percent` of `times`, in
/// microseconds (the nearest-rank percentile).
pub(crate) fn percentile_us(times: &mut [Duration], percent: usize) -> f64 {
    let rank = (times.len() * percent).div_ceil(100);
    match rank.checked_sub(1) {
        None => f64::NAN,
        Some(index) => micros(*times.select_nth_unstable(index).1),
    }
}

/// In microseconds, with their fraction.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_in_any_order() {
        assert_eq!(median(&[9.0, 1.0, 4.0]), 4.0);
        assert_eq!(median(&[9.0, 1.0, 4.0, 5.0]), 4.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_micros).collect();
        assert_eq!(percentile_us(&mut times, 50), 100.0);
        assert_eq!(percentile_us(&mut times, 99), 198.0);
        assert_eq!(percentile_us(&mut times, 100), 200.0);
        assert_eq!(percentile_us(&mut [Duration::from_micros(7)], 50), 7.0);
        assert!(percentile_us(&mut [], 50).is_nan());
    }
}
