//! `wsbroker`: clients say JSON and are told JSON, as with npm `wsbroker`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use broker_core::{ClientMessage, Message, Timestamp, close_code, json};

use crate::{
    Action, Audience, BinaryMessages, Dialect, EncodeError, Incoming, Outgoing, Sessions, Start,
    Words,
};

/// A connection of the dialect; all it has to remember is how its endpoint is set up.
#[derive(Debug)]
pub struct Wsbroker {
    binary: BinaryMessages,
}

impl Dialect for Wsbroker {
    const NAME: &'static str = "wsbroker";
    const SESSIONS: Sessions = Sessions::One;

    fn open(start: &Start<'_>, _act: &mut impl FnMut(Action)) -> Wsbroker {
        Wsbroker {
            binary: start.options.binary,
        }
    }

    fn receive(&mut self, _now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
        let message = match (incoming, self.binary) {
            (Incoming::Text(text), _) => read(text),
            (Incoming::Binary(bytes), BinaryMessages::Text) => {
                read(&String::from_utf8_lossy(bytes))
            }
            (Incoming::Binary(bytes), BinaryMessages::Event) => own(binary_event(bytes)),
        };
        act(message.map_or(TOO_BIG, Action::Message));
    }

    fn encode(_audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError> {
        Ok(Words::Message(Outgoing::of(message)))
    }
}

/// What no message of the core can hold; with any sensible `max_message` the transport has refused it before.
const TOO_BIG: Action = Action::Refuse {
    code: close_code::TOO_BIG,
    reason: Cow::Borrowed("message too big"),
};

/// Reads a client's text. One that is not JSON is told of as an error that quotes it, which is the backend's only sight of
/// plain text.
fn read(text: &str) -> Option<ClientMessage> {
    match ClientMessage::parse(text) {
        Ok(message) => Some(message),
        Err(error) => {
            let mut event = br#"{"json_error":"#.to_vec();
            json::write_string(&mut event, &format!("{error} // source: {text}"));
            event.push(b'}');
            own(event)
        }
    }
}

fn binary_event(bytes: &[u8]) -> Vec<u8> {
    let data = BASE64.encode(bytes);
    [br#"{"type":"binary","data":""#, data.as_bytes(), br#""}"#].concat()
}

/// A message in the dialect's own words. It is JSON, so only its length can stand in the way.
fn own(event: Vec<u8>) -> Option<ClientMessage> {
    ClientMessage::parse(&String::from_utf8(event).ok()?).ok()
}

#[cfg(test)]
mod tests;
