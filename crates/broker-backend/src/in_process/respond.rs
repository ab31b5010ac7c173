//! The smallest application: one function.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use broker_core::{Call, CommandList, Event, Failure};
use futures_util::FutureExt;
use smallvec::SmallVec;

use super::panicked;
use crate::answer::Unanswered;
use crate::backend::Backend;

/// An application that is one asynchronous function from an event to commands.
///
/// ```
/// use broker_backend::Respond;
/// use broker_core::{CommandList, Event};
///
/// let backend = Respond::new(|event: Event| async move {
///     println!("{}: {}", event.fact.kind().name(), event.connection);
///     CommandList::default()
/// });
/// # let _ = backend;
/// ```
pub struct Respond<F> {
    function: Arc<F>,
}

/// What such a function may give back.
pub trait Reply: Send {
    /// The result of the try.
    ///
    /// # Errors
    /// When the function says that the try failed.
    fn into_result(self) -> Result<CommandList, Failure>;
}

impl<F> Respond<F> {
    /// Takes the function. A panic in it is a [`Failure::Panicked`] of that event and nothing else.
    #[must_use]
    pub fn new<Answer>(function: F) -> Respond<F>
    where
        F: Fn(Event) -> Answer + Send + Sync + 'static,
        Answer: Future<Output: Reply> + Send + 'static,
    {
        Respond {
            function: Arc::new(function),
        }
    }
}

#[async_trait]
impl<F, Answer> Backend for Respond<F>
where
    F: Fn(Event) -> Answer + Send + Sync + 'static,
    Answer: Future<Output: Reply> + Send + 'static,
{
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(Respond {
            function: Arc::clone(&self.function),
        })
    }

    async fn call(&self, call: Call) -> Result<crate::Answer, Unanswered> {
        let mut lists = SmallVec::new();
        for event in call.events {
            // The function itself runs inside too: it may panic before it gives its future.
            let answer = AssertUnwindSafe(async { (self.function)(event).await.into_result() });
            let answer = answer.catch_unwind().await;
            let list = answer.map_err(|panic| Failure::Panicked(panicked(&*panic)))??;
            lists.push(list);
        }
        Ok(lists.into())
    }
}

impl<F> fmt::Debug for Respond<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond").finish_non_exhaustive()
    }
}

impl Reply for CommandList {
    fn into_result(self) -> Result<CommandList, Failure> {
        Ok(self)
    }
}

impl Reply for Result<CommandList, Failure> {
    fn into_result(self) -> Result<CommandList, Failure> {
        self
    }
}

impl Reply for () {
    fn into_result(self) -> Result<CommandList, Failure> {
        Ok(CommandList::default())
    }
}
