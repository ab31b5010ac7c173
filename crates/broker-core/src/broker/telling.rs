//! Telling the backend: in order for each session, at least once, a bounded number at a time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use super::sessions::{Phase, Session, Sessions};
use crate::config::Config;
use crate::effect::{Effect, Effects};
use crate::event::{Event, EventId, Fact, Failure};
use crate::gate::{Claim, Grant, Lease};
use crate::random::Dice;
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// The events of one session that are not answered yet, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Telling {
    held: VecDeque<Held>,
    /// How often the oldest was tried.
    attempt: u32,
    stage: Stage,
}

#[derive(Debug)]
struct Held {
    number: u64,
    time: Timestamp,
    fact: Arc<Fact>,
}

/// Where the oldest event of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In the line of those that may go out.
    Ready,
    /// With the backend.
    Out,
    /// Answered; the answer's commands have not taken effect yet.
    Answered,
    /// Failed; tried again then.
    Waiting(Timestamp),
}

/// What a session's events found too little of, so that its connection is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// It holds more events than one session may.
    Events,
    /// All sessions together hold more bytes than they may.
    Bytes,
}

/// The events of all sessions of a shard.
///
/// **Invariants:** a session is in `ready` exactly while its stage is `Ready`; `in_flight` counts the sessions whose
/// stage is `Out`; `bytes` is the size of all that is held.
#[derive(Debug)]
pub(super) struct Teller {
    ready: VecDeque<SessionHandle>,
    in_flight: usize,
    lease: Lease,
    /// When to try again. An entry whose session is not waiting for that time any more is passed over.
    retries: BinaryHeap<Reverse<(Timestamp, SessionHandle)>>,
    events: usize,
    bytes: usize,
    /// The sessions that are paused for [`Lack::Bytes`], each once.
    short_of_bytes: Vec<SessionHandle>,
    dice: Dice,
}

