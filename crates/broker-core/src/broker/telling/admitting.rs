//! Handshakes that the backend decides on.

use std::time::Duration;

use super::{Around, Teller, oldest_held};
use crate::broker::sessions::{Phase, Sessions};
use crate::close_code;
use crate::config::Config;
use crate::effect::{Effect, Refusal};
use crate::event::{Fact, Failure};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// How long a client is asked to wait where nothing better is known.
const WAIT: Duration = Duration::from_secs(1);

impl Teller {
    /// Sends the clients away who wait to be let in, while the backend is away and nobody is about to ask it.
    pub(super) fn dismiss_if_away(&mut self, around: &mut Around<'_>) {
        let probe_at = self.lease.probe_at();
        if !self.lease.is_away() || probe_at.is_some_and(|at| at <= around.now) {
            return;
        }
        let wait = probe_at.map_or(WAIT, |at| at.since(around.now));
        for session in self.lines.dismiss_handshakes() {
            self.refuse(session, Refusal::Away(wait), around);
        }
    }

    /// Sends the clients away who have waited for their turn for as long as they may.
    pub(super) fn dismiss_overdue(&mut self, around: &mut Around<'_>) {
        while self
            .handshake_deadline(around.sessions, around.config)
            .is_some_and(|due| due <= around.now)
            && let Some(first) = self.lines.first_handshake()
        {
            self.lines.dismiss_first_handshake();
            self.refuse(first, Refusal::Away(WAIT), around);
            self.clear_left_places(around.sessions);
        }
    }

    /// Has the line of handshakes begin with somebody who is there: whoever has gone has left its place behind.
    pub(super) fn clear_left_places(&mut self, sessions: &Sessions) {
        while let Some(first) = self.lines.first_handshake()
            && !self.is_in_line(first, sessions)
        {
            self.lines.dismiss_first_handshake();
        }
    }

    /// When the first client in line has waited for long enough.
    pub(super) fn handshake_deadline(
        &self,
        sessions: &Sessions,
        config: &Config,
    ) -> Option<Timestamp> {
        let first = self.lines.first_handshake()?;
        let connect = oldest_held(first, sessions)?;
        Some(connect.time.after(config.handshake_wait))
    }

    /// Refuses the handshake of a session that the backend was asked about.
    pub(super) fn refuse(
        &mut self,
        handle: SessionHandle,
        refusal: Refusal,
        around: &mut Around<'_>,
    ) {
        let is_let_in = matches!(
            refusal,
            Refusal::Backend(Failure::Interrupted(_) | Failure::TimedOut(_))
        );
        self.turn_away(handle, refusal, is_let_in, around);
    }

    /// Refuses a handshake. Whoever is, or may be, let in as far as the backend knows is told of as gone.
    pub(super) fn turn_away(
        &mut self,
        handle: SessionHandle,
        refusal: Refusal,
        is_let_in: bool,
        around: &mut Around<'_>,
    ) {
        let Some(session) = around.sessions.get_mut(handle) else {
            return;
        };
        let is_gone = std::mem::replace(&mut session.phase, Phase::Gone) == Phase::Gone;
        session.admission = None;
        if !is_gone {
            around.out.list.push(Effect::Refuse {
                session: handle,
                refusal,
            });
        }
        if !is_let_in {
            return self.forget(handle, around);
        }
        if !is_gone {
            let reason = Box::default();
            let code = close_code::LOST;
            self.push(handle, Fact::Disconnected { code, reason }, around);
        }
        self.release(handle, 0, around);
    }
}
