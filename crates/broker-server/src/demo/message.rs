//! The words of the chat: what clients say to it, what it says to them, and the commands that carry this.
//!
//! They are written as JSON exactly as a backend in any other language would write them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A part of the chat that hears only itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Room {
    Lobby,
    Kitchen,
    Garden,
}

/// What a client asks for. The broker has put `client-` before its types.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", expecting = "an object with a type")]
pub(super) enum Wish {
    #[serde(rename = "client-say")]
    Say { text: String },
    #[serde(rename = "client-name")]
    Name { name: String },
    #[serde(rename = "client-join")]
    Join { room: Room },
}

/// Somebody in the chat, as the session info of the connection holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    /// Counts the guests from 1; tells people of one name apart.
    pub(super) guest: u64,
    pub(super) name: String,
    pub(super) room: Room,
}

/// What is answered to an event.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Command {
    Session {
        data: Change,
    },
    Send {
        /// Without it, whoever caused the event.
        #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
        aim: Option<InRoom>,
        #[serde(skip_serializing_if = "Option::is_none")]
        except: Option<Except>,
        message: Message,
    },
}

impl Command {
    /// Whom it is for, other than whoever caused the event.
    pub(super) fn aim(&self) -> Option<InRoom> {
        match self {
            Command::Session { .. } => None,
            Command::Send { aim, .. } => *aim,
        }
    }
}

/// Fields of a person's session info that change.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room: Option<Room>,
}

/// Everyone whose session info has this room.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct InRoom {
    pub(super) room: Room,
}

/// Who is left out.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Except {
    #[serde(rename = "self")]
    Origin,
}

/// What clients are told.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Message {
    Welcome(Person),
    Joined(Person),
    Left {
        guest: u64,
        name: String,
    },
    Renamed {
        guest: u64,
        old: String,
        name: String,
    },
    Said {
        guest: u64,
        name: String,
        text: String,
    },
    Here(Here),
    Error {
        text: String,
    },
    /// What happened behind the scenes, for the page to show.
    Report {
        event: Told,
        commands: Vec<Command>,
    },
}

/// Who is in a room.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Here {
    /// Grows with every change. Answers of several shards may overtake each other; the greatest is the newest.
    pub(super) revision: u64,
    pub(super) room: Room,
    pub(super) count: usize,
    /// The first of them, by number.
    pub(super) people: Vec<Guest>,
}

/// One of those in a room.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Guest {
    pub(super) guest: u64,
    pub(super) name: String,
}

/// An event in the two fields that a backend gets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    pub(super) message: Box<RawValue>,
    pub(super) connection: Shown,
}

/// What may be shown of a session info: never its cookies, which may be secrets of other applications on this host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wskey: Option<String>,
    #[serde(flatten)]
    pub(super) person: Option<Person>,
}
