//! tungstenite as another server that hears the same bytes.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};

use broker_transport::ws::{Event, encode};
use tungstenite::protocol::{CloseFrame, Role, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

/// What tungstenite made of a stream.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What it heard, before it failed if it did; a close with the reply that was written.
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) end: End,
    /// What it wrote: pongs and a close frame.
    pub(crate) written: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It wants more bytes.
    Waits,
    /// It has had a close frame.
    Closed,
    /// It gave up, for a reason that this close code names.
    Failed(u16),
}

/// Lets tungstenite read what a client says, with the same limit on a message as on a frame.
pub(crate) fn listen(bytes: &[u8], max_message: usize) -> Verdict {
    let config = WebSocketConfig::default()
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message));
    let socket = Socket {
        unread: bytes,
        written: Vec::new(),
    };
    let mut websocket = WebSocket::from_raw_socket(socket, Role::Server, Some(config));
    let mut events = Vec::new();
    let end = loop {
        match websocket.read() {
            Ok(Message::Close(Some(frame))) if is_its_own_word(&frame) => break End::Failed(1002),
            Ok(message) => events.push(as_event(message)),
            Err(Error::ConnectionClosed) => break End::Closed,
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break End::Waits,
            Err(Error::Protocol(_)) => break End::Failed(1002),
            Err(Error::Utf8(_)) => break End::Failed(1007),
            Err(Error::Capacity(_)) => break End::Failed(1009),
            Err(other) => panic!("not an end of a stream in memory: {other}"),
        }
    };
    // It writes its reply to a close frame when it is asked once more.
    let _ = websocket.flush();
    Verdict {
        events,
        end,
        written: websocket.into_inner().written,
    }
}

/// A close code that it refuses is reported as a close frame of its own making.
fn is_its_own_word(frame: &CloseFrame) -> bool {
    u16::from(frame.code) == 1002 && frame.reason.as_str() == "Protocol violation"
}

fn as_event(message: Message) -> Event<'static> {
    match message {
        Message::Text(text) => Event::Text(Cow::Owned(text.as_str().to_owned())),
        Message::Binary(payload) => Event::Binary(Cow::Owned(payload.to_vec())),
        Message::Ping(payload) => Event::Ping(Cow::Owned(payload.to_vec())),
        Message::Pong(payload) => Event::Pong(Cow::Owned(payload.to_vec())),
        Message::Close(None) => Event::Closed {
            code: 1005,
            reason: String::new(),
            reply: Some(bytes::Bytes::from_static(&[0x88, 0])),
        },
        Message::Close(Some(CloseFrame { code, reason })) => {
            let code = u16::from(code);
            Event::Closed {
                code,
                reason: reason.as_str().to_owned(),
                // It repeats the reason too, which nobody needs.
                reply: Some(encode::close(code, "")),
            }
        }
        Message::Frame(_) => panic!("reading never gives a raw frame"),
    }
}

/// A socket from which nothing more comes after these bytes, though it stays open.
#[derive(Debug)]
struct Socket<'b> {
    unread: &'b [u8],
    written: Vec<u8>,
}

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.unread {
            [] => Err(ErrorKind::WouldBlock.into()),
            _ => self.unread.read(buffer),
        }
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
