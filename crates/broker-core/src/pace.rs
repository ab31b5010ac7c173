//! How fast a client may send.

use std::num::NonZeroU32;

use crate::time::Timestamp;

const SECOND_NS: u64 = 1_000_000_000;

/// What a client has used of its allowance of messages.
///
/// A token bucket that holds one second's worth of messages and starts full, kept as the point in time at which it
/// will be full again, which is all that it takes (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    full_at_ns: u64,
}

impl Pace {
    /// Whether one more message is within `per_second`; if it is, it is counted.
    pub fn admit(&mut self, now: Timestamp, per_second: NonZeroU32) -> bool {
        let now_ns = now.0.saturating_mul(1_000_000);
        let each_ns = SECOND_NS / u64::from(per_second.get());
        let full_at_ns = self.full_at_ns.max(now_ns).saturating_add(each_ns);
        let is_within = full_at_ns - now_ns <= SECOND_NS;
        if is_within {
            self.full_at_ns = full_at_ns;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_second: u32) -> NonZeroU32 {
        NonZeroU32::new(per_second).unwrap()
    }

    #[test]
    fn one_seconds_worth_may_come_at_once_and_then_one_at_a_time() {
        let mut pace = Pace::default();
        let mut admitted = |ms| pace.admit(Timestamp(ms), rate(4));
        let burst: Vec<bool> = (0..5).map(|_| admitted(1000)).collect();
        assert_eq!(burst, [true, true, true, true, false]);
        assert_eq!(
            [admitted(1249), admitted(1250), admitted(1250)],
            [false, true, false]
        );
        let again: Vec<bool> = (0..5).map(|_| admitted(9000)).collect();
        assert_eq!(again, [true, true, true, true, false]);
    }

    proptest! {
        #[test]
        fn it_is_a_bucket_that_refills_at_the_rate(
            per_second in 1_u32..3000,
            waits in prop::collection::vec(0_u64..700, 1..200),
        ) {
            // The bucket in the plainest form, counted in message-nanoseconds.
            let each_ns = SECOND_NS / u64::from(per_second);
            let mut level_ns = SECOND_NS;
            let mut now = Timestamp(1_700_000_000_000);
            let mut pace = Pace::default();
            for wait in waits {
                now.0 += wait;
                level_ns = (level_ns + wait * 1_000_000).min(SECOND_NS);
                let expected = level_ns >= each_ns;
                if expected {
                    level_ns -= each_ns;
                }
                prop_assert_eq!(pace.admit(now, rate(per_second)), expected);
            }
        }

        #[test]
        fn whoever_keeps_to_the_rate_is_never_refused(per_second in 1_u32..1000, messages in 1_u32..500) {
            let mut pace = Pace::default();
            for sent in 0..messages {
                // The clock ticks in milliseconds, so the time of a message is cut down to one.
                let at_ms = u64::from(sent) * 1000 / u64::from(per_second);
                prop_assert!(pace.admit(Timestamp(5000 + at_ms), rate(per_second)));
            }
        }

        #[test]
        fn no_time_and_no_rate_panics(times in prop::collection::vec(any::<u64>(), 1..5), per_second in 1_u32..) {
            let mut pace = Pace::default();
            for time in times {
                pace.admit(Timestamp(time), rate(per_second));
            }
        }
    }
}
