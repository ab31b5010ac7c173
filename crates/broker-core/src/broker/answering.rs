//! What the backend answers: commands, and whether a client is let in.

use super::sessions::{Admission, Phase};
use super::{Broker, around};
use crate::command::CommandList;
use crate::effect::{Effect, Effects, Orders, Origin};
use crate::event::CallHandle;
use crate::session::SessionHandle;
use crate::time::Timestamp;

impl Broker {
    /// Takes the backend's answer to a call that [`Effect::CallBackend`] gave out: a list of commands for each of its
    /// events, in their order.
    ///
    /// The commands take effect before the session's next event goes out: at once where they concern this shard alone,
    /// otherwise when the driver has routed them ([`Effect::Route`]).
    pub fn backend_replied(
        &mut self,
        now: Timestamp,
        call: CallHandle,
        lists: impl IntoIterator<Item = CommandList>,
        out: &mut Effects,
    ) {
        let told = self.teller.answered(call, &mut self.sessions);
        let mut lists = lists.into_iter();
        for session in told {
            self.let_in(session);
            self.take_answer(now, session, lists.next().unwrap_or_default(), out);
        }
        self.resume(now, out);
    }

    /// The backend has said yes to a handshake.
    fn let_in(&mut self, handle: SessionHandle) {
        let Some(session) = self
            .sessions
            .get_mut(handle)
            .filter(|session| session.admission == Some(Admission::Asked))
        else {
            return;
        };
        if session.phase == Phase::Asked {
            session.admission = Some(Admission::Granted);
            session.phase = Phase::Open;
            self.index.insert(handle.slot, &session.info);
        } else {
            session.admission = None;
        }
    }

    fn take_answer(
        &mut self,
        now: Timestamp,
        session: SessionHandle,
        list: CommandList,
        out: &mut Effects,
    ) {
        let Some(number) = self.teller.answered_event(session, &self.sessions) else {
            return;
        };
        if list.entries.is_empty() {
            let around = &mut around(now, &mut self.sessions, &self.config, out);
            return self.teller.settle(session, number, &list, around);
        }
        let shard = self.config.shard;
        let is_local = list.is_local_to(shard, self.config.shards);
        let origin = Origin {
            shard,
            session,
            settles: Some(number),
        };
        let orders = Orders::of_answer(list, origin);
        if is_local {
            self.executor.push(orders, &self.sessions, &self.config);
        } else {
            out.list.push(Effect::Route(orders));
        }
    }
}
