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
use broker_core::{Call, CommandList, Entry, Event, Fact, Failure, OtherCommand, SessionId};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::value::RawValue;
use smallvec::SmallVec;

pub use self::connection::Connection;
pub use self::hooks::{Hooks, MessageOnward, Onward};
pub use self::respond::{Reply, Respond};
pub use self::wish::AskError;

use self::connection::Around;
use crate::answer::{Answer, Commands, Unanswered};
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

/// What the hooks ask for that saw an event.
struct Asked {
    session: SessionId,
    entries: Vec<Entry>,
    /// Whether the backend behind was told of the event too.
    is_passed_on: bool,
}

/// One list for each event: what its hook asked for, and then what the backend behind said to it, if it was told.
fn joined(asked: Vec<Asked>, lists: SmallVec<[CommandList; 1]>) -> SmallVec<[CommandList; 1]> {
    let mut lists = lists.into_iter();
    let join = |asked: Asked| {
        let said = if asked.is_passed_on {
            lists.next()
        } else {
            None
        };
        let said = said.unwrap_or_default();
        let mut entries = asked.entries;
        entries.extend(said.entries);
        CommandList {
            entries,
            overlooked: said.overlooked,
        }
    };
    asked.into_iter().map(join).collect()
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
            Fact::Connected { .. } => match hooks.on_client_connect(&mut connection).await {
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
            // There are no hooks for them.
            Fact::Registered { .. }
            | Fact::Unregistered { .. }
            | Fact::Acknowledged { .. }
            | Fact::Started { .. } => same(),
        };
        let (connection, asked) = connection.into_parts();
        Aftermath {
            onward,
            connection,
            asked,
        }
    }

    /// Puts what hooks have asked for in front of what the backend behind them says.
    fn in_front_of(answer: Answer, asked: Vec<Asked>) -> Answer {
        let Answer { commands, greeting } = answer;
        let commands = match commands {
            Commands::Lists(lists) => Commands::Lists(joined(asked, lists)),
            Commands::Stream(first, stream) => {
                let first = joined(asked, SmallVec::from([first])).pop();
                Commands::Stream(first.unwrap_or_default(), stream)
            }
        };
        Answer { commands, greeting }
    }

    fn post_all(&self, asked: Vec<Asked>) {
        for asked in asked {
            self.post_for(asked.session, asked.entries);
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

    async fn call(&self, call: Call) -> Result<Answer, Unanswered> {
        let mut asked = Vec::new();
        let mut onward = SmallVec::new();
        for event in call.events {
            let ran = AssertUnwindSafe(self.run_hook(&event)).catch_unwind().await;
            let aftermath = ran.map_err(|panic| Failure::Panicked(panicked(&*panic)))?;
            let is_passed_on = self.next.is_some() && aftermath.onward.is_some();
            asked.push(Asked {
                session: event.id.session,
                entries: aftermath.asked,
                is_passed_on,
            });
            if let Some(fact) = aftermath.onward.filter(|_| is_passed_on) {
                let connection = aftermath.connection;
                onward.push(Event {
                    fact,
                    connection,
                    ..event
                });
            }
        }
        let (Some(next), false) = (&self.next, onward.is_empty()) else {
            return Ok(joined(asked, SmallVec::new()).into());
        };
        let told = Call {
            handle: call.handle,
            events: onward,
        };
        match next.call(told).await {
            Ok(answer) => Ok(InProcess::in_front_of(answer, asked)),
            Err(unanswered) => {
                // The events are over, so this is the last chance for what the hooks asked for. After a failure that is
                // tried again the hooks run again.
                if !unanswered.failure.is_retryable() {
                    self.post_all(asked);
                }
                Err(unanswered)
            }
        }
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

    fn hears_of_start(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.hears_of_start())
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
