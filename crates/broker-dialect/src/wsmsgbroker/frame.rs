//! What a client says.

use broker_core::json::{self, Members};
use broker_core::{ClientMessage, Name, NameError, Relay, RequestToken, TokenTooLong, form};
use bytes::Bytes;

use super::{ASKED_BYTES_MAX, DESTINATIONS_MAX};
use crate::Action;

/// Reads a frame of a client's; what is wrong with it, if nothing can be made of it.
pub(super) fn read(text: &str, relay_events: bool) -> Result<Action, &'static str> {
    let members = json::members(text).map_err(|_| "not JSON")?;
    let members = members.ok_or("not an object")?;
    match members.last("action").and_then(json::string).as_deref() {
        Some("register") => register(&members),
        Some("unregister") => Ok(Action::Unregister),
        Some("send") => send(&members, relay_events),
        Some("answer") => answer(&members),
        Some(_) => Err("unknown action"),
        None => Err("no action"),
    }
}

fn register(members: &Members<'_>) -> Result<Action, &'static str> {
    let id = members.last("id").unwrap_or("null");
    Name::read(id)
        .map(Action::Register)
        .map_err(|error| match error {
            NameError::Empty => "register without an id",
            NameError::TooLong => "register with too long an id",
            NameError::Unreadable => "register with an id that not everybody can read",
        })
}

fn send(members: &Members<'_>, relay_events: bool) -> Result<Action, &'static str> {
    let message = members.last("message").ok_or("send without a message")?;
    let dest = members.last("dest").ok_or("send without a dest")?;
    let to = match (json::string(dest), json::elements(dest)) {
        (Some(name), _) => [name.into()].into_iter().collect(),
        (None, Some(names)) if names.len() > DESTINATIONS_MAX => {
            return Err("send to too many at once");
        }
        (None, Some(names)) => {
            let forms = names.iter().map(|name| form::js_string(name.get()));
            forms.map(Box::from).collect()
        }
        (None, None) => return Err("dest must be a string or an array"),
    };
    let told = relay_events
        .then(|| told(dest, message))
        .transpose()
        .map_err(|()| "message too big")?;
    let token = token(members).map(RequestToken::new).transpose();
    let relay = Relay {
        to,
        message: Bytes::copy_from_slice(message.as_bytes()),
        token: token.map_err(|TokenTooLong| "send with too long an ack")?,
        told,
    };
    let asked = if relay.token.is_some() {
        relay.to.len()
    } else {
        0
    };
    if asked > 1 && asked * message.len() > ASKED_BYTES_MAX {
        return Err("send of too long a message that asks so many");
    }
    Ok(Action::Relay(relay))
}

/// What the backend is told of a message that is passed on.
fn told(dest: &str, message: &str) -> Result<ClientMessage, ()> {
    let told = [("type", "\"send\""), ("dest", dest), ("message", message)];
    ClientMessage::parse(&json::object(told)).map_err(drop)
}

fn answer(members: &Members<'_>) -> Result<Action, &'static str> {
    let ack = token(members).ok_or("answer without an ack")?;
    let ack = json::string(ack).and_then(|ack| ack.parse().ok());
    Ok(Action::Answer {
        ack: ack.ok_or("answer to nothing that was asked")?,
        message: members
            .last("message")
            .map(|message| Bytes::copy_from_slice(message.as_bytes())),
    })
}

/// What a request is called: any JSON but what JavaScript takes for false.
fn token<'a>(members: &Members<'a>) -> Option<&'a str> {
    let ack = members.last("ack")?;
    (!form::is_falsy(ack)).then_some(ack)
}
