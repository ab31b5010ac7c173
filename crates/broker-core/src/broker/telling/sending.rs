//! Sending out what is in line, together where that is asked for.

use smallvec::SmallVec;

use super::calls::{Stage, Told};
use super::lines::Turn;
use super::{Around, Place, Teller, oldest_held, telling_of};
use crate::broker::sessions::Sessions;
use crate::config::Config;
use crate::effect::{Effect, Loss};
use crate::event::{Call, CallHandle, Event, EventId, Fact};
use crate::session::SessionHandle;
use crate::time::Timestamp;

impl Teller {
    /// Sends out as many calls as may be with the backend at once.
    pub(in crate::broker) fn pump(&mut self, around: &mut Around<'_>) {
        while self.lines.len() > 0
            && self.lease.has_room(self.in_flight)
            && self.is_worth_a_call(around)
        {
            let Some(turn) = self.lines.pop() else {
                break;
            };
            let call = match turn {
                Turn::Call(call) => Some(call),
                Turn::Session(session) => self.gather(session, around),
            };
            if let Some(call) = call {
                self.send(call, around);
            }
            self.ready_since = (self.lines.len() > 0).then_some(around.now);
        }
        self.clear_left_places(around.sessions);
        self.dismiss_if_away(around);
    }

    /// Whether those in line are enough for a call, or have waited long enough for others to go out with.
    fn is_worth_a_call(&self, around: &Around<'_>) -> bool {
        let batch = around.config.batch;
        batch <= 1
            || self.in_flight == 0
            || self.lines.len() >= batch
            || self.lines.has_loners()
            || self
                .batch_deadline(around.config)
                .is_some_and(|due| due <= around.now)
    }

    /// When those in line have waited long enough for others to go out with.
    pub(super) fn batch_deadline(&self, config: &Config) -> Option<Timestamp> {
        // Before the backend knows of the start, somebody may have been ready for long who can't go.
        let since = self.ready_since.filter(|_| self.lines.len() > 0)?;
        self.lease
            .has_room(self.in_flight)
            .then(|| since.after(config.batch_wait))
    }

    /// Makes a call of the oldest event of a session, and of those of others that can go out with it.
    fn gather(&mut self, first: SessionHandle, around: &mut Around<'_>) -> Option<CallHandle> {
        let mut told = Told::new();
        let mut next = Some(first);
        while let Some(session) = next.take() {
            if self.is_to_be_told(session, around) {
                told.push(session);
            }
            let is_alone = told
                .first()
                .is_some_and(|first| goes_alone(*first, around.sessions));
            if told.len() < around.config.batch && !is_alone {
                next = self.lines.pop_companion();
            }
        }
        if told.is_empty() {
            return None;
        }
        let call = self.calls.make(told.clone());
        for session in told {
            if let Some(telling) = telling_of(session, around.sessions) {
                telling.place = Place::Called(call);
            }
        }
        Some(call)
    }

    /// Whether a session whose turn it is has still something to tell; messages that are too old are given up.
    fn is_to_be_told(&mut self, handle: SessionHandle, around: &mut Around<'_>) -> bool {
        while self.is_in_line(handle, around.sessions) {
            let oldest = oldest_held(handle, around.sessions);
            if !oldest.is_some_and(|held| around.is_too_old(held)) {
                return true;
            }
            self.give_up(handle, 0, Loss::Expired, around);
        }
        false
    }

    fn send(&mut self, handle: CallHandle, around: &mut Around<'_>) {
        let Some(call) = self
            .calls
            .get_mut(handle)
            .filter(|call| call.stage == Stage::Ready)
        else {
            return;
        };
        call.attempt += 1;
        call.stage = Stage::Out {
            sent: around.now,
            is_probe: self.lease.sent(),
        };
        self.in_flight += 1;
        let attempt = call.attempt;
        let event_of = |handle: &SessionHandle| {
            let session = around.sessions.get(*handle)?;
            let oldest = session.telling.as_ref()?.held.front()?;
            Some(Event {
                id: EventId {
                    session: session.id,
                    number: oldest.number,
                },
                session: *handle,
                time: oldest.time,
                attempt,
                fact: oldest.fact.clone(),
                connection: session.info.text().clone(),
                handshake: session.handshake.clone(),
            })
        };
        let events: SmallVec<[Event; 1]> = call.sessions.iter().filter_map(event_of).collect();
        around
            .out
            .list
            .push(Effect::CallBackend(Call { handle, events }));
    }
}

/// Whether the event of a session goes out by itself: the answer to it says more than what commands do.
fn goes_alone(handle: SessionHandle, sessions: &Sessions) -> bool {
    let is_asked = sessions
        .get(handle)
        .is_some_and(|session| session.admission.is_some());
    is_asked
        || oldest_held(handle, sessions)
            .is_some_and(|held| matches!(*held.fact, Fact::Started { .. }))
}
