//! Requests that wait for their answers, and the end of the connection that ends them all.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Closed, RequestError};
use crate::event::Answer;

/// The requests of one client.
///
/// Their ids are random, since the original server keeps the ids of all clients in one table, and lets anyone answer who
/// knows an id. They begin with a tag of the client, so that an answer that comes too late can be told from one that was
/// never asked for.
#[derive(Debug)]
pub(crate) struct Pending {
    limit: usize,
    tag: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<String, oneshot::Sender<serde_json::Result<Answer>>>,
    /// Once it is set, nothing waits.
    closed: Option<Closed>,
}

/// An answer that nobody can wait for: its request was never made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NeverAsked;

impl Pending {
    pub(crate) fn new(limit: usize) -> Result<Pending, getrandom::Error> {
        Ok(Pending {
            limit: limit.max(1),
            tag: random_hex::<8>()?,
            state: Mutex::default(),
        })
    }

    /// Makes a request, which is forgotten when what is given back is dropped.
    pub(crate) fn ask(self: &Arc<Self>) -> Result<Waiting, RequestError> {
        let random =
            random_hex::<16>().map_err(|error| RequestError::NoRandomness(error.to_string()))?;
        let ack = format!("{}-{random}", self.tag);
        let mut state = self.state();
        if let Some(closed) = &state.closed {
            return Err(closed.clone().into());
        }
        if state.waiting.len() >= self.limit {
            return Err(RequestError::TooMany { limit: self.limit });
        }
        let (sender, answer) = oneshot::channel();
        state.waiting.insert(ack.clone(), sender);
        let pending = Arc::clone(self);
        Ok(Waiting {
            ack,
            answer,
            pending,
        })
    }

    /// Gives an answer, or why it cannot be read, to whoever waits for it; one that comes too late is passed over.
    pub(crate) fn answer(
        &self,
        ack: &str,
        answer: serde_json::Result<Answer>,
    ) -> Result<(), NeverAsked> {
        if let Some(waiting) = self.state().waiting.remove(ack) {
            // Whoever waited may have left this very moment.
            let _ = waiting.send(answer);
            return Ok(());
        }
        match ack.starts_with(&self.tag) {
            true => Ok(()),
            false => Err(NeverAsked),
        }
    }

    /// Ends all that wait. Only the first end counts.
    pub(crate) fn close(&self, closed: Closed) {
        let mut state = self.state();
        state.closed.get_or_insert(closed);
        state.waiting.clear();
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.state().closed.clone()
    }

    /// Nothing panics while it is locked, so that a poisoned lock guards nothing that is half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    ack: String,
    answer: oneshot::Receiver<serde_json::Result<Answer>>,
    pending: Arc<Pending>,
}

impl Waiting {
    pub(crate) fn ack(&self) -> &str {
        &self.ack
    }

    /// The answer; nothing once the connection has ended.
    pub(crate) async fn answer(mut self) -> Option<serde_json::Result<Answer>> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pending.state().waiting.remove(&self.ack);
    }
}

fn random_hex<const N: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    let mut hex = String::with_capacity(2 * N);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

#[cfg(test)]
mod tests;
