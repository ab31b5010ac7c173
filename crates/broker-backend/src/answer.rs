//! What an application says to a call.

use std::fmt;

use async_trait::async_trait;
use broker_core::{CommandList, Failure};
use bytes::Bytes;
use http::HeaderValue;
use smallvec::SmallVec;

/// What an application says to a call.
#[derive(Debug)]
pub struct Answer {
    /// Its commands.
    pub commands: Commands,
    /// What a client is told whose handshake waited for this answer; nothing in most answers.
    pub greeting: Option<Box<Greeting>>,
}

/// The commands of an answer.
#[derive(Debug)]
pub enum Commands {
    /// All of them: a list for each event of the call, in their order.
    Lists(SmallVec<[CommandList; 1]>),
    /// Those for the one event of the call: a first list, with which the event counts as answered, and others as they come.
    Stream(CommandList, Box<dyn CommandStream>),
}

/// Commands that come one after the other.
#[async_trait]
pub trait CommandStream: fmt::Debug + Send {
    /// Waits for the next list. What cannot be read is told in its place, and others may follow; after the end, and when the
    /// stream was cut or silent for too long, there is nothing more.
    async fn next(&mut self) -> Option<Result<CommandList, Failure>>;
}

/// What the answer to a handshake carries of the application's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// The subprotocol it has chosen.
    pub subprotocol: Option<HeaderValue>,
    /// Cookies it sets.
    pub cookies: Vec<HeaderValue>,
}

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Why.
    pub failure: Failure,
    /// What the application said to a client whose handshake it refused.
    pub page: Option<Box<Page>>,
}

/// The body of an answer that refuses a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What the application called its kind.
    pub content_type: Option<HeaderValue>,
    /// The body itself.
    pub body: Bytes,
}

impl From<CommandList> for Answer {
    fn from(list: CommandList) -> Answer {
        Answer::from(SmallVec::from([list]))
    }
}

impl From<SmallVec<[CommandList; 1]>> for Answer {
    fn from(lists: SmallVec<[CommandList; 1]>) -> Answer {
        Answer {
            commands: Commands::Lists(lists),
            greeting: None,
        }
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Unanswered {
        Unanswered {
            failure,
            page: None,
        }
    }
}
