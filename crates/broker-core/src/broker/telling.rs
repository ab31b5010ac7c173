//! Telling the backend: in order for each session, at least once, a bounded number at a time.
//!
//! An event waits in a line (`lines`) until it is its turn, goes out in a call (`calls`), and is let go when the answer's
//! commands have taken effect. A call that fails is made again, or its events are given up.

mod admitting;
mod ages;
mod calls;
mod failing;
mod leaving;
mod lines;
mod room;
mod sending;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use self::ages::Ages;
use self::calls::{Calls, Told};
use self::lines::{Line, Lines};
use self::room::Room;
use super::sessions::{Admission, Phase, Sessions};
use crate::command::CommandList;
use crate::config::{Config, OnFull};
use crate::effect::{Effect, Effects, Lack, Loss, Refusal};
use crate::event::{CallHandle, EventId, Fact};
use crate::gate::{Claim, Grant, Lease, News};
use crate::random::Dice;
use crate::session::SessionHandle;
use crate::time::Timestamp;

pub use self::room::{HELD_EVENT_BYTES, HELD_SESSION_BYTES};

/// The events of one session that are not answered yet, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Telling {
    held: VecDeque<Held>,
    /// How many of them are messages.
    messages: usize,
    place: Place,
}

#[derive(Debug)]
struct Held {
    number: u64,
    time: Timestamp,
    fact: Arc<Fact>,
}

/// Where the oldest event of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the line of those that may go out.
    InLine,
    /// In a call.
    Called(CallHandle),
    /// Answered; the answer's commands have not taken effect yet.
    Answered,
}

/// What a teller works with and on: the time, its shard's sessions, and what has to be done.
pub(super) struct Around<'a> {
    pub(super) now: Timestamp,
    pub(super) sessions: &'a mut Sessions,
    pub(super) config: &'a Config,
    pub(super) out: &'a mut Effects,
}

/// The events of all sessions of a shard.
///
/// **Invariants:** a session is in one of `lines` exactly while its place is `InLine`; `in_flight` counts the calls that
/// are out.
#[derive(Debug)]
pub(super) struct Teller {
    lines: Lines,
    calls: Calls,
    in_flight: usize,
    lease: Lease,
    /// When to try again. An entry whose call is not waiting for that time any more is passed over.
    retries: BinaryHeap<Reverse<(Timestamp, CallHandle)>>,
    room: Room,
    ages: Ages,
    events: usize,
    /// How many calls were answered.
    answers: u64,
    /// What happened before then was held while the backend was away.
    shut_until: Timestamp,
    /// Since when somebody has been in line who could go out.
    ready_since: Option<Timestamp>,
    dice: Dice,
}

impl Around<'_> {
    /// Whether it is a message that was held for longer than messages are.
    fn is_too_old(&self, held: &Held) -> bool {
        let max_age = self.config.max_held_age;
        held.fact.is_message() && max_age.is_some_and(|max_age| self.now.since(held.time) > max_age)
    }
}

impl Telling {
    /// How many messages of the session are held.
    fn messages(&self) -> usize {
        self.messages
    }

    fn oldest_message(&self) -> Option<Timestamp> {
        let is_message = |held: &&Held| held.fact.is_message();
        self.held.iter().find(is_message).map(|held| held.time)
    }
}

