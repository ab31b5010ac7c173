//! One call to the application, from the core's wish to the core's being told what came of it.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use broker_backend::{Answer, CommandStream, Commands, Unanswered};
use broker_core::{Call, CommandList, Failure, Orders, Origin, SessionHandle};
use futures_util::FutureExt;
use smallvec::SmallVec;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Shard;
use crate::counters::Streamed;

/// Makes a call, as one try, and tells the core what came of it.
pub(super) async fn make(shard: Rc<Shard>, call: Call) {
    let handle = call.handle;
    let Some(first) = call.events.first() else {
        return;
    };
    let session = first.session;
    tracing::debug!(event = "to_backend", event_id = %first.id, attempt = first.attempt, r#type = first.fact.kind().name(), matched = call.events.len());
    // The call is made inside too: what an embedder has written may panic before it gives a future.
    let called = AssertUnwindSafe(async { shard.backend.call(call).await }).catch_unwind();
    let outcome = called.await.unwrap_or_else(|_| {
        let panicked = Failure::Panicked("its call panicked".into());
        Err(Unanswered::from(panicked))
    });
    match outcome {
        Ok(Answer { commands, greeting }) => {
            let (lists, stream) = match commands {
                Commands::Lists(lists) => (lists, None),
                Commands::Stream(first, stream) => (SmallVec::from([first]), Some(stream)),
            };
            for list in &lists {
                shard.settings.overlooked.tell(list);
            }
            shard.work_for(session, |state, now| {
                state.lobby.note(session, greeting, None);
                let effects = &mut state.effects;
                state.broker.backend_replied(now, handle, lists, effects);
            });
            if let Some(stream) = stream {
                // Boxed, since few answers are streamed and every call would pay for the room.
                Box::pin(carry_out_as_it_comes(&shard, session, stream)).await;
            }
        }
        Err(Unanswered { failure, page }) => {
            shard.settings.counters.count_failed(&failure);
            shard.work_for(session, |state, now| {
                state.lobby.note(session, None, page);
                let effects = &mut state.effects;
                state.broker.backend_failed(now, handle, failure, effects);
            });
        }
    }
}

/// Carries out the commands of an answer that is streamed: each list when it comes, and none before the one in front of it.
async fn carry_out_as_it_comes(
    shard: &Rc<Shard>,
    session: SessionHandle,
    mut stream: Box<dyn CommandStream>,
) {
    let counters = &shard.settings.counters;
    let Ok(_place) = shard.take_place_for_stream() else {
        counters.count_streamed(Streamed::TooMany);
        shard.work(|state, now| {
            let what = "an answer was to be streamed, and there are backend.max_streams already; it is not read";
            state.complain(now, Some(session), what);
        });
        return;
    };
    counters.count_streamed(Streamed::Begun);
    loop {
        let line = AssertUnwindSafe(stream.next()).catch_unwind().await;
        let has_panicked = line.is_err();
        let panicked = |_| {
            Some(Err(Failure::Panicked(
                "its streamed answer panicked".into(),
            )))
        };
        let Some(line) = line.unwrap_or_else(panicked) else {
            return;
        };
        match line {
            Ok(list) => {
                shard.settings.overlooked.tell(&list);
                shard.carry_out(session, list).await;
            }
            Err(failure) => {
                counters.count_failed(&failure);
                if !matches!(failure, Failure::BadAnswer(_)) {
                    counters.count_streamed(Streamed::Cut);
                }
                shard.work(|state, now| state.complain(now, Some(session), &failure.to_string()));
            }
        }
        if has_panicked {
            return;
        }
    }
}

impl Shard {
    /// A place for an answer that is streamed, where there is a limit of those.
    fn take_place_for_stream(&self) -> Result<Option<OwnedSemaphorePermit>, ()> {
        match &self.settings.streams {
            None => Ok(None),
            Some(places) => places.clone().try_acquire_owned().map(Some).map_err(drop),
        }
    }

    /// Carries out a list of an answer whose event counts as answered already, and waits until that is done everywhere.
    async fn carry_out(self: &Rc<Shard>, session: SessionHandle, list: CommandList) {
        let shard = self.state.borrow().number();
        let is_local = list.is_local_to(shard, self.settings.shards);
        let origin = Origin {
            shard,
            session,
            settles: None,
        };
        let orders = Orders::of_answer(list, origin);
        let (reply, mut replies) = mpsc::channel(usize::from(self.settings.shards));
        if is_local {
            self.work(|state, now| state.execute(now, orders, Some(reply)));
        } else if self.mailboxes.route(orders, Some(reply)).await.is_err() {
            return;
        }
        while replies.recv().await.is_some() {}
    }
}
