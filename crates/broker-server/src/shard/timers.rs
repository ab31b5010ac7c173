//! When the connections of a shard have something due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use broker_core::{SessionHandle, Timestamp};

/// The next deadline of each connection, earliest first.
///
/// Most deadlines are put off by every byte that arrives, so an entry stays where it is when its connection's deadline
/// becomes later, and is looked at again when its time has come. [`Connection::timer`](super::connection::Connection)
/// says which entry of a connection counts; the others are passed over.
#[derive(Debug, Default)]
pub(super) struct Timers {
    entries: BinaryHeap<Reverse<(Timestamp, SessionHandle)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Timestamp, session: SessionHandle) {
        self.entries.push(Reverse((at, session)));
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.entries.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, SessionHandle)> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop().map(|Reverse(entry)| entry)
    }
}