impl Teller {
    pub(super) fn new(config: &Config) -> Teller {
        Teller {
            ready: VecDeque::new(),
            in_flight: 0,
            lease: if config.has_gate {
                Lease::gated()
            } else {
                Lease::fixed(config.max_in_flight)
            },
            retries: BinaryHeap::new(),
            events: 0,
            bytes: 0,
            short_of_bytes: Vec::new(),
            dice: Dice::new(config.seed),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What the gate has to be told, if anything.
    pub(super) fn claim(&mut self) -> Option<Claim> {
        self.lease.claim(self.in_flight, self.ready.len())
    }

    pub(super) fn granted(&mut self, grant: Grant) {
        self.lease.granted(grant);
    }

    pub(super) fn ring(&mut self) {
        self.lease.ring();
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Takes in a fact about a session, and pauses its connection if there was no room for it any more.
    pub(super) fn push(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        fact: Fact,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions.get_mut(handle) else {
            return;
        };
        session.events += 1;
        self.events += 1;
        self.bytes += fact.size();
        let held = Held {
            number: session.events,
            time: now,
            fact: Arc::new(fact),
        };
        match &mut session.telling {
            Some(telling) => telling.held.push_back(held),
            None => {
                let held = VecDeque::from([held]);
                session.telling = Some(Box::new(Telling {
                    held,
                    attempt: 0,
                    stage: Stage::Ready,
                }));
                self.ready.push_back(handle);
            }
        }
        if session.phase != Phase::Gone && session.pause.is_none() {
            session.pause = self.lacking(session, config);
            if session.pause == Some(Lack::Bytes) {
                self.short_of_bytes.push(handle);
            }
            if session.pause.is_some() {
                out.list.push(Effect::Pause(handle));
            }
        }
    }

    /// Sends out as many events as may be with the backend at once.
    pub(super) fn pump(&mut self, sessions: &mut Sessions, out: &mut Effects) {
        while self.lease.has_room(self.in_flight) {
            let Some(handle) = self.ready.pop_front() else {
                return;
            };
            let Some(session) = sessions.get_mut(handle) else {
                continue;
            };
            let (id, connection, handshake) = (
                session.id,
                session.info.text().clone(),
                session.handshake.clone(),
            );
            let Some(telling) = &mut session.telling else {
                continue;
            };
            let Some(oldest) = telling.held.front() else {
                continue;
            };
            telling.stage = Stage::Out;
            telling.attempt += 1;
            self.in_flight += 1;
            out.list.push(Effect::CallBackend(Event {
                id: EventId {
                    session: id,
                    number: oldest.number,
                },
                session: handle,
                time: oldest.time,
                attempt: telling.attempt,
                fact: oldest.fact.clone(),
                connection,
                handshake,
            }));
        }
    }

    /// Notes that the oldest event of a session was answered; false if none was out.
    pub(super) fn answered(&mut self, handle: SessionHandle, sessions: &mut Sessions) -> bool {
        let Some(telling) =
            telling_of(handle, sessions).filter(|telling| telling.stage == Stage::Out)
        else {
            return false;
        };
        telling.stage = Stage::Answered;
        self.in_flight -= 1;
        self.lease.freed();
        true
    }

    /// Lets go of the answered event of a session, whose commands have taken effect; its next one may go out.
    pub(super) fn settle(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        if telling_of(handle, sessions).is_some_and(|telling| telling.stage == Stage::Answered) {
            self.release_oldest(handle, sessions, config, out);
        }
    }

    /// Notes that a try has failed: the event waits for its next try, or is given up.
    pub(super) fn failed(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        failure: Failure,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions.get_mut(handle) else {
            return;
        };
        let id = session.id;
        let Some(telling) = session
            .telling
            .as_mut()
            .filter(|telling| telling.stage == Stage::Out)
        else {
            return;
        };
        let Some(oldest) = telling.held.front() else {
            return;
        };
        let event = EventId {
            session: id,
            number: oldest.number,
        };
        self.in_flight -= 1;
        self.lease.freed();
        if failure.is_retryable() {
            let wait = config
                .retry
                .wait(telling.attempt, self.dice.roll(), failure.retry_after());
            let due = now.after(wait);
            telling.stage = Stage::Waiting(due);
            self.retries.push(Reverse((due, handle)));
            out.list.push(Effect::Retrying {
                event,
                attempt: telling.attempt,
                failure,
            });
        } else {
            out.list.push(Effect::Dropped {
                event,
                kind: oldest.fact.kind(),
                failure,
            });
            self.release_oldest(handle, sessions, config, out);
        }
    }

    /// Puts those whose time has come in line again.
    pub(super) fn retry_due(&mut self, now: Timestamp, sessions: &mut Sessions) {
        while let Some(&Reverse((due, handle))) = self.retries.peek() {
            if due > now {
                return;
            }
            self.retries.pop();
            if let Some(telling) =
                telling_of(handle, sessions).filter(|telling| telling.stage == Stage::Waiting(due))
            {
                telling.stage = Stage::Ready;
                self.ready.push_back(handle);
            }
        }
    }

    pub(super) fn next_retry(&self) -> Option<Timestamp> {
        self.retries.peek().map(|Reverse((due, _))| *due)
    }

    fn release_oldest(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions.get_mut(handle) else {
            return;
        };
        let Some(telling) = &mut session.telling else {
            return;
        };
        if let Some(oldest) = telling.held.pop_front() {
            self.events -= 1;
            self.bytes -= oldest.fact.size();
        }
        telling.attempt = 0;
        if telling.held.is_empty() {
            session.telling = None;
        } else {
            telling.stage = Stage::Ready;
            self.ready.push_back(handle);
        }
        let is_over = session.phase == Phase::Gone && session.telling.is_none();
        if session.pause == Some(Lack::Events) {
            self.resume(handle, sessions, config, out);
        }
        if self.bytes <= config.max_held_bytes {
            for paused in std::mem::take(&mut self.short_of_bytes) {
                self.resume(paused, sessions, config, out);
            }
        }
        if is_over {
            sessions.remove(handle);
            out.list.push(Effect::Ended(handle));
        }
    }

    /// Lets a paused connection be read again, or notes what else it lacks.
    fn resume(
        &mut self,
        handle: SessionHandle,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) {
        let Some(session) = sessions
            .get_mut(handle)
            .filter(|session| session.phase != Phase::Gone)
        else {
            return;
        };
        session.pause = self.lacking(session, config);
        match session.pause {
            None => out.list.push(Effect::Resume(handle)),
            Some(Lack::Bytes) => self.short_of_bytes.push(handle),
            Some(Lack::Events) => {}
        }
    }

    /// What a session's latest event did not find; it was taken in on top.
    fn lacking(&self, session: &Session, config: &Config) -> Option<Lack> {
        let held = session
            .telling
            .as_ref()
            .map_or(0, |telling| telling.held.len());
        if held > config.max_held_events {
            Some(Lack::Events)
        } else if self.bytes > config.max_held_bytes {
            Some(Lack::Bytes)
        } else {
            None
        }
    }
}

fn telling_of(handle: SessionHandle, sessions: &mut Sessions) -> Option<&mut Telling> {
    sessions.get_mut(handle)?.telling.as_deref_mut()
}
