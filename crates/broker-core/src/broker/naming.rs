//! Giving names to sessions, and taking them away.

use std::sync::Arc;

use super::Broker;
use super::names::Held;
use crate::effect::Effects;
use crate::event::Fact;
use crate::letter::{Content, Holder};
use crate::name::{Name, RegisterError};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// The session field that shows the last name.
const ID: &str = "id";

impl Broker {
    /// Gives a session a name, by which others reach it until it lets go of it, ends, or another session registers the
    /// name. [`Notice::Registered`](crate::Notice::Registered) says when that is so. The last name of a session is its session info's `id`.
    ///
    /// # Errors
    /// When the session can hold no more names, or its info has no room for this one; nothing has changed then.
    pub fn register(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        name: Name,
        out: &mut Effects,
    ) -> Result<(), RegisterError> {
        let Some(session) = self.connected(handle) else {
            return Ok(());
        };
        let names = session.names.as_deref();
        if names.is_some_and(|names| !names.have_room_for(&name)) {
            return Err(RegisterError::TooMany);
        }
        self.show_id(handle, Some(name.given()))?;
        let claim = self.directory.next_claim();
        let holder = self.holder(handle, claim);
        if let Some(session) = self.sessions.get_mut(handle) {
            let names = session.names.get_or_insert_default();
            names.add(name.clone(), claim);
        }
        let id = name.given().clone();
        self.tell_if_told(now, handle, Fact::Registered { id }, out);
        let owner = self.owner(name.form());
        self.post(now, owner, Content::Claim { name, holder }, out);
        Ok(())
    }

    /// Takes the last name that a session has registered from it; without one, nothing happens. [`Notice::Unregistered`](crate::Notice::Unregistered)
    /// says when nobody finds it by that any more.
    pub fn unregister(&mut self, now: Timestamp, handle: SessionHandle, out: &mut Effects) {
        let Some(held) = self
            .sessions
            .get_mut(handle)
            .and_then(|session| session.names.as_mut()?.take_last())
        else {
            return;
        };
        let id = held.name.given().clone();
        self.release(now, handle, held, out);
        self.has_let_go(now, handle, id, out);
    }

    /// Gives a name that this shard owns to a session, and takes it from who has held it.
    pub(super) fn give_name(
        &mut self,
        now: Timestamp,
        name: Name,
        holder: Holder,
        out: &mut Effects,
    ) {
        if let Some(former) = self.directory.claim(name.form(), holder) {
            let lost = Content::Lost {
                form: name.form().into(),
                holder: former,
            };
            self.post(now, former.shard, lost, out);
        }
        let session = holder.session;
        self.post(now, holder.shard, Content::Claimed { session, name }, out);
    }

    /// Takes a name from a session of this shard, unless it has claimed it again since.
    pub(super) fn lose_name(
        &mut self,
        now: Timestamp,
        form: &str,
        holder: Holder,
        out: &mut Effects,
    ) {
        let lost = self
            .sessions
            .get_mut(holder.session)
            .and_then(|session| session.names.as_mut()?.take(form, Some(holder.claim)));
        if let Some(name) = lost {
            self.has_let_go(now, holder.session, name.given().clone(), out);
        }
    }

    /// A session has one name less.
    fn has_let_go(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        id: Arc<str>,
        out: &mut Effects,
    ) {
        let last = self.last_name(handle);
        if let Some(session) = self.sessions.get_mut(handle)
            && session.names.as_ref().is_some_and(|names| names.is_empty())
        {
            session.names = None;
        }
        // What was shown before had room as well, unless the application has filled it; then it shows none.
        if self.show_id(handle, last.as_ref()).is_err() {
            let _ = self.show_id(handle, None);
        }
        self.tell_if_told(now, handle, Fact::Unregistered { id }, out);
    }

    pub(super) fn release(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        held: Held,
        out: &mut Effects,
    ) {
        let Held { name, claim } = held;
        let holder = self.holder(session, claim);
        let owner = self.owner(name.form());
        self.post(now, owner, Content::Release { name, holder }, out);
    }

    /// A session of this shard as one that holds a name by this claim.
    fn holder(&self, session: SessionHandle, claim: u64) -> Holder {
        Holder {
            shard: self.config.shard,
            session,
            claim,
        }
    }

    pub(super) fn last_name(&self, handle: SessionHandle) -> Option<Arc<str>> {
        let names = self.sessions.get(handle)?.names.as_ref()?;
        names.last().cloned()
    }

    /// Shows the last name of a session in its info.
    fn show_id(
        &mut self,
        handle: SessionHandle,
        id: Option<&Arc<str>>,
    ) -> Result<(), RegisterError> {
        let Some(session) = self.sessions.get_mut(handle) else {
            return Ok(());
        };
        let id = id.map(|id| &**id);
        let changed = session.info.with(ID, id, self.config.max_session)?;
        self.index.change(handle.slot, session, changed);
        Ok(())
    }
}