impl Teller {
    pub(super) fn new(config: &Config) -> Teller {
        Teller {
            lines: Lines::default(),
            calls: Calls::default(),
            in_flight: 0,
            lease: Lease::new(),
            retries: BinaryHeap::new(),
            room: Room::default(),
            ages: Ages::default(),
            events: 0,
            answers: 0,
            shut_until: Timestamp(0),
            ready_since: None,
            dice: Dice::new(config.seed),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// What the gate has to be told, if anything.
    pub(super) fn claim(&mut self, sessions: &Sessions, config: &Config) -> Option<Claim> {
        let calls = self.lines.len().div_ceil(config.batch.max(1));
        self.lease.claim(self.in_flight, calls, sessions.told())
    }

    pub(super) fn granted(&mut self, now: Timestamp, grant: Grant) {
        let was_shut = self.lease.is_shut();
        self.lease.granted(grant);
        if self.lease.is_shut() || was_shut {
            self.shut_until = now;
            self.lines.hold_all();
        }
    }

    pub(super) fn ring(&mut self) {
        self.lease.ring();
    }

    pub(super) fn has_room_for_session(&self, sessions: &Sessions, config: &Config) -> bool {
        self.room.has_room_for_session(sessions, config)
    }

    /// The session whose event comes before those of all others.
    pub(super) fn start_with(&mut self, session: SessionHandle) {
        self.lines.start_with(session);
    }

    /// Whether the backend has still to be told that the broker has started.
    pub(super) fn is_starting(&self) -> bool {
        self.lines.is_starting()
    }

    /// Takes in a fact about a session. What becomes of a message that finds no room is a matter of [`OnFull`]; says
    /// whether the session's connection has to be closed for it.
    pub(super) fn push(
        &mut self,
        handle: SessionHandle,
        fact: Fact,
        around: &mut Around<'_>,
    ) -> bool {
        let Some(session) = around.sessions.get_mut(handle) else {
            return false;
        };
        session.events += 1;
        let event = EventId {
            session: session.id,
            number: session.events,
        };
        let is_message = fact.is_message();
        if is_message && let Some(lack) = self.make_room(handle, &fact, around) {
            around.out.list.push(Effect::Dropped {
                event,
                kind: fact.kind(),
                reason: Loss::NoRoom(lack),
            });
            return around.config.on_full == OnFull::Close;
        }
        self.hold(handle, event.number, fact, around);
        if is_message && around.config.on_full == OnFull::Pause {
            let Around {
                sessions,
                config,
                out,
                ..
            } = around;
            self.room.pause_if_full(handle, sessions, config, out);
        }
        false
    }

    /// Sees to it that there is room for a message, as far as that is done by giving up others; what is lacking, if there
    /// is none.
    fn make_room(
        &mut self,
        handle: SessionHandle,
        fact: &Fact,
        around: &mut Around<'_>,
    ) -> Option<Lack> {
        if around.config.on_full == OnFull::Pause {
            return None;
        }
        loop {
            let telling = telling_of(handle, around.sessions);
            let messages = telling.map_or(0, |telling| telling.messages) + 1;
            let size = room::size_of(fact);
            let lack = self
                .room
                .lack(messages, size, around.sessions, around.config)?;
            if around.config.on_full != OnFull::DropOldest {
                return Some(lack);
            }
            let Some(oldest) = self.oldest_free(handle, around.sessions) else {
                return Some(lack);
            };
            self.give_up(handle, oldest, Loss::NoRoom(lack), around);
        }
    }

    fn hold(&mut self, handle: SessionHandle, number: u64, fact: Fact, around: &mut Around<'_>) {
        let line = self.line_of(&fact, around.now);
        let Some(session) = around.sessions.get_mut(handle) else {
            return;
        };
        let is_message = fact.is_message();
        self.events += 1;
        self.room.take(&fact);
        if is_message && let Some(max_age) = around.config.max_held_age {
            self.ages.begin(around.now, max_age);
        }
        let held = Held {
            number,
            time: around.now,
            fact: Arc::new(fact),
        };
        if let Some(telling) = &mut session.telling {
            telling.held.push_back(held);
            telling.messages += usize::from(is_message);
            return;
        }
        session.telling = Some(Box::new(Telling {
            held: VecDeque::from([held]),
            messages: usize::from(is_message),
            place: Place::InLine,
        }));
        let line = match session.admission {
            Some(Admission::Asked) => Line::Handshakes,
            Some(Admission::Granted) | None => line,
        };
        self.enter(line, handle, around.now);
    }

    /// The line that an event waits in which is the oldest of its session.
    fn line_of(&self, fact: &Fact, time: Timestamp) -> Line {
        match fact {
            Fact::Started { .. } => Line::Start,
            Fact::Disconnected { .. } => Line::Farewells,
            Fact::Connected { .. }
            | Fact::Received(_)
            | Fact::Registered { .. }
            | Fact::Unregistered { .. }
            | Fact::Acknowledged { .. } => {
                if self.lease.is_shut() || time < self.shut_until {
                    Line::Held
                } else {
                    Line::Fresh
                }
            }
        }
    }

    fn enter(&mut self, line: Line, handle: SessionHandle, now: Timestamp) {
        self.lines.enter(line, handle);
        self.ready_since.get_or_insert(now);
    }

    /// Notes that a call was answered; the sessions whose events it told.
    pub(super) fn answered(&mut self, handle: CallHandle, sessions: &mut Sessions) -> Told {
        let Some((sent, is_probe)) = self.out(handle) else {
            return Told::new();
        };
        self.came_back(sent, is_probe, News::Answered);
        let told = self.calls.remove(handle);
        for session in &told {
            if let Some(telling) = telling_of(*session, sessions) {
                telling.place = Place::Answered;
            }
        }
        told
    }

    /// The number of a session's event that is answered and whose commands have still to take effect.
    pub(super) fn answered_event(&self, handle: SessionHandle, sessions: &Sessions) -> Option<u64> {
        let telling = sessions.get(handle)?.telling.as_deref()?;
        let oldest = telling.held.front()?;
        (telling.place == Place::Answered).then_some(oldest.number)
    }

    /// Lets go of the answered event of a session, now that the commands of the answer have taken effect; its next one may
    /// go out.
    pub(super) fn settle(
        &mut self,
        handle: SessionHandle,
        number: u64,
        answer: &CommandList,
        around: &mut Around<'_>,
    ) {
        if self.answered_event(handle, around.sessions) != Some(number) {
            return;
        }
        let Some(session) = around.sessions.get_mut(handle) else {
            return;
        };
        if session.admission.take().is_some() {
            match session.phase {
                Phase::Open => around.out.list.push(Effect::Admit(handle)),
                Phase::Unreachable => {
                    // Where it was another list, the backend has said yes and knows of no end.
                    let is_let_in = !answer.closes();
                    return self.turn_away(handle, Refusal::Closed, is_let_in, around);
                }
                Phase::Asked | Phase::Gone => {}
            }
        }
        self.release(handle, 0, around);
    }

    /// Whether the oldest event of a session has not gone out.
    pub(super) fn is_in_line(&self, handle: SessionHandle, sessions: &Sessions) -> bool {
        let telling = sessions
            .get(handle)
            .and_then(|session| session.telling.as_deref());
        telling.is_some_and(|telling| telling.place == Place::InLine)
    }

    /// Does what is due: calls are made again, a probe is asked for, messages that are too old are given up.
    pub(super) fn handle_timeout(&mut self, around: &mut Around<'_>) {
        while let Some(&Reverse((due, handle))) = self.retries.peek() {
            if due > around.now {
                break;
            }
            self.retries.pop();
            self.make_again(handle, due, around);
        }
        if self.probe_deadline().is_some_and(|due| due <= around.now) {
            self.lease.ring();
        }
        self.dismiss_overdue(around);
        self.expire_due(around);
    }

    /// When something is due.
    pub(super) fn next_deadline(&self, sessions: &Sessions, config: &Config) -> Option<Timestamp> {
        let retry = self.retries.peek().map(|Reverse((due, _))| *due);
        [
            retry,
            self.probe_deadline(),
            self.batch_deadline(config),
            self.handshake_deadline(sessions, config),
            self.ages.due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn probe_deadline(&self) -> Option<Timestamp> {
        self.lease.probe_at().filter(|_| self.lines.len() > 0)
    }
}

fn telling_of(handle: SessionHandle, sessions: &mut Sessions) -> Option<&mut Telling> {
    sessions.get_mut(handle)?.telling.as_deref_mut()
}

fn oldest_held(handle: SessionHandle, sessions: &Sessions) -> Option<&Held> {
    sessions.get(handle)?.telling.as_ref()?.held.front()
}
