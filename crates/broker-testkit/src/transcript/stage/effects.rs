//! Doing what the broker asks for, and noting what of it can be seen.

use broker_core::{
    Effect, Orders, Outcome, SessionHandle, Source, close_code, write_receipts, write_results,
};

use super::Stage;
use crate::transcript::sight::Sight;

impl Stage {
    /// Does what the broker asks for, until it asks for nothing more.
    pub(super) fn perform(&mut self) {
        loop {
            while !self.effects.list.is_empty() {
                for effect in std::mem::take(&mut self.effects.list) {
                    self.perform_one(effect);
                }
            }
            self.effects.recipients.clear();
            let now = self.now;
            let (broker, effects) = self.broker();
            if broker.is_busy() {
                broker.resume(now, effects);
            } else if !self.return_close() && !self.read_one() {
                return;
            }
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::CallBackend(call) => {
                let event = &call.events[0];
                let mut message = Vec::new();
                event.fact.write_message(&mut message);
                let (name, noted) = self.told_of(event.id.session);
                let who = name.to_owned();
                *noted = Some(call.handle);
                let told = Sight::Told {
                    who,
                    id: self.named(&event.id.to_string()),
                    attempt: event.attempt,
                    message: self.named(&String::from_utf8_lossy(&message)),
                    connection: self.named(&event.connection),
                };
                self.seen.push(told);
            }
            Effect::Deliver { message, to, .. } => {
                let recipients = self.effects.recipients[to].to_vec();
                self.deliver(&message, &recipients);
            }
            Effect::Close { to, code, reason } => {
                let closed = self.effects.recipients[to].to_vec();
                for session in closed {
                    self.dismiss(session, code, &reason);
                }
            }
            Effect::Overflow(session) => {
                let reason = "too much is held for the backend";
                self.dismiss(session, close_code::TRY_AGAIN_LATER, reason);
            }
            Effect::Tell { notice, to } => {
                let recipients = self.effects.recipients[to].to_vec();
                for session in recipients {
                    self.notify(session, &notice);
                }
            }
            Effect::Unanswered { session, token } => {
                if let Some((client, _)) = self.reached_by(session) {
                    self.see(format!("unanswered {}: {}", client.name, token.text()));
                }
            }
            Effect::Post { .. } => panic!("a letter to a shard that there is not"),
            Effect::Pause(session) => self.set_paused(session, true),
            Effect::Resume(session) => self.set_paused(session, false),
            Effect::Route(orders) => {
                let now = self.now;
                let (broker, effects) = self.broker();
                broker.execute(now, orders, effects);
            }
            Effect::Log { text, level } => {
                self.see(format!(
                    "log {} {text}",
                    format!("{level:?}").to_lowercase()
                ));
            }
            Effect::Executed { orders, outcomes } => self.report(&orders, &outcomes),
            Effect::Retrying { event, failure, .. } => {
                let who = self.told_of(event.session).0.to_owned();
                self.see(format!("held {who}: {failure}"));
            }
            Effect::Dropped { event, reason, .. } => {
                let who = self.told_of(event.session).0.to_owned();
                self.see(format!("dropped {who}: {reason}"));
            }
            // No command of an embedder's own is known here, an ended session shows nothing, and no handshake waits.
            Effect::RunOther { .. }
            | Effect::Ended(_)
            | Effect::Admit(_)
            | Effect::Refuse { .. } => {}
        }
    }

    fn report(&mut self, orders: &Orders, outcomes: &[Outcome]) {
        let mut out = Vec::new();
        match orders.source {
            Source::Public => write_results(&orders.list, outcomes, &mut out),
            Source::Admin => write_receipts(&orders.list, outcomes, &mut out),
            Source::Answer | Source::Embedder => {
                for (place, outcome) in outcomes.iter().enumerate() {
                    if let Outcome::Refused(error) = outcome {
                        self.see(format!("refused: command {}: {error}", place + 1));
                    }
                }
                return;
            }
        }
        let text = String::from_utf8_lossy(&out);
        let text = format!("{} <- {text}", orders.source.name());
        self.see(text.trim_end().to_owned());
    }

    /// Begins to close a client's connection, or puts the client out of a namespace, whichever the session is.
    fn dismiss(&mut self, session: SessionHandle, code: u16, reason: &str) {
        if let Some(client) = self.client_of(session) {
            let name = client.name.clone();
            self.start_closing(&name, code, reason);
        } else {
            self.put_out(session, code, reason);
        }
    }

    pub(super) fn start_closing(&mut self, name: &str, code: u16, reason: &str) {
        self.see(
            format!("{name} is closed {code} {reason}")
                .trim_end()
                .to_owned(),
        );
        if let Ok(client) = self.client(name) {
            client.is_open = false;
            client.closing = Some((code, reason.to_owned()));
        }
    }

    /// Lets one client return the broker's close; false if there is none.
    fn return_close(&mut self) -> bool {
        let now = self.now;
        let closing = self.clients.iter_mut().find_map(|client| {
            let (code, reason) = client.closing.take()?;
            Some((client.name.clone(), client.session, code, reason))
        });
        let Some((name, session, code, reason)) = closing else {
            return false;
        };
        self.end_members(&name, code, &reason);
        if let Some(session) = session {
            let (broker, effects) = self.broker();
            broker.close(now, session, code, &reason, effects);
        }
        true
    }

    fn set_paused(&mut self, session: SessionHandle, is_paused: bool) {
        let Some((client, _)) = self.reached_by(session) else {
            return;
        };
        let name = client.name.clone();
        if let Ok(client) = self.client(&name) {
            client.is_paused = is_paused;
            let what = if is_paused { "paused" } else { "read again" };
            let line = format!("{name} is {what}");
            self.see(line);
        }
    }
}
