//! How a session ends.

use super::sessions::{Admission, Phase};
use super::{Broker, around};
use crate::effect::Effects;
use crate::event::Fact;
use crate::session::SessionHandle;
use crate::time::Timestamp;

impl Broker {
    /// Takes note that the driver has begun to close a session's connection by itself: from now on it matches nothing.
    /// What its client still says is told.
    pub fn begin_closing(&mut self, session: SessionHandle) {
        let slot = session.slot;
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        match session.phase {
            Phase::Asked => session.phase = Phase::Unreachable,
            Phase::Open => {
                session.phase = Phase::Unreachable;
                // Nobody has to be told any more that it is let in.
                session.admission = None;
                self.index.remove(slot, &session.info);
            }
            Phase::Unreachable | Phase::Gone => {}
        }
    }

    /// Ends a session whose connection has ended, and tells the backend with which close code and reason.
    ///
    /// From now on it matches nothing; it is forgotten, with [`Effect::Ended`](crate::Effect::Ended), when its last event is answered.
    pub fn close(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        code: u16,
        reason: &str,
        out: &mut Effects,
    ) {
        let Some(ending) = self
            .sessions
            .get_mut(session)
            .filter(|session| session.phase != Phase::Gone)
        else {
            return;
        };
        if ending.phase == Phase::Open {
            self.index.remove(session.slot, &ending.info);
        }
        ending.phase = Phase::Gone;
        let (is_told, is_asked) = (ending.is_told, ending.admission == Some(Admission::Asked));
        self.leave(now, session, out);
        let has_been_heard_of = !is_asked || !self.teller.is_in_line(session, &self.sessions);
        if is_told && has_been_heard_of {
            let reason = reason.into();
            self.tell(now, session, Fact::Disconnected { code, reason }, out);
        } else {
            let around = &mut around(now, &mut self.sessions, &self.config, out);
            self.teller.forget(session, around);
            self.pump(now, out);
        }
    }

    /// Lets go of all that a session whose connection has ended was to others.
    fn leave(&mut self, now: Timestamp, handle: SessionHandle, out: &mut Effects) {
        let Some(session) = self.sessions.get_mut(handle) else {
            return;
        };
        let (names, requests) = (session.names.take(), session.requests.take());
        for held in names.into_iter().flat_map(|names| names.into_held()) {
            self.release(now, handle, held, out);
        }
        if let Some(requests) = requests {
            self.requests.forget(&requests);
        }
    }
}
