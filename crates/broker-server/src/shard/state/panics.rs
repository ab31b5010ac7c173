//! What a panic costs: the connection in whose work it happened, or the one effect that was being performed.
//!
//! A panic is a fault of ours, or of an embedder's code that we call. What was begun of the connection's own state may be
//! half done, so it is closed; everybody else's is untouched, since nothing of theirs was being worked on. What cannot be
//! put down to one connection or effect is not caught here, and ends the shard.

use std::panic::{AssertUnwindSafe, catch_unwind};

use broker_core::{SessionHandle, Timestamp};

use super::State;
use crate::shard::farewell::{Ending, INTERNAL_ERROR};

impl State {
    /// Does some work of one connection; a panic in it closes that connection alone.
    pub(in crate::shard) fn on_behalf_of(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        work: impl FnOnce(&mut State),
    ) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.fail(now, session);
        }
    }

    /// Closes a connection in whose work something of ours went wrong; if it is closing already, it is let go at once.
    fn fail(&mut self, now: Timestamp, session: SessionHandle) {
        let Some((_, connection)) = self.table.carrying(session) else {
            return;
        };
        let session = connection.session;
        tracing::error!(
            event = "trouble",
            conn = %connection.id,
            "the work of a connection panicked; it is closed with {}",
            INTERNAL_ERROR.code
        );
        if connection.websocket.is_open() {
            return self.close(now, session, INTERNAL_ERROR);
        }
        let ending = Ending {
            farewell: INTERNAL_ERROR,
            is_lost: true,
        };
        self.end(now, session, ending);
    }
}
