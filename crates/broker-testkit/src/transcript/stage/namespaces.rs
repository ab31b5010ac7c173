//! Clients in namespaces, and who hears what.

use broker_core::{CallHandle, Entrance, Info, Message, Notice, Opening, SessionHandle, SessionId};
use broker_dialect::socketio::NamespaceIndex;
use broker_dialect::{Action, DialectKind, Words};

use super::{Client, Stage};
use crate::transcript::sight::Sight;

/// A client in a namespace. `A/room` is the name of A in `/room`.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) id: SessionId,
    pub(super) call: Option<CallHandle>,
    client: String,
    namespace: NamespaceIndex,
    session: SessionHandle,
    /// Whether its session goes on.
    is_in: bool,
}

impl Stage {
    pub(super) fn member(&mut self, name: &str) -> Option<&mut Member> {
        // Who comes back has the name of who was there before.
        let mut members = self.members.iter_mut().rev();
        members.find(|member| member.name == name)
    }

    /// What a client wants done in a namespace.
    pub(super) fn act_in_namespace(&mut self, name: &str, action: Action) {
        let now = self.now;
        match action {
            Action::Enter {
                namespace,
                name: entered,
                auth,
            } => self.enter(name, namespace, entered, auth),
            Action::Leave { namespace } => {
                if let Some(session) = self.leave(name, namespace) {
                    let (broker, effects) = self.broker();
                    broker.close(now, session, 1000, "client namespace disconnect", effects);
                }
            }
            Action::Say {
                namespace,
                message,
                token,
            } => {
                if let Some(session) = self.session_in(name, namespace) {
                    let (broker, effects) = self.broker();
                    match token {
                        Some(token) => broker.ask(now, session, message, token, effects),
                        None => broker.receive(now, session, message, effects),
                    }
                }
            }
            Action::Acknowledge {
                namespace,
                ack,
                args,
            } => {
                if let Some(session) = self.session_in(name, namespace) {
                    let (broker, effects) = self.broker();
                    broker.acknowledge(now, session, ack, args, effects);
                }
            }
            Action::Message(_)
            | Action::Register(_)
            | Action::Unregister
            | Action::Relay(_)
            | Action::Answer { .. }
            | Action::PassOver(_)
            | Action::Reply(_)
            | Action::AbandonUpgrade
            | Action::Refuse { .. } => {}
        }
    }

    fn enter(&mut self, name: &str, namespace: NamespaceIndex, entered: Box<str>, auth: Box<str>) {
        let (now, limit) = (self.now, self.setting.config.max_session);
        let place = u8::try_from(self.members.len() + 1).expect("few members");
        let id = SessionId::new(0, [255 - place; 14]);
        let own = self.client(name).ok().and_then(|client| client.session);
        let (broker, effects) = self.broker();
        let base = own.and_then(|own| broker.session(own));
        let base = base.expect("a client that enters has a session of its own");
        let info: Info = base.info.for_session(id, limit).expect("room for its id");
        let mut opening = Opening::new(id, info);
        opening.order = base.order;
        opening.entrance = Some(Box::new(Entrance {
            namespace: entered.clone(),
            auth,
        }));
        let session = broker.open(now, opening, effects);
        self.members.push(Member {
            name: format!("{name}{entered}"),
            id,
            call: None,
            client: name.to_owned(),
            namespace,
            session,
            is_in: true,
        });
        if let Ok(client) = self.client(name)
            && let Some(words) = client.dialect.entered(namespace, id)
        {
            self.hear(name, &words);
        }
    }

    /// Puts a client out of a namespace.
    pub(super) fn put_out(&mut self, session: SessionHandle, code: u16, reason: &str) {
        let now = self.now;
        let Some((client, Some(namespace))) = self.reached_by(session) else {
            return;
        };
        let name = client.name.clone();
        let client = self.client(&name).ok();
        let words = client.and_then(|client| client.dialect.put_out(now, namespace));
        if let Some(words) = words {
            self.hear(&name, &words);
        }
        self.leave(&name, namespace);
        let (broker, effects) = self.broker();
        broker.close(now, session, code, reason, effects);
    }

