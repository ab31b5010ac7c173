//! What an application in the same process asks for, turned into commands.

use broker_core::json::JsonError;
use broker_core::{
    Aim, Command, CommandList, Criteria, CriteriaError, Entry, Failure, LogLevel, Message,
    SessionId, Verb,
};
use serde::Serialize;

use crate::control::Control;

/// Why a wish cannot be turned into a command.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A value cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A value was written as JSON that nobody can read back.
    #[error("is not sound as JSON: {0}")]
    Unsound(#[from] JsonError),
    /// The session info is changed by a JSON object only.
    #[error("session info is changed by a JSON object")]
    NotAnObject,
    /// Criteria that cannot be read.
    #[error("criteria: {0}")]
    Criteria(#[from] CriteriaError),
    /// A close code or reason that no close frame may carry.
    #[error("a close code is 1000 or from 3000 to 4999, a reason at most 123 bytes")]
    Close,
}

impl dyn Control + '_ {
    /// Sends the JSON of a value to all connections whose session info matches; with falsy criteria (`()` is written as
    /// `null`) to everyone. `criteria` is what `match` holds in the command `send`.
    ///
    /// # Errors
    /// When `message` or `criteria` cannot be written as JSON, or `criteria` cannot be read.
    pub fn broadcast(
        &self,
        message: &impl Serialize,
        criteria: &impl Serialize,
    ) -> Result<(), AskError> {
        let (aim, verb) = broadcast(message, criteria)?;
        self.post(only(aim, verb));
        Ok(())
    }

    /// Writes a line to the broker's log, as the command `log` does.
    pub fn log(&self, level: LogLevel, text: &str) {
        let text = serde_json::Value::from(text).to_string().into();
        self.post(only(Aim::default(), Verb::Log { text, level }));
    }
}

fn only(aim: Aim, verb: Verb) -> CommandList {
    CommandList {
        entries: vec![Entry::Run(Command { aim, verb })],
        ..CommandList::default()
    }
}

pub(super) fn broadcast(
    message: &impl Serialize,
    criteria: &impl Serialize,
) -> Result<(Aim, Verb), AskError> {
    let message = Message::Json(serde_json::to_vec(message)?.into());
    let criteria = Criteria::parse(&serde_json::to_string(criteria)?)?;
    let aim = Aim {
        criteria: Some(criteria.unwrap_or(Criteria::EVERYONE)),
        except: None,
    };
    Ok((aim, Verb::Send(message)))
}

/// Gives the commands that are for the session that caused them to that session by its name, so that they can come from
/// elsewhere.
pub(super) fn name_origin(entries: &mut [Entry], origin: SessionId) {
    // An id is letters, digits, `-` and `_`, so these are criteria whatever it is.
    let named = Criteria::parse(&format!(r#"{{"wskey":"{origin}"}}"#));
    let named = named.ok().flatten();
    for entry in entries {
        match entry {
            Entry::Run(command) if command.aim.criteria.is_none() => {
                command.aim.criteria.clone_from(&named);
            }
            Entry::Run(_) | Entry::Refused { .. } | Entry::Other(_) => {}
        }
    }
}

pub(super) fn nobody_to_ask() -> Failure {
    Failure::Unreachable("there is no backend behind the hooks".into())
}
