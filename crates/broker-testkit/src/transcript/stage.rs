//! Playing a transcript: a broker of one shard, its clients and its backend, in virtual time.

mod clients;
mod effects;
mod namespaces;
mod setting;

use std::collections::VecDeque;
use std::time::Duration;

use broker_core::{
    Broker, CallHandle, CommandList, Effects, Failure, Orders, SessionHandle, SessionId, Source,
    Timestamp,
};
use broker_dialect::DialectState;
use bytes::Bytes;

use self::namespaces::Member;
use self::setting::Setting;
use super::script::{Cue, Said};
use super::sight::Sight;

/// Everybody who takes part, and the time.
#[derive(Debug)]
pub(super) struct Stage {
    setting: Setting,
    /// Made with the settings in force when it is first needed.
    broker: Option<Broker>,
    effects: Effects,
    now: Timestamp,
    clients: Vec<Client>,
    /// Clients in namespaces, each with a session of its own.
    members: Vec<Member>,
    seen: Vec<Sight>,
}

/// A client, from its connecting to the end of the transcript.
#[derive(Debug)]
struct Client {
    name: String,
    id: SessionId,
    dialect: DialectState,
    /// None where the dialect has no sessions, or the client was turned away.
    session: Option<SessionHandle>,
    is_open: bool,
    is_paused: bool,
    /// What it said while it was paused.
    unread: VecDeque<Said>,
    /// Whether the backend has an event of its to answer.
    call: Option<CallHandle>,
    /// The broker's close, which the client has yet to return.
    closing: Option<(u16, String)>,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage {
            setting: Setting::default(),
            broker: None,
            effects: Effects::default(),
            now: Timestamp(1_800_000_000_000),
            clients: Vec::new(),
            members: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl Stage {
    /// Does what the cue says; returns what came of it.
    ///
    /// # Errors
    /// When it cannot be done: the transcript is at fault.
    pub(super) fn play(&mut self, cue: Cue) -> Result<Vec<Sight>, String> {
        match cue {
            Cue::With { key, value } => match self.broker {
                None => self.setting.set(&key, &value)?,
                Some(_) => self.setting.set_late(&key, &value)?,
            },
            Cue::Connects { who, ip, cookies } => self.connect(who, &ip, &cookies)?,
            Cue::AreConnected { who, info } => {
                for name in who {
                    self.connect_quietly(name, info.as_deref())?;
                }
            }
            Cue::Says { who, message } => self.say(&who, message)?,
            Cue::Closes { who, code, reason } => self.close(&who, code, &reason)?,
            Cue::IsGone { who } => self.close(&who, 1006, "")?,
            Cue::Answers { who, body } => self.answer(&who, &body)?,
            Cue::Fails { who, failure } => self.fail(&who, failure)?,
            Cue::Commands { source, body } => self.command(source, &body),
            Cue::TimePasses => {
                let due = self.next_deadline().ok_or("nothing is ever due")?;
                self.advance(due);
            }
            Cue::Pass(span) => self.pass(span),
        }
        self.perform();
        Ok(std::mem::take(&mut self.seen))
    }

    fn answer(&mut self, name: &str, body: &str) -> Result<(), String> {
        let call = self.told(name)?;
        let now = self.now;
        let list = CommandList::parse(
            &Bytes::from(self.with_ids(body)),
            self.setting.reading(false),
        );
        let (broker, effects) = self.broker();
        match list {
            Ok(list) => broker.backend_replied(now, call, [list], effects),
            Err(error) => {
                let failure = Failure::BadAnswer(error.to_string().into());
                broker.backend_failed(now, call, failure, effects);
            }
        }
        Ok(())
    }

    fn fail(&mut self, name: &str, failure: Failure) -> Result<(), String> {
        let call = self.told(name)?;
        let now = self.now;
        let (broker, effects) = self.broker();
        broker.backend_failed(now, call, failure, effects);
        Ok(())
    }

    /// The call that the backend is about to be done with.
    fn told(&mut self, name: &str) -> Result<CallHandle, String> {
        let call = match self.member(name) {
            Some(member) => member.call.take(),
            None => self.client(name)?.call.take(),
        };
        call.ok_or_else(|| format!("the backend has no event of {name} to answer"))
    }

    fn command(&mut self, source: Source, body: &str) {
        let is_strict = source == Source::Admin;
        match CommandList::parse(
            &Bytes::from(self.with_ids(body)),
            self.setting.reading(is_strict),
        ) {
            Err(error) => self.see(format!("{} <- refused: {error}", source.name())),
            Ok(list) => {
                let orders = Orders {
                    list: list.into(),
                    source,
                    origin: None,
                    ticket: 0,
                };
                let now = self.now;
                let (broker, effects) = self.broker();
                broker.execute(now, orders, effects);
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        while let Some(due) = self.next_deadline().filter(|due| *due <= end) {
            self.advance(due);
            self.perform();
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        let dialects = self.clients.iter().filter(|client| client.is_open);
        let dialects = dialects.filter_map(|client| client.dialect.next_deadline());
        let broker = self.broker.as_ref().and_then(Broker::next_deadline);
        dialects.chain(broker).min()
    }

    fn advance(&mut self, due: Timestamp) {
        self.now = self.now.max(due);
        let now = self.now;
        let (broker, effects) = self.broker();
        broker.handle_timeout(now, effects);
        for place in 0..self.clients.len() {
            let client = &mut self.clients[place];
            let mut actions = Vec::new();
            client
                .dialect
                .handle_timeout(now, !client.is_paused, &mut |action| actions.push(action));
            let name = client.name.clone();
            self.act(&name, actions);
        }
    }

    fn see(&mut self, line: impl Into<String>) {
        let line = self.named(&line.into());
        self.seen.push(Sight::Plain(line));
    }

    fn broker(&mut self) -> (&mut Broker, &mut Effects) {
        let broker = self
            .broker
            .get_or_insert_with(|| Broker::new(self.setting.config.clone()));
        (broker, &mut self.effects)
    }

    fn client(&mut self, name: &str) -> Result<&mut Client, String> {
        let mut clients = self.clients.iter_mut();
        let named = clients.find(|client| client.name == name);
        named.ok_or_else(|| format!("there is no {name}"))
    }

    /// The name of whose session it is, and where the call is noted that tells of it.
    fn told_of(&mut self, id: SessionId) -> (&str, &mut Option<CallHandle>) {
        if let Some(member) = self.members.iter_mut().find(|member| member.id == id) {
            return (&member.name, &mut member.call);
        }
        let mut clients = self.clients.iter_mut();
        let client = clients.find(|client| client.id == id);
        let client = client.expect("the broker made up a session");
        (&client.name, &mut client.call)
    }

    fn client_of(&self, session: SessionHandle) -> Option<&Client> {
        self.clients
            .iter()
            .find(|client| client.session == Some(session))
    }

    /// A text of the broker's, with `<A>` in place of the id of A.
    fn named(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in self.ids() {
            text = text.replace(&id.to_string(), &format!("<{name}>"));
        }
        text
    }

    /// A text of the transcript's, with the id of A in place of `<A>`.
    fn with_ids(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in self.ids() {
            text = text.replace(&format!("<{name}>"), &id.to_string());
        }
        text
    }

    fn ids(&self) -> impl Iterator<Item = (SessionId, &str)> {
        let clients = self.clients.iter();
        let clients = clients.map(|client| (client.id, &*client.name));
        let members = self.members.iter();
        clients.chain(members.map(|member| (member.id, &*member.name)))
    }
}
