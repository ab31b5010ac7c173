//! From client to client: messages to those who hold names, requests and answers.

use bytes::Bytes;
use smallvec::SmallVec;

use super::Broker;
use crate::effect::{Effect, Effects};
use crate::letter::{Content, Letter, Notice, Parcel};
use crate::message::ClientMessage;
use crate::request::{Ack, RequestId, RequestToken};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// A message of a client's for others, by their names.
#[derive(Clone, Debug)]
pub struct Relay {
    /// The string forms of the names. Who stands there twice gets it twice; a name that nobody holds is passed over.
    pub to: SmallVec<[Box<str>; 1]>,
    /// Any JSON.
    pub message: Bytes,
    /// What the client calls the request, if it wants an answer; whoever answers first is heard.
    pub token: Option<RequestToken>,
    /// What the backend is told of it, if it is; it may answer too.
    pub told: Option<ClientMessage>,
}

/// An answer to a request that the session was not asked, or with an ack that was made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this connection was not asked")]
pub struct NotAsked;

impl Broker {
    /// Passes a client's message on to those who hold the names that it is for.
    pub fn relay(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        relay: Relay,
        out: &mut Effects,
    ) {
        if self.connected(handle).is_none() {
            return;
        }
        let request = relay
            .token
            .and_then(|token| self.request(now, handle, token, out));
        if let Some(told) = relay.told {
            let told = match request {
                Some(request) => told.asking(self.config.secret.ack(request, None)),
                None => told,
            };
            self.receive(now, handle, told, out);
        }
        let parcel = Parcel {
            message: relay.message,
            from: self.last_name(handle),
            request,
        };
        let owned = relay.to.into_iter().map(|form| (self.owner(&form), form));
        let by_owner: Groups<Box<str>> = grouped(owned);
        for (owner, forms) in by_owner {
            let parcel = parcel.clone();
            self.post(now, owner, Content::Forward { forms, parcel }, out);
        }
    }

    /// Takes a client's answer to a request that it was asked. Only the first answer of all who were asked is heard.
    ///
    /// # Errors
    /// When it was not asked.
    pub fn answer(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        ack: Ack,
        message: Option<Bytes>,
        out: &mut Effects,
    ) -> Result<(), NotAsked> {
        let Some(session) = self.connected(handle) else {
            return Ok(());
        };
        if !self.config.secret.has_asked(ack, Some(session.id)) {
            return Err(NotAsked);
        }
        let from = self
            .last_name(handle)
            .unwrap_or_else(|| format!("\"{}\"", session.id).into());
        let answer = Content::Answer {
            request: ack.request,
            from: Some(from),
            message,
        };
        self.post(now, ack.request.shard, answer, out);
        Ok(())
    }

    /// Takes a letter that [`Effect::Post`] has sent here.
    pub fn take_letter(&mut self, now: Timestamp, letter: Letter, out: &mut Effects) {
        match letter.0 {
            Content::Claim { name, holder } => self.give_name(now, name, holder, out),
            Content::Release { name, holder } => {
                self.directory.release(name.form(), holder);
                let session = holder.session;
                self.post(now, holder.shard, Content::Released { session, name }, out);
            }
            Content::Claimed { session, name } => {
                self.say(session, Notice::Registered(name), out);
            }
            Content::Released { session, name } => {
                self.say(session, Notice::Unregistered(name), out);
            }
            Content::Lost { form, holder } => self.lose_name(now, &form, holder, out),
            Content::Forward { forms, parcel } => self.forward(now, &forms, &parcel, out),
            Content::Hand { to, parcel } => self.hand(&to, &parcel, out),
            Content::Answer {
                request,
                from,
                message,
            } => {
                let number = request.number;
                self.requests
                    .answer(number, from, message, &mut self.sessions, out);
            }
        }
    }

    fn forward(&mut self, now: Timestamp, forms: &[Box<str>], parcel: &Parcel, out: &mut Effects) {
        let holders = forms.iter().filter_map(|form| self.directory.find(form));
        let by_shard: Groups<SessionHandle> =
            grouped(holders.map(|holder| (holder.shard, holder.session)));
        for (shard, to) in by_shard {
            let parcel = parcel.clone();
            self.post(now, shard, Content::Hand { to, parcel }, out);
        }
    }

    fn hand(&mut self, to: &[SessionHandle], parcel: &Parcel, out: &mut Effects) {
        let connected = to.iter().copied().filter_map(|handle| {
            let session = self.connected(handle)?;
            Some((handle, session.id))
        });
        let notice = |ack| Notice::Message {
            message: parcel.message.clone(),
            from: parcel.from.clone(),
            ack,
        };
        let Some(request) = parcel.request else {
            return out.tell(connected.map(|(handle, _)| handle), notice(None));
        };
        // Each is asked by an ack of its own.
        for (handle, id) in connected {
            let ack = self.config.secret.ack(request, Some(id));
            out.tell([handle], notice(Some(ack)));
        }
    }

    /// Says something to a client, unless it has gone meanwhile.
    fn say(&self, session: SessionHandle, notice: Notice, out: &mut Effects) {
        let connected = self.connected(session).map(|_| session);
        out.tell(connected, notice);
    }

    pub(super) fn request(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        token: RequestToken,
        out: &mut Effects,
    ) -> Option<RequestId> {
        let Broker {
            requests,
            sessions,
            config,
            ..
        } = self;
        requests.make(now, handle, token, sessions, config, out)
    }

    pub(super) fn owner(&self, form: &str) -> u16 {
        self.config.secret.owner(form, self.config.shards)
    }

    /// Brings something to a shard, which may be this one.
    pub(super) fn post(&mut self, now: Timestamp, shard: u16, content: Content, out: &mut Effects) {
        let letter = Letter(content);
        if shard == self.config.shard {
            self.take_letter(now, letter, out);
        } else {
            out.list.push(Effect::Post { shard, letter });
        }
    }
}

/// What goes to each of some shards. Mostly there is one thing for one shard.
type Groups<T> = SmallVec<[(u16, SmallVec<[T; 1]>); 1]>;

fn grouped<T>(all: impl Iterator<Item = (u16, T)>) -> Groups<T> {
    let mut groups: Groups<T> = SmallVec::new();
    for (shard, one) in all {
        match groups.iter_mut().find(|(known, _)| *known == shard) {
            Some((_, group)) => group.push(one),
            None => groups.push((shard, SmallVec::from([one]))),
        }
    }
    groups
}
