//! What tungstenite's own WebSocket makes of the same streams.

use std::borrow::Cow;
use std::io::{self, Cursor, Read, Write};

use broker_transport::ws::{Event, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use tungstenite::protocol::{CloseFrame, Role, WebSocket};
use tungstenite::{Message, Utf8Bytes};

use crate::client::speech;

/// A stream that is read from memory, and takes what is written to it.
struct Recording(Cursor<Vec<u8>>);

impl Read for Recording {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Recording {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All messages that tungstenite reads, until the stream ends or is wrong.
fn read_all(bytes: Vec<u8>, role: Role) -> Vec<Message> {
    let mut websocket = WebSocket::from_raw_socket(Recording(Cursor::new(bytes)), role, None);
    std::iter::from_fn(|| websocket.read().ok()).collect()
}

fn as_event(message: Message) -> Event<'static> {
    match message {
        Message::Text(text) => Event::Text(Cow::Owned(text.as_str().to_owned())),
        Message::Binary(payload) => Event::Binary(Cow::Owned(payload.to_vec())),
        Message::Ping(payload) => Event::Ping(Cow::Owned(payload.to_vec())),
        Message::Pong(_) => Event::Pong,
        Message::Close(frame) => {
            let CloseFrame { code, reason } = frame.expect("every close here has a code");
            let code = u16::from(code);
            let reply = Some(encode::close(code, ""));
            Event::Closed {
                code,
                reason: reason.as_str().to_owned(),
                reply,
            }
        }
        Message::Frame(_) => panic!("reading never gives a raw frame"),
    }
}

proptest! {
    /// The streams have the events that they were made from (`ws_cuts`); here the other implementation agrees that
    /// this is what RFC 6455 makes of them.
    #[test]
    fn tungstenite_hears_the_same_events(speech in speech()) {
        let heard: Vec<_> = read_all(speech.bytes, Role::Server).into_iter().map(as_event).collect();
        prop_assert_eq!(heard, speech.events);
    }

    #[test]
    fn tungstenite_reads_what_is_encoded(
        text in ".{0,300}",
        binary in vec(any::<u8>(), 0..300),
        long in 65_500_usize..65_600,
        control in vec(any::<u8>(), 0..=125),
        code in 3000_u16..=4999,
        reason in "[a-zé✓]{0,200}",
    ) {
        let long = vec![7; long];
        let frames = [
            encode::text(&text),
            encode::binary(&binary),
            encode::binary(&long),
            encode::PING,
            encode::pong(&control),
            encode::close(code, &reason),
        ];
        let reason = Utf8Bytes::from(&reason[..reason.floor_char_boundary(123)]);
        let expected = [
            Message::text(text),
            Message::binary(binary),
            Message::binary(long),
            Message::Ping(Vec::new().into()),
            Message::Pong(control.into()),
            Message::Close(Some(CloseFrame { code: code.into(), reason })),
        ];
        prop_assert_eq!(read_all(frames.concat(), Role::Client), expected);
    }
}
