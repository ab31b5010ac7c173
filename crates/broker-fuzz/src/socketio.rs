//! What a client of Socket.IO sends, by a WebSocket and by polling, and what is said to it.

mod again;
mod body;
mod conversation;
mod told;

use std::sync::Arc;

use broker_dialect::socketio::Settings;
use broker_dialect::socketio::engine::{Revision, Transport};
use broker_dialect::{Incoming, Options};

use self::conversation::Conversation;

/// The first byte holds the choices. The rest are lines:
///
/// | a line | what happens |
/// | --- | --- |
/// | `B…` | the client sends the rest as a binary message |
/// | `V…`, `W…` | where it polls, it posts the rest as a body, of text or of bytes |
/// | `U`, `Q…` | where it polls, a WebSocket arrives that is to take over; says the rest |
/// | `G`, `R…` | whoever waits longest to enter a namespace may; may not, for the rest |
/// | `P` | it is put out of the namespace that it entered last |
/// | `S…` | the backend sends the rest to each namespace that it is in |
/// | `T…`, `N…` | so many seconds pass; and it is not read meanwhile |
/// | another | the client sends it as text |
///
/// All of it is played twice, by a WebSocket and by polling, where messages that follow each other go into bodies of as many
/// packets as was chosen. Unless there are lines that one of the two knows alone, it comes to the same.
pub(crate) fn feed(input: &[u8]) {
    let Some((first, lines)) = input.split_first() else {
        return;
    };
    let choices = Choices {
        revision: match first & 1 {
            0 => Revision::Four,
            _ => Revision::Three,
        },
        takes_binary: first & 2 != 0,
        is_let_in: first & 4 == 0,
        packets: usize::from(first >> 3) % PACKETS_MAX + 1,
    };
    let by_websocket = play(choices, Transport::WebSocket, lines);
    let by_polling = play(choices, Transport::Polling, lines);
    if let (Some(by_websocket), Some(by_polling)) = (by_websocket, by_polling) {
        assert_eq!(by_polling, by_websocket);
    }
}

/// What the client and its endpoint are like.
#[derive(Clone, Copy)]
struct Choices {
    revision: Revision,
    /// Whether bodies may be binary; only protocol 3 has such.
    takes_binary: bool,
    /// Whether the client enters each namespace at once.
    is_let_in: bool,
    /// How many packets go into a body.
    packets: usize,
}

impl Choices {
    fn has_binary_bodies(self) -> bool {
        self.takes_binary && self.revision == Revision::Three
    }
}

/// So small that all of them are reached.
const BODY_BYTES_MAX: usize = 1000;
const PACKETS_MAX: usize = 8;
const NAMESPACES_MAX: u16 = 3;

fn options() -> Options {
    let mut settings = Settings::default();
    settings.max_payload = BODY_BYTES_MAX;
    settings.max_payload_packets = PACKETS_MAX;
    settings.max_namespaces = NAMESPACES_MAX;
    settings.allow_eio3 = true;
    let mut options = Options::default();
    options.socketio = Arc::new(settings);
    options
}

/// What comes of the lines; `None` where that is a matter of the transport.
fn play(choices: Choices, transport: Transport, lines: &[u8]) -> Option<Vec<String>> {
    let mut it = Conversation::open(choices, transport);
    for line in lines.split(|byte| *byte == b'\n') {
        let (kind, rest) = line.split_at(1.min(line.len()));
        let text = str::from_utf8(rest);
        match (kind, text) {
            (b"B", _) => it.sends(Incoming::Binary(rest)),
            (b"V", _) => it.posts(rest, false),
            (b"W", _) => it.posts(rest, true),
            (b"U", _) => it.begins_upgrade(),
            (b"Q", Ok(text)) => it.probes(text),
            (b"G", _) => it.lets_in(),
            (b"R", Ok(text)) => it.refuses(text),
            (b"P", _) => it.puts_out(),
            (b"S", Ok(text)) => it.backend_sends(text),
            (b"T" | b"N", Ok(text)) => it.waits(text.parse().unwrap_or(1), kind == b"T"),
            _ => match str::from_utf8(line) {
                Ok(text) => it.sends(Incoming::Text(text)),
                Err(_) => it.sends(Incoming::Binary(line)),
            },
        }
    }
    it.end()
}
