//! How many connections each shard has, so that a new one goes where there are fewest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the connections of each shard. Written when one is accepted and when it is gone, and at no other time.
#[derive(Clone, Debug)]
pub(crate) struct Loads {
    shards: Arc<[AtomicUsize]>,
    max: usize,
}

/// A connection's place in the count of its shard; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Seat {
    loads: Loads,
    shard: usize,
}

impl Loads {
    pub(crate) fn new(shards: usize, max: usize) -> Loads {
        Loads {
            shards: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            max,
        }
    }

    /// A place on the shard with the fewest connections; none if there are as many as there may be.
    pub(crate) fn take_seat(&self) -> Option<Seat> {
        let counts = || {
            self.shards
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
        };
        if counts().sum::<usize>() >= self.max {
            return None;
        }
        let (shard, _) = counts().enumerate().min_by_key(|(_, count)| *count)?;
        self.shards[shard].fetch_add(1, Ordering::Relaxed);
        Some(Seat {
            loads: self.clone(),
            shard,
        })
    }
}

impl Seat {
    pub(crate) fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.loads.shards[self.shard].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_where_there_are_fewest_up_to_the_limit() {
        let loads = Loads::new(2, 3);
        let seats: Vec<_> = (0..3).filter_map(|_| loads.take_seat()).collect();
        assert_eq!(seats.iter().map(Seat::shard).collect::<Vec<_>>(), [0, 1, 0]);
        assert!(loads.take_seat().is_none());
        drop(seats);
        assert!(loads.take_seat().is_some());
    }
}
