//! Calls that have failed: made again later, or given up.

use std::cmp::Reverse;

use smallvec::SmallVec;

use super::calls::{Stage, Told};
use super::{Around, Place, Teller, oldest_held, telling_of};
use crate::broker::sessions::{Admission, Sessions};
use crate::config::Delivery;
use crate::effect::{Effect, Loss, Refusal};
use crate::event::{CallHandle, EventId, Failure};
use crate::gate::{News, Report};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// How often events that went out together are tried together: after that each is tried by itself, so that none of them has
/// to wait for one that can't be answered.
const BATCH_FAILURES_MAX: u32 = 2;

impl Teller {
    /// Notes that a call has failed: it is made again later, or its events are given up.
    pub(in crate::broker) fn failed(
        &mut self,
        handle: CallHandle,
        failure: Failure,
        around: &mut Around<'_>,
    ) {
        let Some((sent, is_probe)) = self.out(handle) else {
            return;
        };
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let is_retryable = failure.is_retryable();
        let first = call.sessions[0];
        let news = if is_retryable {
            News::Failed {
                session: first,
                is_about_several: call.sessions.len() > 1,
                is_refusal: matches!(failure, Failure::Unreachable(_)),
                is_overload: failure.is_overload(),
            }
        } else {
            News::Answered
        };
        self.came_back(sent, is_probe, news);
        if let Some(Admission::Asked) = around.sessions.get(first).and_then(|one| one.admission) {
            self.calls.remove(handle);
            return self.refuse(first, Refusal::Backend(failure), around);
        }
        if !is_retryable {
            return self.give_up_call(handle, &Loss::Refused(failure), around);
        }
        if around.config.delivery == Delivery::AtMostOnce && failure.is_doubtful() {
            return self.give_up_call(handle, &Loss::Doubtful(failure), around);
        }
        self.fail_again(handle, failure, around);
    }

    /// Decides what becomes of a call that another try may help.
    fn fail_again(&mut self, handle: CallHandle, failure: Failure, around: &mut Around<'_>) {
        let answers = self.answers_seen();
        let Some(call) = self.calls.get_mut(handle) else {
            return;
        };
        let is_alone = call.sessions.len() == 1;
        // Where nobody could be reached it is not the events' fault, nor is it where nobody else is answered. Of several that
        // went out together this can't be said, since all others may be among them.
        let is_theirs = if is_alone {
            call.failures == 0 || answers > call.answers
        } else {
            !matches!(failure, Failure::Unreachable(_))
        };
        call.failures += u32::from(is_theirs);
        call.answers = answers;
        if is_alone && call.failures >= around.config.retries.max(1) {
            return self.give_up_call(handle, &Loss::Poison(failure), around);
        }
        let attempt = call.attempt;
        let first = call.sessions[0];
        if !is_alone && call.failures >= BATCH_FAILURES_MAX {
            self.take_apart(handle, around);
        } else {
            let dice = self.dice.roll();
            let asked = failure.retry_after();
            let due = around
                .now
                .after(around.config.retry.wait(attempt, dice, asked));
            call.stage = Stage::Waiting(due);
            self.retries.push(Reverse((due, handle)));
        }
        if let Some(event) = oldest_event(first, around.sessions) {
            around.out.list.push(Effect::Retrying {
                event,
                attempt,
                failure,
            });
        }
    }

    /// Has each of the events of a call tried by itself.
    fn take_apart(&mut self, handle: CallHandle, around: &mut Around<'_>) {
        for session in self.calls.remove(handle) {
            let alone = self.calls.make(SmallVec::from([session]));
            if let Some(telling) = telling_of(session, around.sessions) {
                telling.place = Place::Called(alone);
                self.lines.enter_again(alone, session);
                self.ready_since.get_or_insert(around.now);
            }
        }
    }

    /// How often the backend has answered anybody, as far as is known here.
    fn answers_seen(&self) -> u64 {
        self.answers + self.lease.answers()
    }

    /// When a call went out that is with the backend, and whether as a probe.
    pub(super) fn out(&self, handle: CallHandle) -> Option<(Timestamp, bool)> {
        match self.calls.get(handle)?.stage {
            Stage::Out { sent, is_probe } => Some((sent, is_probe)),
            Stage::Ready | Stage::Waiting(_) => None,
        }
    }

    pub(super) fn came_back(&mut self, sent: Timestamp, is_probe: bool, news: News) {
        self.in_flight -= 1;
        self.answers += u64::from(matches!(news, News::Answered));
        self.lease.came_back(Report {
            sent,
            is_probe,
            news,
        });
    }

    /// Puts a call in line again whose time has come.
    pub(super) fn make_again(
        &mut self,
        handle: CallHandle,
        due: Timestamp,
        around: &mut Around<'_>,
    ) {
        let Some(call) = self
            .calls
            .get_mut(handle)
            .filter(|call| call.stage == Stage::Waiting(due))
        else {
            return;
        };
        let first = call.sessions[0];
        let is_too_old = |session: &SessionHandle| {
            oldest_held(*session, around.sessions).is_some_and(|held| around.is_too_old(held))
        };
        let old: Told = call.sessions.iter().copied().filter(is_too_old).collect();
        if old.is_empty() {
            call.stage = Stage::Ready;
            self.lines.enter_again(handle, first);
            self.ready_since.get_or_insert(around.now);
            return;
        }
        // What goes out under one name stays the same; so those that are left go out under their own.
        self.take_apart(handle, around);
        for session in old {
            self.give_up(session, 0, Loss::Expired, around);
        }
    }
}

fn oldest_event(handle: SessionHandle, sessions: &Sessions) -> Option<EventId> {
    let session = sessions.get(handle)?;
    let oldest = session.telling.as_ref()?.held.front()?;
    Some(EventId {
        session: session.id,
        number: oldest.number,
    })
}
