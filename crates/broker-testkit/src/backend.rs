//! An application in the test's own process, which answers as it is told and remembers what it was asked.

mod streaming;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::{Answer, Backend, Commands, Greeting, Page, Unanswered};
use broker_core::{Call, CommandList, Event, EventKind, Failure, Reading, SessionId};
use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::soon;

pub use self::streaming::Streaming;

/// An application whose answers are a function of what it is told. Clones are the same application.
#[derive(Clone)]
pub struct Scripted {
    shared: Arc<Shared>,
    hears_of_start: bool,
}

struct Shared {
    answer: Box<dyn Fn(&Told) -> Reply + Send + Sync>,
    /// One element for each try, in the order in which they came in.
    told: watch::Sender<Vec<Told>>,
    mood: watch::Sender<Mood>,
    /// How many tries it keeps waiting.
    waiting: watch::Sender<usize>,
}

/// One try to tell an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The event's id, the same on every try.
    pub id: String,
    /// The connection's id.
    pub session: SessionId,
    /// Which kind of event.
    pub kind: EventKind,
    /// Counts the tries of an event from 1.
    pub attempt: u32,
    /// The message: JSON text.
    pub message: String,
    /// The session info: JSON text.
    pub connection: String,
}

/// How the application answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With this list of commands; an empty text has none.
    Commands(String),
    /// With a list of commands, and what a client is told whose handshake waits for the answer.
    Greeting(String, Greeting),
    /// With commands that come line by line.
    Stream(Streaming),
    /// Not as it should.
    Failure(Failure),
    /// With a refusal, and what a client is told whose handshake waits for the answer.
    Refusal(Failure, Page),
    /// Not at all: it panics.
    Panic,
}

/// How the application feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Awake,
    /// It takes events and keeps whoever asks waiting.
    Slow,
    /// It cannot be reached.
    Away,
}

impl Scripted {
    /// An application that answers so.
    #[must_use]
    pub fn new(answer: impl Fn(&Told) -> Reply + Send + Sync + 'static) -> Scripted {
        Scripted {
            shared: Arc::new(Shared {
                answer: Box::new(answer),
                told: watch::Sender::default(),
                mood: watch::Sender::new(Mood::Awake),
                waiting: watch::Sender::default(),
            }),
            hears_of_start: false,
        }
    }

    /// It is told, before anything else, that the broker has started.
    #[must_use]
    pub fn hearing_of_start(mut self) -> Scripted {
        self.hears_of_start = true;
        self
    }

    /// An application that has nothing to say.
    #[must_use]
    pub fn silent() -> Scripted {
        Scripted::new(|_| Reply::Commands(String::new()))
    }

    /// From now on it takes events, and answers none until it is [awake](Scripted::wake).
    pub fn slow_down(&self) {
        self.shared.mood.send_replace(Mood::Slow);
    }

    /// From now on it cannot be reached until it is [awake](Scripted::wake).
    pub fn go_away(&self) {
        self.shared.mood.send_replace(Mood::Away);
    }

    /// From now on it answers, also those who wait.
    pub fn wake(&self) {
        self.shared.mood.send_replace(Mood::Awake);
    }

    /// What it was told so far, each try in the order in which they came.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.shared.told.borrow().clone()
    }

    /// Waits until what it was told is as wanted, and gives it.
    ///
    /// # Panics
    /// When it never is.
    pub async fn told_until(
        &self,
        what: &str,
        is_enough: impl FnMut(&Vec<Told>) -> bool,
    ) -> Vec<Told> {
        let mut told = self.shared.told.subscribe();
        let wait = told.wait_for(is_enough);
        soon(what, wait).await.expect("it lives").clone()
    }

    /// Waits until it keeps whoever asks waiting, and not merely has [been told](Scripted::told_until) something: that may
    /// have been before it was to [slow down](Scripted::slow_down).
    ///
    /// # Panics
    /// When nobody asks.
    pub async fn until_one_waits(&self) {
        let mut waiting = self.shared.waiting.subscribe();
        let wait = waiting.wait_for(|waiting| *waiting > 0);
        soon("somebody to wait", wait).await.expect("it lives");
    }

    /// Waits for an event that was answered or will be, with this in its message; gives the latest try.
    ///
    /// # Panics
    /// When there never is one.
    pub async fn told_of(&self, part: &str) -> Told {
        let has_part = |told: &Told| told.message.contains(part);
        let told = self
            .told_until(part, |told| told.iter().any(has_part))
            .await;
        told.into_iter().rev().find(has_part).expect("waited for")
    }
}

/// Reads commands as the answer of a backend is read.
///
/// # Panics
/// When it is no list of commands.
#[must_use]
pub fn commands(text: impl Into<Bytes>) -> CommandList {
    let reading = Reading::lenient(10_000);
    CommandList::parse(&text.into(), reading).expect("a list of commands")
}

#[async_trait]
impl Backend for Scripted {
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(self.clone())
    }

    fn hears_of_start(&self) -> bool {
        self.hears_of_start
    }

    async fn call(&self, call: Call) -> Result<Answer, Unanswered> {
        let mut lists = SmallVec::new();
        let mut greeting = None;
        for event in &call.events {
            match self.reply_to(event).await? {
                Reply::Commands(text) => lists.push(commands(text)),
                Reply::Greeting(text, said) => {
                    lists.push(commands(text));
                    greeting = Some(Box::new(said));
                }
                Reply::Stream(streaming) => {
                    return Ok(Answer {
                        commands: Commands::Stream(
                            CommandList::default(),
                            Box::new(streaming.read()),
                        ),
                        greeting: None,
                    });
                }
                Reply::Failure(failure) => return Err(failure.into()),
                Reply::Refusal(failure, page) => {
                    return Err(Unanswered {
                        failure,
                        page: Some(Box::new(page)),
                    });
                }
                Reply::Panic => panic!("the application was told to panic"),
            }
        }
        Ok(Answer {
            commands: Commands::Lists(lists),
            greeting,
        })
    }
}

impl Scripted {
    async fn reply_to(&self, event: &Event) -> Result<Reply, Failure> {
        let mut message = Vec::new();
        event.fact.write_message(&mut message);
        let told = Told {
            id: event.id.to_string(),
            session: event.id.session,
            kind: event.fact.kind(),
            attempt: event.attempt,
            message: String::from_utf8(message).expect("JSON is UTF-8"),
            connection: event.connection.to_string(),
        };
        self.shared.told.send_modify(|all| all.push(told.clone()));
        if self.settled_mood().await == Mood::Away {
            return Err(Failure::Unreachable("it is away".into()));
        }
        Ok((self.shared.answer)(&told))
    }

    /// How it feels, once it is not slow.
    async fn settled_mood(&self) -> Mood {
        let mut mood = self.shared.mood.subscribe();
        let now = *mood.borrow();
        if now != Mood::Slow {
            return now;
        }
        let _waiting = Waiting::begin(&self.shared.waiting);
        let settled = mood.wait_for(|mood| *mood != Mood::Slow).await;
        *settled.expect("it lives")
    }
}

/// One try that is kept waiting, counted until it is answered or given up.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl Waiting<'_> {
    fn begin(count: &watch::Sender<usize>) -> Waiting<'_> {
        count.send_modify(|count| *count += 1);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").finish_non_exhaustive()
    }
}
