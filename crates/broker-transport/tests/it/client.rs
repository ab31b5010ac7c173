//! Any client: what it says as bytes, and what a server should make of them.

use std::borrow::Cow;
use std::sync::Arc;

use broker_core::Timestamp;
use broker_transport::ws::{Event, Inflater, Settings, WebSocket, encode};
use proptest::collection::vec;
use proptest::prelude::*;

/// A client's side of a connection: the bytes, and the events that are to come of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speech {
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<Event<'static>>,
}

/// One message with the control frames between its fragments.
#[derive(Clone, Debug)]
struct Utterance {
    message: Message,
    /// Where the payload is cut into frames; taken modulo its length.
    cuts: Vec<usize>,
    /// The control frames: before which of the frames, ping or pong, payload.
    between: Vec<(usize, bool, Vec<u8>)>,
    mask: [u8; 4],
}

#[derive(Clone, Debug)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// Messages only, so that something may follow.
pub(crate) fn chatter() -> impl Strategy<Value = Speech> {
    vec(utterance(), 0..4).prop_map(|utterances| {
        let mut speech = Speech::default();
        utterances
            .iter()
            .for_each(|utterance| speech.say(utterance));
        speech
    })
}

/// Several messages, and perhaps a close at the end.
pub(crate) fn speech() -> impl Strategy<Value = Speech> {
    let close = proptest::option::of((close_code(), "[a-zé✓]{0,20}"));
    (vec(utterance(), 0..6), close).prop_map(|(utterances, close)| {
        let mut speech = Speech::default();
        for utterance in &utterances {
            speech.say(utterance);
        }
        if let Some((code, reason)) = close {
            speech.say_goodbye(code, reason);
        }
        speech
    })
}

fn utterance() -> impl Strategy<Value = Utterance> {
    let message = prop_oneof![
        ".{0,60}".prop_map(Message::Text),
        vec(any::<u8>(), 0..60).prop_map(Message::Binary),
        // The 16-bit and the 64-bit length.
        (120_usize..140).prop_map(|len| Message::Text("é".repeat(len))),
        (65_530_usize..65_540).prop_map(|len| Message::Binary(vec![0xa5; len])),
    ];
    let control = (0_usize..5, any::<bool>(), vec(any::<u8>(), 0..=125));
    (
        message,
        vec(any::<usize>(), 0..4),
        vec(control, 0..3),
        any::<[u8; 4]>(),
    )
        .prop_map(|(message, cuts, between, mask)| Utterance {
            message,
            cuts,
            between,
            mask,
        })
}

fn close_code() -> impl Strategy<Value = u16> {
    prop_oneof![
        Just(1000_u16),
        1000_u16..=1003,
        1007_u16..=1013,
        3000_u16..=4999
    ]
}

impl Speech {
    fn say(&mut self, utterance: &Utterance) {
        let Utterance {
            message,
            cuts,
            between,
            mask,
        } = utterance;
        let (opcode, payload, event) = match message {
            Message::Text(text) => (1, text.as_bytes(), Event::Text(Cow::Owned(text.clone()))),
            Message::Binary(bytes) => (2, &bytes[..], Event::Binary(Cow::Owned(bytes.clone()))),
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (payload.len() + 1)).collect();
        cuts.push(payload.len());
        cuts.sort_unstable();

        let mut start = 0;
        for (index, &end) in cuts.iter().enumerate() {
            for (_, is_ping, payload) in between.iter().filter(|(before, ..)| *before == index) {
                self.bytes
                    .extend(frame(if *is_ping { 0x89 } else { 0x8a }, *mask, payload));
                self.events.push(match is_ping {
                    true => Event::Ping(Cow::Owned(payload.clone())),
                    false => Event::Pong(Cow::Owned(payload.clone())),
                });
            }
            let opcode = if index == 0 { opcode } else { 0 };
            let fin = if index + 1 == cuts.len() { 0x80 } else { 0 };
            self.bytes
                .extend(frame(fin | opcode, *mask, &payload[start..end]));
            start = end;
        }
        self.events.push(event);
    }

    fn say_goodbye(&mut self, code: u16, reason: String) {
        let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
        self.bytes.extend(frame(0x88, [1, 2, 3, 4], &payload));
        let reply = Some(encode::close(code, ""));
        self.events.push(Event::Closed {
            code,
            reason,
            reply,
        });
    }
}

/// A frame, which begins with this byte.
pub(crate) fn frame(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// The limit on the messages of clients.
pub(crate) const MAX_MESSAGE: usize = 100_000;

/// The limits of the connections under test.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.max_message = MAX_MESSAGE;
    settings.max_fragments = 100;
    settings
}

/// A new connection.
pub(crate) fn open(settings: Settings) -> WebSocket {
    WebSocket::new(Arc::new(settings), Timestamp(0))
}

/// What a connection makes of bytes that arrive in these pieces.
pub(crate) fn hear_by<'p>(
    mut websocket: WebSocket,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Vec<Event<'static>> {
    let mut inflater = Inflater::default();
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(event) = websocket.receive(Timestamp(0), &mut inflater, &mut input) {
            events.push(event.into_owned());
        }
        assert!(input.is_empty(), "bytes were left");
    }
    events
}

/// What a new connection makes of bytes that arrive in these pieces, with so many fragments to a message at most.
pub(crate) fn hear_fragments<'p>(
    max_fragments: u32,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Vec<Event<'static>> {
    let mut settings = settings();
    settings.max_fragments = max_fragments;
    hear_by(open(settings), pieces)
}

/// What a new connection makes of bytes that arrive in these pieces.
pub(crate) fn hear<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<Event<'static>> {
    hear_by(open(settings()), pieces)
}
