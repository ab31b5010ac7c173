//! The requests of a shard's sessions that wait for answers. Each is answered once or times out, whichever comes first,
//! unless its client goes before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::sessions::Sessions;
use crate::config::Config;
use crate::effect::{Effect, Effects};
use crate::letter::Notice;
use crate::request::{REQUESTS_MAX, RequestId, RequestToken};
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// All requests wait for the same time, so that the oldest is the first to time out.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// By the number that each got when it was made.
    waiting: BTreeMap<u64, Request>,
    made: u64,
}

/// The numbers of a session's requests that wait, oldest first; never empty.
#[derive(Debug, Default)]
pub(super) struct OpenRequests(VecDeque<u64>);

#[derive(Debug)]
struct Request {
    session: SessionHandle,
    /// What the client calls it.
    token: RequestToken,
    deadline: Timestamp,
}

impl Requests {
    /// Takes note of a request of a session. Where too many of its requests wait, the oldest times out for it.
    pub(super) fn make(
        &mut self,
        now: Timestamp,
        handle: SessionHandle,
        token: RequestToken,
        sessions: &mut Sessions,
        config: &Config,
        out: &mut Effects,
    ) -> Option<RequestId> {
        let session = sessions.get_mut(handle)?;
        self.made += 1;
        let OpenRequests(numbers) = &mut **session.requests.get_or_insert_default();
        if numbers.len() >= REQUESTS_MAX
            && let Some(oldest) = numbers.pop_front()
            && let Some(request) = self.waiting.remove(&oldest)
        {
            out.list.push(request.unanswered());
        }
        numbers.push_back(self.made);
        let request = Request {
            session: handle,
            token,
            deadline: now.after(config.answer_timeout),
        };
        self.waiting.insert(self.made, request);
        Some(RequestId {
            shard: config.shard,
            number: self.made,
        })
    }

    /// Gives an answer to who has asked; whether they still waited for it.
    pub(super) fn answer(
        &mut self,
        number: u64,
        from: Option<Arc<str>>,
        message: Option<Bytes>,
        sessions: &mut Sessions,
        out: &mut Effects,
    ) -> bool {
        let Some(request) = self.remove(number, sessions) else {
            return false;
        };
        let answer = Notice::Answer {
            token: request.token,
            from,
            message,
        };
        out.tell([request.session], answer);
        true
    }

    /// Forgets what a session that has ended has asked.
    pub(super) fn forget(&mut self, open: &OpenRequests) {
        for number in &open.0 {
            self.waiting.remove(number);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let (_, oldest) = self.waiting.first_key_value()?;
        Some(oldest.deadline)
    }

    /// Lets those time out that are due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Timestamp,
        sessions: &mut Sessions,
        out: &mut Effects,
    ) {
        while let Some((&number, oldest)) = self.waiting.first_key_value()
            && oldest.deadline <= now
        {
            if let Some(request) = self.remove(number, sessions) {
                out.list.push(request.unanswered());
            }
        }
    }

    fn remove(&mut self, number: u64, sessions: &mut Sessions) -> Option<Request> {
        let request = self.waiting.remove(&number)?;
        if let Some(session) = sessions.get_mut(request.session)
            && let Some(open) = &mut session.requests
        {
            let OpenRequests(numbers) = &mut **open;
            // They stand in the order in which they were made.
            if let Ok(place) = numbers.binary_search(&number) {
                numbers.remove(place);
            }
            if numbers.is_empty() {
                session.requests = None;
            }
        }
        Some(request)
    }
}

impl Request {
    fn unanswered(self) -> Effect {
        Effect::Unanswered {
            session: self.session,
            token: self.token,
        }
    }
}
