//! Telling the log of what goes wrong with the application, at most so often: a broken one could fill the disk.

use std::time::Duration;

use broker_core::Timestamp;

/// Of each kind of trouble so many lines are written in a row.
const LINES_IN_A_ROW: u32 = 10;

/// Then one in so much time, until it has been quiet for as long.
const ONE_IN: Duration = Duration::from_secs(5);

/// How much of one kind of trouble the log has been told.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    written: u32,
    last: Timestamp,
    left_out: u64,
}

impl Complaints {
    /// Whether the log is told of this one, and if so how many before it were left out.
    pub(super) fn admit(&mut self, now: Timestamp) -> Option<u64> {
        if now.since(self.last) >= ONE_IN {
            self.written = if self.left_out > 0 {
                LINES_IN_A_ROW - 1
            } else {
                0
            };
        }
        if self.written >= LINES_IN_A_ROW {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        self.last = now;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// What is said behind a line before which others were left out.
pub(super) fn left_out(count: u64) -> String {
    if count == 0 {
        String::new()
    } else {
        format!(" ({count} like it were not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_lines_in_a_row_one_in_five_seconds_is_written_and_says_how_many_were_left_out() {
        let mut complaints = Complaints::default();
        let mut written = Vec::new();
        for second in 0..=12 {
            for _ in 0..100 {
                let now = Timestamp(1_000_000 + second * 1000);
                written.extend(complaints.admit(now).map(|left_out| (second, left_out)));
            }
        }
        let mut expected = vec![(0, 0); 10];
        expected.extend([(5, 490), (10, 499)]);
        assert_eq!(written, expected);
        assert_eq!(left_out(0), "");
        assert_eq!(left_out(490), " (490 like it were not shown)");
    }

    #[test]
    fn after_a_quiet_time_lines_are_written_in_a_row_again() {
        let mut complaints = Complaints::default();
        let mut admitted = |second: u64| {
            let now = Timestamp(1_000_000 + second * 1000);
            (0..20).filter(|_| complaints.admit(now).is_some()).count()
        };
        assert_eq!(admitted(0), 10);
        assert_eq!(admitted(10), 1);
        assert_eq!((admitted(20), admitted(25)), (1, 1));
    }
}
