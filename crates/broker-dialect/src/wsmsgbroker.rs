//! `wsmsgbroker`: clients give themselves names and talk to each other by them, as with npm `wsmsgbroker`.
//!
//! A client's frame is a JSON object with an `action`: `register`, `unregister`, `send` or `answer`. It hears
//! `registered`, `unregistered`, `message` and `answer`, and nothing else, since the client library raises on actions that
//! it does not know: what is wrong with a frame is passed over.

mod frame;
mod words;

use broker_core::{Message, Notice, Timestamp};

use crate::{
    Action, Audience, BinaryMessages, Dialect, EncodeError, Incoming, Sessions, Start, Words,
};

/// How many names one `send` may be for; what is for more is passed over.
pub const DESTINATIONS_MAX: usize = 1024;

/// How long the message of a `send` that asks may be, times the names that it is for, in bytes: it is written anew for each,
/// with an `ack` of its own. What is longer is passed over.
pub(crate) const ASKED_BYTES_MAX: usize = 4 << 20;

/// A connection of the dialect. Its names and requests are the core's matter.
#[derive(Debug)]
pub struct Wsmsgbroker {
    binary: BinaryMessages,
    relay_events: bool,
}

impl Dialect for Wsmsgbroker {
    const NAME: &'static str = "wsmsgbroker";
    const SESSIONS: Sessions = Sessions::One;
    const RELAYS: bool = true;

    fn open(start: &Start<'_>, _act: &mut impl FnMut(Action)) -> Wsmsgbroker {
        Wsmsgbroker {
            binary: start.options.binary,
            relay_events: start.options.relay_events,
        }
    }

    fn receive(&mut self, _now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
        let action = match (incoming, self.binary) {
            (Incoming::Text(text), _) => frame::read(text, self.relay_events),
            (Incoming::Binary(bytes), BinaryMessages::Text) => {
                frame::read(&String::from_utf8_lossy(bytes), self.relay_events)
            }
            (Incoming::Binary(_), BinaryMessages::Event) => Err("binary message"),
        };
        act(action.unwrap_or_else(Action::PassOver));
    }

    fn encode(_audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError> {
        Ok(words::backend_message(message).into())
    }

    fn notice(_audience: &Audience<'_>, notice: &Notice) -> Result<Option<Words>, EncodeError> {
        Ok(Some(words::notice(notice).into()))
    }
}

#[cfg(test)]
mod tests;
