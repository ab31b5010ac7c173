//! Telling a backend one event, of which most tests are about.

use async_trait::async_trait;
use broker_backend::{Answer, Backend, Commands};
use broker_core::{Call, CommandList, Event, Failure};

/// A backend that is told one event.
#[async_trait]
pub(crate) trait Tell: Backend {
    /// The commands of its answer.
    async fn tell(&self, event: Event) -> Result<CommandList, Failure> {
        match self.call(Call::from(event)).await {
            Ok(Answer {
                commands: Commands::Lists(mut lists),
                ..
            }) => {
                assert_eq!(lists.len(), 1, "one list for one event");
                Ok(lists.remove(0))
            }
            Ok(other) => panic!("{other:?} is not all at once"),
            Err(unanswered) => Err(unanswered.failure),
        }
    }
}

impl<B: Backend + ?Sized> Tell for B {}
