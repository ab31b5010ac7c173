//! An application in the same process, alone or in front of one that is told by HTTP.

mod connection;
mod hooks;
mod respond;
mod wish;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use broker_core::{CommandList, Entry, Event, Fact, Failure, OtherCommand, SessionId};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::value::RawValue;

pub use self::connection::Connection;
pub use self::hooks::{Hooks, MessageOnward, Onward};
pub use self::respond::{Reply, Respond};
pub use self::wish::AskError;

use self::connection::Around;
use crate::backend::{Backend, Caller, WantedHeaders};
use crate::control::Control;

/// Runs an application's [`Hooks`], and tells the backend behind them what they let pass.
pub struct InProcess {
    shared: Arc<Shared>,
    next: Option<Arc<dyn Backend>>,
}

/// What all shards have in common.
struct Shared {
    hooks: Box<dyn Hooks>,
    /// Types of commands: first those of the hooks, then those of the backend behind them.
    own_commands: Box<[Box<str>]>,
    /// How many of them are the hooks'.
    hooks_own: usize,
    broker: OnceLock<Arc<dyn Control>>,
}

/// What a hook left behind.
struct Aftermath {
    /// What the backend behind is told, if it is.
    onward: Option<Arc<Fact>>,
    connection: Arc<str>,
    asked: Vec<Entry>,
}

impl InProcess {
    /// Puts hooks in front of a backend, or in the place of one.
    #[must_use]
    pub fn new(hooks: impl Hooks + 'static, next: Option<Arc<dyn Backend>>) -> InProcess {
        let mut own_commands = hooks.own_commands();
        let hooks_own = own_commands.len();
        if let Some(next) = &next {
            next.reserve(&own_commands);
            own_commands.extend_from_slice(next.own_commands());
        }
        InProcess {
            shared: Arc::new(Shared {
                hooks: Box::new(hooks),
                own_commands: own_commands.into(),
                hooks_own,
                broker: OnceLock::new(),
            }),
            next,
        }
    }

    fn around(&self) -> Around<'_> {
        Around {
            broker: self.shared.broker.get(),
            next: self.next.as_ref(),
        }
    }

    async fn run_hook(&self, event: &Event) -> Aftermath {
        let hooks = &self.shared.hooks;
        let mut connection = Connection::new(
            event.id.session,
            event.attempt,
            &event.connection,
            &event.handshake,
            self.around(),
        );
        let same = || Some(Arc::clone(&event.fact));
        let onward = match &*event.fact {
            Fact::Connected => match hooks.on_client_connect(&mut connection).await {
                Onward::Pass => same(),
                Onward::Stop => None,
            },
            Fact::Received(message) => {
                match hooks.on_client_message(message, &mut connection).await {
                    MessageOnward::Pass => same(),
                    MessageOnward::PassAs(message) => Some(Arc::new(Fact::Received(message))),
                    MessageOnward::Stop => None,
                }
            }
            Fact::Disconnected { code, reason } => {
                hooks
                    .on_client_disconnect(*code, reason, &mut connection)
                    .await;
                same()
            }
        };
        let (connection, asked) = connection.into_parts();
        Aftermath {
            onward,
            connection,
            asked,
        }
    }

    /// Runs commands for `session` outside of the answer to its event.
    fn post_for(&self, session: SessionId, mut asked: Vec<Entry>) {
        if let Some(broker) = self.shared.broker.get()
            && !asked.is_empty()
        {
            wish::name_origin(&mut asked, session);
            broker.post(CommandList {
                entries: asked,
                ..CommandList::default()
            });
        }
    }
}

#[async_trait]
impl Backend for InProcess {
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(InProcess {
            shared: Arc::clone(&self.shared),
            next: self.next.as_ref().map(|next| next.for_shard()),
        })
    }

    async fn call(&self, event: Event) -> Result<CommandList, Failure> {
        let session = event.id.session;
        let ran = AssertUnwindSafe(self.run_hook(&event)).catch_unwind().await;
        let Aftermath {
            onward,
            connection,
            mut asked,
        } = ran.map_err(|panic| Failure::Panicked(panicked(&*panic)))?;

        let mut overlooked = Vec::new();
        if let (Some(next), Some(fact)) = (&self.next, onward) {
            let told = Event {
                fact,
                connection,
                ..event
            };
            match next.call(told).await {
                Ok(answer) => {
                    asked.extend(answer.entries);
                    overlooked = answer.overlooked;
                }
                Err(failure) => {
                    // The event is over, so this is the last chance for what the hook asked for. After a failure that
                    // is tried again the hook runs again.
                    if !failure.is_retryable() {
                        self.post_for(session, asked);
                    }
                    return Err(failure);
                }
            }
        }
        Ok(CommandList {
            entries: asked,
            overlooked,
        })
    }

    async fn ask(&self, message: &RawValue) -> Result<Bytes, Failure> {
        match &self.next {
            Some(next) => next.ask(message).await,
            None => Err(wish::nobody_to_ask()),
        }
    }

    fn own_commands(&self) -> &[Box<str>] {
        &self.shared.own_commands
    }

    fn reserve(&self, types: &[Box<str>]) {
        if let Some(next) = &self.next {
            next.reserve(types);
        }
    }

    fn command(
        &self,
        command: &OtherCommand,
        caller: Option<&Caller>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        let hooks = &self.shared.hooks;
        let of_hooks = &self.shared.own_commands[..self.shared.hooks_own];
        let mut connection = caller.map(|caller| {
            let Caller {
                id,
                connection,
                handshake,
            } = caller;
            Connection::new(*id, 1, connection, handshake, self.around())
        });
        let ran = catch_unwind(AssertUnwindSafe(|| {
            if of_hooks.contains(&command.name) {
                Some(hooks.on_own_command(command, connection.as_mut()))
            } else {
                hooks.on_backend_message(command, connection.as_mut())
            }
        }));
        match ran {
            Ok(Some(result)) => {
                if let Some(connection) = connection {
                    let session = connection.id();
                    self.post_for(session, connection.into_parts().1);
                }
                Some(result)
            }
            Ok(None) => self.next.as_ref()?.command(command, caller),
            Err(panic) => Some(Err(
                format!("ended in a panic: {}", panicked(&*panic)).into()
            )),
        }
    }

    fn wanted_headers(&self) -> WantedHeaders<'_> {
        WantedHeaders::All
    }

    fn attach(&self, control: Arc<dyn Control>) {
        if let Some(next) = &self.next {
            next.attach(Arc::clone(&control));
        }
        // A backend belongs to one broker; the first one stays.
        let _ = self.shared.broker.set(control);
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess")
            .field("own_commands", &self.shared.own_commands)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// What a panic said, for the log.
fn panicked(panic: &(dyn Any + Send)) -> Box<str> {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("a panic without words").into()
}
