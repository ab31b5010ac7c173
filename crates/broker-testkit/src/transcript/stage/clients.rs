//! What clients do.

use std::collections::VecDeque;

use broker_core::{Info, Opening, SessionHandle, SessionId};
use broker_dialect::{Action, Incoming, Sessions, Start};

use super::{Client, Stage};
use crate::transcript::script::Said;
use crate::transcript::sight::Sight;

impl Stage {
    pub(super) fn connect(
        &mut self,
        name: String,
        ip: &str,
        cookies: &[String],
    ) -> Result<(), String> {
        if self.clients.iter().any(|client| client.name == name) {
            return Err(format!("there is a {name} already"));
        }
        let place = u8::try_from(self.clients.len() + 1).map_err(|_| "too many clients")?;
        let id = SessionId::new(0, [place; 14]);
        let start = Start::new(self.now, id, &self.setting.options);
        let mut actions = Vec::new();
        let mut act = |action| actions.push(action);
        let sessions = self.setting.dialect.sessions();
        let mut client = Client {
            name,
            id,
            dialect: self.setting.dialect.open(&start, &mut act),
            session: None,
            is_open: true,
            is_paused: false,
            unread: VecDeque::new(),
            call: None,
            closing: None,
        };
        if sessions != Sessions::Untold {
            let headers = cookies.iter().map(String::as_bytes);
            let info = Info::at_connect(
                headers,
                &self.setting.cookies,
                ip,
                client.id,
                self.setting.config.max_session,
            );
            match info {
                Err(error) => {
                    client.is_open = false;
                    self.see(format!("{} is refused: {error}", client.name));
                }
                Ok(info) => {
                    let mut opening = Opening::new(client.id, info);
                    opening.order = u64::from(place);
                    opening.is_told = sessions == Sessions::One;
                    opening.is_reachable = sessions == Sessions::One;
                    let now = self.now;
                    let (broker, effects) = self.broker();
                    client.session = Some(broker.open(now, opening, effects));
                }
            }
        }
        let name = client.name.clone();
        self.clients.push(client);
        self.act(&name, actions);
        Ok(())
    }

    /// Lets a client connect, and answers the event with its session info.
    pub(super) fn connect_quietly(
        &mut self,
        name: String,
        info: Option<&str>,
    ) -> Result<(), String> {
        let seen = std::mem::take(&mut self.seen);
        self.connect(name.clone(), "127.0.0.1", &[])?;
        self.perform();
        let command = info.map(|info| format!(r#"{{"type":"session","data":{info}}}"#));
        self.answer(&name, &command.unwrap_or_default())?;
        self.perform();
        let events = std::mem::replace(&mut self.seen, seen);
        match &events[..] {
            [Sight::Told { .. }] => Ok(()),
            other => Err(format!("{name} is not simply connected: {other:?}")),
        }
    }

    pub(super) fn say(&mut self, name: &str, message: Said) -> Result<(), String> {
        let message = match message {
            Said::Text(text) => Said::Text(self.with_ids(&text)),
            Said::Binary(bytes) => Said::Binary(bytes),
        };
        let client = self.client(name)?;
        if !client.is_open {
            return Err(format!("{name} has no connection"));
        }
        client.unread.push_back(message);
        Ok(())
    }

    /// Reads one message of a client that the broker wants to hear; false if there is none.
    pub(super) fn read_one(&mut self) -> bool {
        let now = self.now;
        let next = self.clients.iter_mut().find_map(|client| {
            let is_read = client.is_open && !client.is_paused;
            let message = client.unread.pop_front_if(|_| is_read)?;
            Some((client, message))
        });
        let Some((client, message)) = next else {
            return false;
        };
        let incoming = match &message {
            Said::Text(text) => Incoming::Text(text),
            Said::Binary(bytes) => Incoming::Binary(bytes),
        };
        let mut actions = Vec::new();
        let mut act = |action| actions.push(action);
        client.dialect.receive(now, incoming, &mut act);
        let name = client.name.clone();
        self.act(&name, actions);
        true
    }

    pub(super) fn act(&mut self, name: &str, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(words) => self.hear(name, &words),
                Action::Refuse { code, reason } => self.start_closing(name, code, &reason),
                action @ (Action::Enter { .. }
                | Action::Leave { .. }
                | Action::Say { .. }
                | Action::Acknowledge { .. }) => self.act_in_namespace(name, action),
                Action::AbandonUpgrade => {}
                Action::PassOver(why) => self.see(format!("passed over {name}: {why}")),
                action @ (Action::Message(_)
                | Action::Register(_)
                | Action::Unregister
                | Action::Relay(_)
                | Action::Answer { .. }) => {
                    let session = self.client(name).ok().and_then(|client| client.session);
                    if let Some(why) = session.and_then(|session| self.tell_core(session, action)) {
                        self.see(format!("passed over {name}: {why}"));
                    }
                }
            }
        }
    }

    /// Does in the core what a client wants; why not, if it is refused.
    fn tell_core(&mut self, session: SessionHandle, action: Action) -> Option<String> {
        let now = self.now;
        let (broker, effects) = self.broker();
        match action {
            Action::Message(message) => broker.receive(now, session, message, effects),
            Action::Register(name) => {
                let registered = broker.register(now, session, name, effects);
                return registered.err().map(|error| error.to_string());
            }
            Action::Unregister => broker.unregister(now, session, effects),
            Action::Relay(relay) => broker.relay(now, session, relay, effects),
            Action::Answer { ack, message } => {
                let answered = broker.answer(now, session, ack, message, effects);
                return answered.err().map(|error| error.to_string());
            }
            // They are no matter of the core, or not of this session.
            Action::Reply(_)
            | Action::Refuse { .. }
            | Action::PassOver(_)
            | Action::Enter { .. }
            | Action::Leave { .. }
            | Action::Say { .. }
            | Action::Acknowledge { .. }
            | Action::AbandonUpgrade => {}
        }
        None
    }

    pub(super) fn close(&mut self, name: &str, code: u16, reason: &str) -> Result<(), String> {
        let now = self.now;
        let client = self.client(name)?;
        if !std::mem::replace(&mut client.is_open, false) {
            return Err(format!("{name} has no connection"));
        }
        let session = client.session;
        self.end_members(name, code, reason);
        if let Some(session) = session {
            let (broker, effects) = self.broker();
            broker.close(now, session, code, reason, effects);
        }
        Ok(())
    }
}
