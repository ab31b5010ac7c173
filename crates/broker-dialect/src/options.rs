//! What an endpoint's configuration says about its dialect.

use std::sync::Arc;

use crate::socketio;

/// Settings of an endpoint that its dialect heeds; each dialect takes what concerns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What becomes of binary messages.
    pub binary: BinaryMessages,
    /// The endpoint's `relay_events`: whether the backend is told of what clients say to each other.
    pub relay_events: bool,
    /// What is chosen about Socket.IO, shared by all connections of the endpoint.
    pub socketio: Arc<socketio::Settings>,
}

/// The endpoint's `binary`: how a binary message of a client's is passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BinaryMessages {
    /// `event`: as a message of the type `binary` that carries the bytes as base64, where the dialect can say it to the
    /// backend; `wsmsgbroker` passes it over.
    #[default]
    Event,
    /// `text`: read as if it had been sent as text, each fault in its UTF-8 replaced by U+FFFD.
    Text,
}

impl BinaryMessages {
    /// Every choice.
    pub const ALL: [BinaryMessages; 2] = [BinaryMessages::Event, BinaryMessages::Text];

    /// Its name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BinaryMessages::Event => "event",
            BinaryMessages::Text => "text",
        }
    }

    /// The choice of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<BinaryMessages> {
        let mut known = BinaryMessages::ALL.into_iter();
        known.find(|choice| choice.name() == name)
    }
}