    /// Ends the sessions of a client in all its namespaces.
    pub(super) fn end_members(&mut self, name: &str, code: u16, reason: &str) {
        let now = self.now;
        let members = self.members.iter_mut();
        let ending = members.filter(|member| member.client == name && member.is_in);
        let ending: Vec<_> = ending
            .map(|member| {
                member.is_in = false;
                member.session
            })
            .collect();
        for session in ending {
            let (broker, effects) = self.broker();
            broker.close(now, session, code, reason, effects);
        }
    }

    /// The client that a session belongs to, and the namespace if it is the session of one.
    pub(super) fn reached_by(
        &self,
        session: SessionHandle,
    ) -> Option<(&Client, Option<NamespaceIndex>)> {
        if let Some(client) = self.client_of(session) {
            return Some((client, None));
        }
        let mut members = self.members.iter();
        let member = members.find(|member| member.session == session && member.is_in)?;
        let mut clients = self.clients.iter();
        let client = clients.find(|client| client.name == member.client)?;
        Some((client, Some(member.namespace)))
    }

    /// A message of the backend's, in the words of each who hears it.
    pub(super) fn deliver(&mut self, message: &Message, recipients: &[SessionHandle]) {
        for kind in DialectKind::ALL {
            let mut said: Vec<(Words, Vec<String>)> = Vec::new();
            for &session in recipients {
                let reached = self.reached_by(session);
                let reached = reached.filter(|(client, _)| client.dialect.kind() == kind);
                let Some((client, namespace)) = reached else {
                    continue;
                };
                let name = client.name.clone();
                let Some(audience) = client.dialect.audience(namespace) else {
                    continue;
                };
                let words = match kind.encode(&audience, message) {
                    Ok(words) => words,
                    Err(error) => {
                        self.see(format!("not sent to {name}: {error}"));
                        continue;
                    }
                };
                if let (Some(namespace), Some(ack)) = (namespace, words.asks())
                    && let Ok(client) = self.client(&name)
                {
                    client.dialect.expect(namespace, ack);
                }
                match said.iter_mut().find(|(known, _)| *known == words) {
                    Some((_, names)) => names.push(name),
                    None => said.push((words, vec![name])),
                }
            }
            for (words, names) in said {
                self.hear(&names.join(", "), &words);
            }
        }
    }

    /// What the broker has to say to a client.
    pub(super) fn notify(&mut self, session: SessionHandle, notice: &Notice) {
        let Some((client, namespace)) = self.reached_by(session) else {
            return;
        };
        let name = client.name.clone();
        let is_open = client.is_open;
        let Some(audience) = client.dialect.audience(namespace) else {
            return;
        };
        match client.dialect.kind().notice(&audience, notice) {
            Ok(Some(words)) if is_open => self.hear(&name, &words),
            Ok(_) => {}
            Err(error) => self.see(format!("not sent to {name}: {error}")),
        }
    }

    /// Notes what is heard, by those of these names.
    pub(super) fn hear(&mut self, names: &str, words: &Words) {
        for message in words.messages() {
            let heard = Sight::heard(names, &message).to_string();
            self.see(heard);
        }
    }

    fn session_in(&self, name: &str, namespace: NamespaceIndex) -> Option<SessionHandle> {
        let mut members = self.members.iter();
        let member = members.find(|member| {
            member.client == name && member.namespace == namespace && member.is_in
        })?;
        Some(member.session)
    }

    fn leave(&mut self, name: &str, namespace: NamespaceIndex) -> Option<SessionHandle> {
        let session = self.session_in(name, namespace)?;
        let mut members = self.members.iter_mut();
        let member = members.find(|member| member.session == session)?;
        member.is_in = false;
        Some(session)
    }
}
