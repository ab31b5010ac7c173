//! Letting go of events and sessions.

use super::calls::Stage;
use super::{Around, Place, Teller, Telling, telling_of};
use crate::broker::sessions::{Phase, Sessions};
use crate::effect::{Effect, Loss};
use crate::event::{CallHandle, EventId};
use crate::session::SessionHandle;

impl Teller {
    /// Ends a session at once, with all that it has to tell.
    pub(in crate::broker) fn forget(&mut self, handle: SessionHandle, around: &mut Around<'_>) {
        let telling = around
            .sessions
            .get_mut(handle)
            .and_then(|session| session.telling.take());
        for held in telling.into_iter().flat_map(|telling| telling.held) {
            self.events -= 1;
            self.room.give_back(&held.fact);
        }
        self.end(handle, around);
    }

    /// Gives up all events of a call.
    pub(super) fn give_up_call(
        &mut self,
        handle: CallHandle,
        reason: &Loss,
        around: &mut Around<'_>,
    ) {
        for session in self.calls.remove(handle) {
            self.drop_event(session, 0, reason.clone(), around);
        }
    }

    /// Gives up the event of a session in this place. If it is the oldest, it is not with the backend.
    pub(super) fn give_up(
        &mut self,
        handle: SessionHandle,
        place: usize,
        reason: Loss,
        around: &mut Around<'_>,
    ) {
        if place == 0
            && let Some(telling) = telling_of(handle, around.sessions)
            && let Place::Called(call) = telling.place
        {
            self.calls.remove(call);
        }
        self.drop_event(handle, place, reason, around);
    }

    fn drop_event(
        &mut self,
        handle: SessionHandle,
        place: usize,
        reason: Loss,
        around: &mut Around<'_>,
    ) {
        if let Some(session) = around.sessions.get(handle)
            && let Some(held) = session
                .telling
                .as_ref()
                .and_then(|telling| telling.held.get(place))
        {
            around.out.list.push(Effect::Dropped {
                event: EventId {
                    session: session.id,
                    number: held.number,
                },
                kind: held.fact.kind(),
                reason,
            });
            self.release(handle, place, around);
        }
    }

    /// Lets go of the event of a session in this place. Behind the oldest, the next one gets in line, where the oldest was
    /// no more.
    pub(super) fn release(&mut self, handle: SessionHandle, place: usize, around: &mut Around<'_>) {
        let Some(session) = around.sessions.get_mut(handle) else {
            return;
        };
        let Some(telling) = &mut session.telling else {
            return;
        };
        let Some(held) = telling.held.remove(place) else {
            return;
        };
        self.events -= 1;
        self.room.give_back(&held.fact);
        telling.messages -= usize::from(held.fact.is_message());
        match telling.held.front() {
            None => session.telling = None,
            Some(next) if place == 0 && telling.place != Place::InLine => {
                let line = self.line_of(&next.fact, next.time);
                telling.place = Place::InLine;
                self.enter(line, handle, around.now);
            }
            Some(_) => {}
        }
        let is_over = session.phase == Phase::Gone && session.telling.is_none();
        if is_over {
            self.end(handle, around);
        } else {
            self.resume(handle, around);
        }
    }

    fn end(&mut self, handle: SessionHandle, around: &mut Around<'_>) {
        if self.lines.end(handle) {
            self.lease.start_is_over();
        }
        around.sessions.remove(handle);
        self.resume(handle, around);
        around.out.list.push(Effect::Ended(handle));
    }

    fn resume(&mut self, handle: SessionHandle, around: &mut Around<'_>) {
        let Around {
            sessions,
            config,
            out,
            ..
        } = around;
        self.room.resume(handle, sessions, config, out);
    }

    /// The place of the oldest message of a session that is not with the backend.
    pub(super) fn oldest_free(
        &self,
        handle: SessionHandle,
        sessions: &mut Sessions,
    ) -> Option<usize> {
        let telling = telling_of(handle, sessions)?;
        let first = usize::from(!self.is_oldest_free(telling));
        let mut behind = telling.held.iter().skip(first);
        let place = behind.position(|held| held.fact.is_message())?;
        Some(first + place)
    }

    /// Whether the oldest event of a session can be given up: it is not with the backend, nor told together with others.
    pub(super) fn is_oldest_free(&self, telling: &Telling) -> bool {
        match telling.place {
            Place::InLine => true,
            Place::Answered => false,
            Place::Called(call) => self.calls.get(call).is_some_and(|call| {
                call.sessions.len() == 1 && !matches!(call.stage, Stage::Out { .. })
            }),
        }
    }
}
