//! What a client hears.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use broker_core::{Message, Notice, json};
use bytes::Bytes;

use crate::Outgoing;

/// What the broker says to one client.
pub(super) fn notice(notice: &Notice) -> Outgoing {
    let mut frame = Frame::new();
    match notice {
        Notice::Registered(name) => {
            frame.action("registered");
            frame.member("id", name.given().as_bytes());
        }
        Notice::Unregistered(name) => {
            frame.action("unregistered");
            frame.member("id", name.given().as_bytes());
        }
        Notice::Message { message, from, ack } => {
            frame.action("message");
            frame.member("message", message);
            if let Some(ack) = ack {
                frame.member("ack", format!("\"{ack}\"").as_bytes());
            }
            if let Some(from) = from {
                frame.member("from", from.as_bytes());
            }
        }
        Notice::Answer {
            token,
            from,
            message,
        } => {
            // The client library takes an answer for broken that lacks one of them.
            frame.action("answer");
            frame.member("ack", token.text().as_bytes());
            frame.member("from", from.as_deref().unwrap_or("null").as_bytes());
            frame.member("message", message.as_deref().unwrap_or(b"null"));
        }
    }
    frame.end()
}

/// A message of the backend's. What is not JSON travels in a string, bytes as base64.
pub(super) fn backend_message(message: &Message) -> Outgoing {
    let mut frame = Frame::new();
    frame.action("message");
    match message {
        Message::Json(text) => frame.member("message", text),
        Message::Text(text) => frame.string("message", &String::from_utf8_lossy(text)),
        Message::Binary(bytes) => frame.string("message", &BASE64.encode(bytes)),
    }
    frame.end()
}

/// An object that begins with its `action`.
struct Frame(Vec<u8>);

impl Frame {
    fn new() -> Frame {
        Frame(Vec::with_capacity(128))
    }

    fn action(&mut self, action: &str) {
        self.0.extend_from_slice(b"{\"action\":\"");
        self.0.extend_from_slice(action.as_bytes());
        self.0.push(b'"');
    }

    fn member(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.0.extend_from_slice(value);
    }

    fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        json::write_string(&mut self.0, value);
    }

    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn end(mut self) -> Outgoing {
        self.0.push(b'}');
        Outgoing::Text(Bytes::from(self.0))
    }
}
