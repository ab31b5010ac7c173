//! The doors through which the load generator has a message sent.
//!
//! The brokers take a command by HTTP POST on their public port. The others
//! have no such door, so they get the smallest thing that says the same: a text
//! message on a WebSocket connection to `/control`. What the trigger costs is
//! part of every figure: one POST with its answer for the brokers, one masked
//! frame for the others, once per message whatever the number of receivers.

use std::io::{self, Read, Write};

use crate::{http, wire::Wire, ws};

/// How a server is told to send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoorKind {
    /// `POST /` with the form field `data`, on a connection that is kept; the
    /// answer is the list of results.
    Post,
    /// The message `ROOM PAYLOAD`, or `* PAYLOAD` for everyone, on a WebSocket
    /// connection to `/control`; nothing is answered.
    Control,
}

impl DoorKind {
    /// Whether every command is answered; the next may be given only then.
    pub(crate) fn is_answered(self) -> bool {
        self == Self::Post
    }
}

/// One connection for commands, with at most one command under way.
pub(crate) struct Door {
    kind: DoorKind,
    socket: Wire,
    received: Vec<u8>,
}

impl Door {
    /// Makes `socket`, just connected, a door.
    pub(crate) fn open(kind: DoorKind, mut socket: Wire) -> io::Result<Self> {
        if kind == DoorKind::Control {
            socket.write_all(ws::upgrade_request("/control", "room=none").as_bytes())?;
            let mut answer = Vec::new();
            while ws::upgrade_answer(&answer)?.is_none() {
                let mut byte = [0];
                socket.read_exact(&mut byte)?;
                answer.extend_from_slice(&byte);
            }
        }
        socket.set_nonblocking()?;
        Ok(Self {
            kind,
            socket,
            received: Vec::new(),
        })
    }

    pub(crate) fn socket(&self) -> &Wire {
        &self.socket
    }

    /// Has `payload`, a JSON text, sent to `room` or everyone.
    pub(crate) fn command(&mut self, room: Option<&str>, payload: &str) -> io::Result<()> {
        let bytes = match self.kind {
            DoorKind::Post => post(room, payload).into_bytes(),
            DoorKind::Control => {
                let text = format!("{} {payload}", room.unwrap_or("*"));
                let mut frame = Vec::new();
                ws::encode_masked(ws::TEXT, text.as_bytes(), &mut frame);
                frame
            }
        };
        self.socket.write_all(&bytes)
    }

    /// Reads once; true when that was the end of a command's answer.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        let len = self.socket.read_now(buffer)?;
        self.received.extend_from_slice(&buffer[..len]);
        match self.kind {
            DoorKind::Post => self.take_answer(),
            DoorKind::Control => self.answer_pings(),
        }
    }

    /// The result of a `send` is `null`; all else is a refusal.
    fn take_answer(&mut self) -> io::Result<bool> {
        let Some(answer) = http::response(&self.received)? else {
            return Ok(false);
        };
        let results = serde_json::from_slice::<[(); 1]>(&answer.body);
        if answer.status != 200 || results.is_err() {
            let body = String::from_utf8_lossy(&answer.body);
            let text = format!("a command was answered {} {body:?}", answer.status);
            return Err(io::Error::other(text));
        }
        self.received.clear();
        Ok(true)
    }

    fn answer_pings(&mut self) -> io::Result<bool> {
        while let Some(frame) = ws::decode(&self.received) {
            if frame.opcode == ws::PING {
                let mut pong = Vec::new();
                ws::encode_masked(ws::PONG, frame.payload, &mut pong);
                self.socket.write_all(&pong)?;
            }
            let len = frame.len;
            self.received.drain(..len);
        }
        Ok(false)
    }
}

/// The command POST of the brokers, as an application's backend sends it.
fn post(room: Option<&str>, payload: &str) -> String {
    let criteria = match room {
        Some(room) => format!(r#"{{"room":"{room}"}}"#),
        None => "{}".to_owned(),
    };
    let commands = format!(r#"[{{"type":"send","match":{criteria},"message":{payload}}}]"#);
    let form: String = form_urlencoded::byte_serialize(commands.as_bytes()).collect();
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\ndata={form}",
        "data=".len() + form.len()
    )
}
