//! `echo`: every text and binary message comes back unchanged, through the transport's ordinary path and with no backend,
//! for conformance suites and latency probes.

use broker_core::{Message, Timestamp};
use bytes::Bytes;

use crate::{Action, Dialect, Incoming, Options, Outgoing};

/// A connection that echoes; there is nothing to remember.
#[derive(Debug)]
pub struct Echo;

impl Dialect for Echo {
    const NAME: &'static str = "echo";
    const TELLS_BACKEND: bool = false;

    fn open(_options: &Options) -> Echo {
        Echo
    }

    fn receive(&mut self, _now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
        // The one copy there is: what came in is lent, and what goes out may have to wait in a queue.
        act(Action::Reply(match incoming {
            Incoming::Text(text) => Outgoing::Text(Bytes::copy_from_slice(text.as_bytes())),
            Incoming::Binary(bytes) => Outgoing::Binary(Bytes::copy_from_slice(bytes)),
        }));
    }

    fn encode(message: &Message) -> Outgoing {
        match message {
            Message::Json(text) | Message::Text(text) => Outgoing::Text(text.clone()),
            Message::Binary(bytes) => Outgoing::Binary(bytes.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_back_as_it_was() {
        for incoming in [
            Incoming::Text(""),
            Incoming::Text("no JSON"),
            Incoming::Text("{\"type\":\"session-connect\"}"),
            Incoming::Binary(b""),
            Incoming::Binary(b"\xff\0"),
        ] {
            let mut replies = Vec::new();
            Echo.receive(Timestamp(0), incoming, &mut |action| {
                let Action::Reply(reply) = action else {
                    panic!("{action:?}");
                };
                replies.push(reply);
            });
            let expected = match incoming {
                Incoming::Text(text) => Outgoing::Text(Bytes::copy_from_slice(text.as_bytes())),
                Incoming::Binary(bytes) => Outgoing::Binary(Bytes::copy_from_slice(bytes)),
            };
            assert_eq!(replies, [expected]);
        }
    }
}
