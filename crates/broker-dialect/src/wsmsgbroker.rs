//! `wsmsgbroker`: clients give themselves names and talk to each other by them, as with npm `wsmsgbroker`.
//!
//! A client's frame is a JSON object with an `action`: `register`, `unregister`, `send` or `answer`. It hears
//! `registered`, `unregistered`, `message` and `answer`, and nothing else, since the client library raises on actions that
//! it does not know: what is wrong with a frame is passed over.

mod frame;
mod words;

use broker_core::{Message, Notice, Timestamp};

use crate::{Action, BinaryMessages, Dialect, Incoming, Options, Outgoing};

/// How many names one `send` may be for; what is for more is passed over.
pub const DESTINATIONS_MAX: usize = 1024;

/// A connection of the dialect. Its names and requests are the core's matter.
#[derive(Debug)]
pub struct Wsmsgbroker {
    binary: BinaryMessages,
    relay_events: bool,
}

impl Dialect for Wsmsgbroker {
    const NAME: &'static str = "wsmsgbroker";
    const TELLS_BACKEND: bool = true;
    const RELAYS: bool = true;

    fn open(options: &Options) -> Wsmsgbroker {
        Wsmsgbroker {
            binary: options.binary,
            relay_events: options.relay_events,
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

    fn encode(message: &Message) -> Outgoing {
        words::backend_message(message)
    }

    fn notice(notice: &Notice) -> Option<Outgoing> {
        Some(words::notice(notice))
    }
}

#[cfg(test)]
mod tests;
