//! Giving names to sessions, and taking them away.

use std::sync::Arc;

use super::Broker;
use crate::effect::{Effect, Effects};
use crate::event::Fact;
use crate::letter::{Content, Holder, Notice};
use crate::name::{Name, NameError};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// The session field that shows the last name.
const ID: &str = "id";

impl Broker {
    /// Gives a session a name, by which others reach it until it lets go of it, ends, or another session registers the
    /// name. [`Notice::Registered`] says when that is so. The last name of a session is its session info's `id`.
    ///
    /// # Errors
    /// When the session can hold no more names, or its info has no room for this one; nothing has changed then.
    pub fn register(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        name: Name,
        out: &mut Effects,
    ) -> Result<(), NameError> {
        if self.is_over(handle) {
            return Ok(());
        }
        let names = self
            .sessions
            .get(handle)
            .and_then(|session| session.names.as_deref());
        if names.is_some_and(|names| !names.have_room_for(name.form())) {
            return Err(NameError::TooMany);
        }
        self.show_id(handle, Some(name.given()))?;
        let holder = self.directory.claimant(self.config.shard, handle);
        if let Some(session) = self.sessions.get_mut(handle) {
            let names = session.names.get_or_insert_default();
            names.add(name.clone(), holder.claim);
        }
        let id = name.given().clone();
        self.tell_if_told(now, handle, Fact::Registered { id }, out);
        let owner = self.owner(name.form());
        self.post(now, owner, Content::Claim { name, holder }, out);
        Ok(())
    }

    /// Takes the last name that a session has registered from it; without one, nothing happens.
    pub fn unregister(&mut self, now: Timestamp, handle: SessionHandle, out: &mut Effects) {
        let Some(name) = self
            .sessions
            .get_mut(handle)
            .and_then(|session| session.names.as_mut()?.take_last())
        else {
            return;
        };
        let form = name.form().into();
        out.list.push(Effect::Tell {
            session: handle,
            notice: Notice::Unregistered(name.clone()),
        });
        self.has_let_go(now, handle, &name, out);
        self.release(now, handle, form, out);
    }

    /// A session has one name less.
    pub(super) fn has_let_go(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        name: &Name,
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
        let id = name.given().clone();
        self.tell_if_told(now, handle, Fact::Unregistered { id }, out);
    }

    pub(super) fn release(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        form: Box<str>,
        out: &mut Effects,
    ) {
        let holder = Holder {
            shard: self.config.shard,
            session,
            claim: 0,
        };
        let owner = self.owner(&form);
        self.post(now, owner, Content::Release { form, holder }, out);
    }

    pub(super) fn last_name(&self, handle: SessionHandle) -> Option<Arc<str>> {
        let names = self.sessions.get(handle)?.names.as_ref()?;
        names.last().cloned()
    }

    /// Shows the last name of a session in its info.
    fn show_id(&mut self, handle: SessionHandle, id: Option<&Arc<str>>) -> Result<(), NameError> {
        let Some(session) = self.sessions.get(handle) else {
            return Ok(());
        };
        let id = id.map(|id| &**id);
        let changed = session.info.with(ID, id, self.config.max_session)?;
        if let Some(session) = self.sessions.get_mut(handle) {
            self.index.change(handle.slot, session, changed);
        }
        Ok(())
    }
}
