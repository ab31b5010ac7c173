//! `echo`: every text and binary message comes back unchanged, through the transport's ordinary path and with no backend,
//! for conformance suites and latency probes.

use broker_core::{Message, Timestamp};
use bytes::Bytes;

use crate::{Action, Audience, Dialect, EncodeError, Incoming, Outgoing, Sessions, Start, Words};

/// A connection that echoes; there is nothing to remember.
#[derive(Debug)]
pub struct Echo;

impl Dialect for Echo {
    const NAME: &'static str = "echo";
    const SESSIONS: Sessions = Sessions::Untold;

    fn open(_start: &Start<'_>, _act: &mut impl FnMut(Action)) -> Echo {
        Echo
    }

    fn receive(&mut self, _now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
        // The one copy there is: what came in is lent, and what goes out may have to wait in a queue.
        let outgoing = match incoming {
            Incoming::Text(text) => Outgoing::Text(Bytes::copy_from_slice(text.as_bytes())),
            Incoming::Binary(bytes) => Outgoing::Binary(Bytes::copy_from_slice(bytes)),
        };
        act(Action::Reply(outgoing.into()));
    }

    fn encode(_audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError> {
        Ok(Words::Message(Outgoing::of(message)))
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
            assert_eq!(replies, [Words::Message(expected)]);
        }
    }
}
