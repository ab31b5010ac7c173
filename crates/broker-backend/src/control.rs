//! What an application in the same process can ask of the running broker.

use std::fmt;

use async_trait::async_trait;
use broker_core::CommandList;
use serde_json::value::RawValue;

/// The running broker, as an application in the same process sees it. The driver implements it.
///
/// An implementation holds no strong reference back to the backend, since the backend holds it.
#[async_trait]
pub trait Control: fmt::Debug + Send + Sync {
    /// Runs commands like those of a command POST: without `match`, they are for everyone.
    ///
    /// It does not wait: lists posted one after the other from one thread take effect in that order.
    fn post(&self, commands: CommandList);

    /// Runs commands as [`post`](Control::post) does and gives their results: a JSON array, one element a command, in
    /// the form of a command POST on the public port.
    async fn execute(&self, commands: CommandList) -> Box<RawValue>;
}
