//! Performing what the core wants done: the one place that matches on [`Effect`].

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use broker_backend::Caller;
use broker_core::{
    CommandError, Effect, Event, EventId, Failure, LogLevel, Orders, OtherCommand, Outcome,
    SessionHandle, Source, Timestamp,
};
use futures_util::FutureExt;

use super::Shard;
use super::farewell::Farewell;
use super::state::State;
use crate::counters::Closed;

/// How often a shard warns of failed tries at most.
const RETRY_WARNINGS_EVERY: Duration = Duration::from_secs(5);

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
            Effect::CallBackend(event) => shard.call_backend(event),
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
                    let farewell = farewell.clone();
                    self.on_behalf_of(now, session, |state| state.close(now, session, farewell));
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
            Effect::Executed { orders, outcomes } => self.executed(&orders, outcomes),
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
                failure,
            } => {
                let kind = kind.name();
                tracing::error!(event = "dropped", event_id = %event, r#type = kind, "{failure}; the event is given up");
            }
            Effect::Ended(_) => shard.ebb.notify_waiters(),
        }
    }

    /// Says that a try has failed; not more often than [`RETRY_WARNINGS_EVERY`] where everybody would see it, since with
    /// the backend away each connection has such tries.
    fn log_retry(&mut self, now: Timestamp, event: EventId, attempt: u32, failure: &Failure) {
        let is_due = |last: Timestamp| now.since(last) >= RETRY_WARNINGS_EVERY;
        if self.last_retry_warning.is_none_or(is_due) {
            self.last_retry_warning = Some(now);
            let held = self.broker.events_held();
            tracing::warn!(event = "retry", event_id = %event, attempt, "{failure}; {held} events are held and tried again");
        } else {
            tracing::debug!(event = "retry", event_id = %event, attempt, "{failure}; it is tried again");
        }
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

    fn executed(&mut self, orders: &Orders, mut outcomes: Vec<Outcome>) {
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
            log_refusals(orders, &outcomes);
        }
        if let Some(reply) = reply {
            // Whoever asked may have given up.
            let _ = reply.try_send(outcomes);
        }
    }
}

/// Nobody waits for what comes of an answer, so what is wrong with it goes to the log.
fn log_refusals(orders: &Orders, outcomes: &[Outcome]) {
    for (place, outcome) in outcomes.iter().enumerate() {
        if let Outcome::Refused(error) = outcome {
            tracing::warn!(
                event = "refused",
                "command {place} of the backend's answer: {error}"
            );
        }
    }
    tracing::debug!(event = "from_backend", matched = orders.list.entries.len());
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

/// Tells the backend one event, as one try, and the core what came of it.
pub(super) async fn call_backend(shard: Rc<Shard>, event: Event) {
    let session = event.session;
    tracing::debug!(event = "to_backend", event_id = %event.id, attempt = event.attempt, r#type = event.fact.kind().name());
    // The call is made inside too: what an embedder has written may panic before it gives a future.
    let call = AssertUnwindSafe(async { shard.backend.call(event).await }).catch_unwind();
    let outcome = call
        .await
        .unwrap_or_else(|_| Err(Failure::Panicked("its call panicked".into())));
    if let Ok(list) = &outcome {
        shard.settings.overlooked.tell(list);
    }
    shard.work_for(session, |state, now| match outcome {
        Ok(list) => state
            .broker
            .backend_replied(session, list, &mut state.effects),
        Err(failure) => state
            .broker
            .backend_failed(now, session, failure, &mut state.effects),
    });
}
