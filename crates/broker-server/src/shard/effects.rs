//! Performing what the core wants done: the one place that matches on [`Effect`].

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use broker_backend::Caller;
use broker_core::{
    CommandError, Effect, EventId, EventKind, Failure, LogLevel, Loss, Orders, OtherCommand,
    Outcome, Refusal, SessionHandle, Source, Timestamp,
};

use super::Shard;
use super::complaints::{Complaints, left_out};
use super::farewell::{Farewell, HOLD_FULL};
use super::state::State;
use crate::counters::Closed;

/// What the log has been told of what is wrong with the application, by kinds that do not take room from each other.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    retries: Complaints,
    losses: Complaints,
    answers: Complaints,
    pub(super) frames: Complaints,
}

/// What the driver adds to the outcomes of the list that is being carried out.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The place of a `send` in the list, and how many recipients had no room for it.
    dropped: Vec<(usize, usize)>,
    /// The place of a command that is not the broker's, and what came of it.
    own: Vec<(usize, Outcome)>,
}

impl State {
    /// Performs all effects, and those that arise meanwhile. One that panics takes none of the others with it: a session
    /// whose event is never told, or a caller who is never answered, would wait for ever.
    pub(super) fn perform(&mut self, shard: &Rc<Shard>, now: Timestamp) {
        while !self.effects.list.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            let mut list = effects.list.drain(..);
            let mut perform_rest = || {
                for effect in list.by_ref() {
                    self.perform_one(shard, now, effect, &effects.recipients);
                }
            };
            while catch_unwind(AssertUnwindSafe(&mut perform_rest)).is_err() {
                tracing::error!(
                    event = "trouble",
                    "something that was to be done panicked; the rest is done without it"
                );
            }
            drop(list);
            effects.recipients.clear();
            // The buffers are kept, unless others have been begun meanwhile.
            if self.effects.list.is_empty() {
                self.effects = effects;
            }
        }
        for (session, writer) in std::mem::take(&mut self.blocked) {
            let waiting = shard.flush_when_writable(session, writer);
            self.wait_with(session, waiting);
        }
    }

    fn perform_one(
        &mut self,
        shard: &Rc<Shard>,
        now: Timestamp,
        effect: Effect,
        recipients: &[SessionHandle],
    ) {
        match effect {
            Effect::CallBackend(call) => shard.call_backend(call),
            Effect::Admit(session) => {
                if self.table.namespace(session).is_some() {
                    self.on_behalf_of(now, session, |state| state.let_in(now, session));
                } else {
                    self.lobby.admit(session);
                }
            }
            Effect::Refuse { session, refusal } => {
                self.log_refusal(now, session, &refusal);
                if self.table.namespace(session).is_some() {
                    self.on_behalf_of(now, session, |state| {
                        state.turn_away(now, session, &refusal);
                    });
                } else {
                    self.lobby.refuse(session, &refusal);
                }
            }
            Effect::Deliver { message, to, entry } => {
                tracing::debug!(event = "sent", matched = to.len());
                let dropped = self.deliver(now, &message, &recipients[to]);
                if dropped > 0 {
                    self.tally.dropped.push((entry, dropped));
                }
            }
            Effect::Close { to, code, reason } => {
                let farewell = Farewell::new(code, reason.into_string(), Closed::ByCommand);
                for &session in &recipients[to] {
                    self.start_closing(now, session, farewell.clone());
                }
            }
            Effect::Overflow(session) => self.start_closing(now, session, HOLD_FULL),
            Effect::Tell { notice, to } => self.notify(now, &notice, &recipients[to]),
            Effect::Post { shard: to, letter } => {
                self.post_letter(to, letter);
                shard.letters[usize::from(to)].notify_one();
            }
            Effect::Unanswered { session, .. } => {
                self.settings.counters.count_unanswered();
                if let Some(session) = self.broker.session(session) {
                    tracing::debug!(event = "unanswered", conn = %session.id, "a request of the client's was not answered in time");
                }
            }
            Effect::Pause(session) => self.pause(session),
            Effect::Resume(session) => {
                self.on_behalf_of(now, session, |state| state.resume(now, session));
            }
            Effect::Route(orders) => shard.route(orders),
            Effect::Log { text, level } => log_command(&text, level),
            Effect::RunOther {
                command,
                origin,
                entry,
            } => {
                if let Some(outcome) = self.run_other(shard, &command, origin) {
                    self.tally.own.push((entry, outcome));
                }
            }
            Effect::Executed { orders, outcomes } => self.executed(now, &orders, outcomes),
            Effect::Retrying {
                event,
                attempt,
                failure,
            } => {
                self.log_retry(now, event, attempt, &failure);
            }
            Effect::Dropped {
                event,
                kind,
                reason,
            } => {
                self.log_loss(now, event, kind, &reason);
            }
            Effect::Ended(_) => shard.ebb.notify_waiters(),
        }
    }

    /// Begins to close the connection of a session, or notes that it is to be closed as soon as there is one.
    fn start_closing(&mut self, now: Timestamp, session: SessionHandle, farewell: Farewell) {
        if !self.lobby.close(session, &farewell) {
            self.on_behalf_of(now, session, |state| state.close(now, session, farewell));
        }
    }

    /// Says that a call has failed.
    fn log_retry(&mut self, now: Timestamp, event: EventId, attempt: u32, failure: &Failure) {
        if let Some(count) = self.troubles.retries.admit(now) {
            let (held, more) = (self.broker.events_held(), left_out(count));
            tracing::warn!(event = "retry", event_id = %event, conn = %event.session, attempt, "{failure}; it is tried again; events held: {held}{more}");
        } else {
            tracing::debug!(event = "retry", event_id = %event, conn = %event.session, attempt, "{failure}; it is tried again");
        }
    }

    /// Says that an event was given up.
    fn log_loss(&mut self, now: Timestamp, event: EventId, kind: EventKind, reason: &Loss) {
        self.settings.counters.count_lost(reason);
        let kind = kind.name();
        if let Some(count) = self.troubles.losses.admit(now) {
            let more = left_out(count);
            tracing::error!(event = "dropped", event_id = %event, conn = %event.session, r#type = kind, "{reason}; the event is given up{more}");
        } else {
            tracing::debug!(event = "dropped", event_id = %event, conn = %event.session, r#type = kind, "{reason}; the event is given up");
        }
    }

    /// Says that the application has not answered as it should when it was asked about a handshake; that it does not let
    /// a client in is its good right.
    fn log_refusal(&mut self, now: Timestamp, session: SessionHandle, refusal: &Refusal) {
        match refusal {
            Refusal::Backend(Failure::Status { code, .. }) if (400..500).contains(code) => {}
            Refusal::Backend(failure) => {
                let what = format!("{failure}; the client whose handshake waited is turned away");
                self.complain(now, Some(session), &what);
            }
            Refusal::Closed | Refusal::Away(_) => {}
        }
    }

    /// Says what is wrong with something that the application said about a session, if it is one of this shard.
    pub(super) fn complain(&mut self, now: Timestamp, session: Option<SessionHandle>, what: &str) {
        let Some(count) = self.troubles.answers.admit(now) else {
            return;
        };
        let more = left_out(count);
        match session.and_then(|session| self.broker.session(session)) {
            Some(session) => {
                tracing::warn!(event = "refused", conn = %session.id, "{what}{more}");
            }
            None => tracing::warn!(event = "refused", "{what}{more}"),
        }
    }

    /// Nobody waits for what comes of an answer, so what is wrong with it goes to the log.
    fn log_refusals(&mut self, now: Timestamp, orders: &Orders, outcomes: &[Outcome]) {
        for (place, outcome) in outcomes.iter().enumerate() {
            if let (Outcome::Refused(error), Some(origin)) = (outcome, orders.origin) {
                let what = format!("command {place} of the backend's answer: {error}");
                // Its name says nothing on other shards than its own.
                let session = (origin.shard == self.number()).then_some(origin.session);
                self.complain(now, session, &what);
            }
        }
        tracing::debug!(event = "from_backend", matched = orders.list.entries.len());
    }

    fn run_other(
        &self,
        shard: &Rc<Shard>,
        command: &OtherCommand,
        origin: Option<SessionHandle>,
    ) -> Option<Outcome> {
        let caller = origin.and_then(|session| self.caller(session));
        let work = AssertUnwindSafe(|| shard.backend.command(command, caller.as_ref()));
        let failed = |what: &str| {
            Outcome::Refused(CommandError::Own {
                name: command.name.clone(),
                what: what.into(),
            })
        };
        match catch_unwind(work) {
            Ok(None) => None,
            Ok(Some(Ok(value))) => Some(Outcome::Own(value.get().into())),
            Ok(Some(Err(what))) => Some(failed(&what)),
            Err(_) => Some(failed("panicked")),
        }
    }

    fn caller(&self, session: SessionHandle) -> Option<Caller> {
        let session = self.broker.session(session)?;
        Some(Caller {
            id: session.id,
            connection: session.info.text().clone(),
            handshake: session.handshake.clone(),
        })
    }

    fn executed(&mut self, now: Timestamp, orders: &Orders, mut outcomes: Vec<Outcome>) {
        // Both are taken first: whatever goes wrong below, the next list begins with a tally of its own, and who waits
        // for this one is not kept waiting.
        let tally = std::mem::take(&mut self.tally);
        let reply = orders
            .ticket
            .checked_sub(1)
            .and_then(|place| self.waiting.try_remove(place as usize));
        for (entry, lost) in tally.dropped {
            if let Some(Outcome::Sent { dropped, .. }) = outcomes.get_mut(entry) {
                *dropped += lost;
            }
        }
        for (entry, own) in tally.own {
            if let Some(outcome) = outcomes.get_mut(entry) {
                *outcome = own;
            }
        }
        if orders.source == Source::Answer {
            self.log_refusals(now, orders, &outcomes);
        }
        if let Some(reply) = reply {
            // Whoever asked may have given up.
            let _ = reply.try_send(outcomes);
        }
    }
}

/// A log line of the application's own is shown whatever the level: it is emitted at info, and says its own.
fn log_command(text: &str, level: LogLevel) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    // A string is shown as it reads, anything else as JSON.
    let text = broker_core::json::string(text).unwrap_or(Cow::Borrowed(text));
    tracing::info!(event = "command_log", level, body = &*text);
}
