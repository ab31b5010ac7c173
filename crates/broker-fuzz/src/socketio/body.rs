//! Polling bodies as clients write and read them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use broker_dialect::Incoming;
use broker_dialect::socketio::Settings;
use broker_dialect::socketio::engine::Revision;
use broker_dialect::socketio::engine::payload::{Body, Limits, Posted};
use bytes::Bytes;

/// The packets that are these messages over a WebSocket; `None` where the form has none for one of them.
pub(super) fn of(
    revision: Revision,
    is_binary: bool,
    messages: &[Incoming<'_>],
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for message in messages {
        match (revision, is_binary) {
            (Revision::Four, _) => {
                if !body.is_empty() {
                    body.push(0x1e);
                }
                body.extend_from_slice(separated(*message)?.as_bytes());
            }
            (Revision::Three, false) => {
                let packet = counted(*message)?;
                let units: usize = packet.chars().map(char::len_utf16).sum();
                body.extend_from_slice(format!("{units}:{packet}").as_bytes());
            }
            (Revision::Three, true) => {
                let (kind, packet) = match message {
                    Incoming::Text(text) => (0, text.as_bytes()),
                    Incoming::Binary(bytes) => (1, *bytes),
                };
                body.push(kind);
                body.extend(packet.len().to_string().bytes().map(|digit| digit - b'0'));
                body.push(0xff);
                body.extend_from_slice(packet);
            }
        }
    }
    Some(body)
}

/// A body that answers a poll holds so many packets, all of them good.
pub(super) fn check(revision: Revision, body: Body, packets: usize) {
    let mut posted = Posted::new(Bytes::from(body.bytes), body.is_binary);
    let limits = Limits::of(&Settings::default());
    let mut read = 0;
    while let Some(packet) = posted.next_packet(revision, limits) {
        packet.expect("a packet");
        read += 1;
    }
    assert_eq!(read, packets);
}

fn separated(message: Incoming<'_>) -> Option<String> {
    match message {
        Incoming::Text(text) if text.is_empty() || text.contains('\u{1e}') => None,
        Incoming::Text(text) => Some(text.to_owned()),
        Incoming::Binary(bytes) => Some(format!("b{}", BASE64.encode(bytes))),
    }
}

fn counted(message: Incoming<'_>) -> Option<String> {
    match message {
        // A packet of no length is passed over.
        Incoming::Text("") => None,
        Incoming::Text(text) => Some(text.to_owned()),
        Incoming::Binary([4, bytes @ ..]) => Some(format!("b4{}", BASE64.encode(bytes))),
        Incoming::Binary(_) => None,
    }
}
