//! What is said to clients, read as clients read it. The packets of both directions have the same form, so that a
//! connection of the broker's own can be the client.

use std::slice;

use broker_core::{Message, RequestToken, SessionId};
use broker_dialect::socketio::NamespaceIndex;
use broker_dialect::socketio::engine::payload::Posted;
use broker_dialect::socketio::engine::{Revision, Transport};
use broker_dialect::{
    Action, Audience, DialectKind, DialectState, EncodeError, Incoming, Options, Outgoing, Start,
    Words,
};
use bytes::Bytes;
use serde_json::Value;

use crate::commands::NOW;

/// The backend sends an event that it was told, if it can be sent.
pub(super) fn check_event(namespace: &str, revision: Revision, told: &str) {
    if let Ok(words) = event(namespace, revision, told) {
        for heard in hear(namespace, &words, None) {
            heard.check(told, &words);
            if !heard.is_escaped {
                assert_eq!(event(namespace, revision, &heard.text), Ok(words.clone()));
            }
        }
    }
}

/// The backend sends any JSON.
pub(super) fn event(
    namespace: &str,
    revision: Revision,
    message: &str,
) -> Result<Words, EncodeError> {
    let message = Message::Json(Bytes::copy_from_slice(message.as_bytes()));
    DialectKind::Socketio.encode(&Audience::Namespace(namespace, revision), &message)
}

/// A client is told what comes of its request; `args` is what the backend has answered.
pub(super) fn check_acknowledgement(namespace: &str, words: &Words, ack: u64, args: &str) {
    for heard in hear(namespace, words, Some(ack)) {
        heard.check(args, words);
    }
}

/// What a client makes of a packet.
pub(super) struct Heard {
    /// The event as a message, or the list of arguments of an acknowledgement.
    text: String,
    /// Whether it was carried by a body in which JSON is written in ASCII alone.
    is_escaped: bool,
}

impl Heard {
    /// It is what was said, to the letter unless something in it was written in another form on the way.
    fn check(&self, said: &str, words: &Words) {
        let has_attachments = words.messages().count() > 1;
        if !has_attachments && !self.is_escaped {
            assert_eq!(self.text, said);
        }
        if let Ok(said) = serde_json::from_str::<Value>(said) {
            let heard: Value = serde_json::from_str(&self.text).expect("JSON");
            assert_eq!(heard, said);
        }
    }
}

/// What a client by a WebSocket hears, and what those hear that poll. `awaited` is the number of the acknowledgement that
/// it is to be; without one it is an event.
pub(super) fn hear(namespace: &str, words: &Words, awaited: Option<u64>) -> Vec<Heard> {
    let Words::Packet(packet, revision) = words else {
        panic!("clients in namespaces are told packets: {words:?}");
    };
    // Whoever polls by protocol 4 cannot have entered a namespace with the separator of bodies in its name.
    let is_polled = *revision == Revision::Three || !namespace.contains('\u{1e}');
    let mut all = Vec::new();
    for (transport, takes_binary) in [
        (Transport::WebSocket, true),
        (Transport::Polling, true),
        (Transport::Polling, false),
    ] {
        if transport == Transport::Polling && !is_polled {
            continue;
        }
        let (mut client, index) = enter(namespace, *revision, transport);
        if let Some(ack) = awaited {
            client.expect(index, ack);
        }
        let mut actions = Vec::new();
        let mut act = |action| actions.push(action);
        if transport == Transport::WebSocket {
            for message in words.messages() {
                client.receive(NOW, incoming(&message), &mut act);
            }
        } else if let Some(client) = client.socketio() {
            let body = client.write_body(takes_binary, slice::from_ref(packet));
            assert_eq!(body.taken, 1);
            let mut posted = Posted::new(Bytes::from(body.bytes), body.is_binary);
            while let Some(received) = client.receive_posted(NOW, &mut posted, &mut act) {
                received.expect("what is polled can be posted");
            }
        }
        let text = match (&actions[..], awaited) {
            ([Action::Say { message, token, .. }], None) => {
                assert_eq!(*token, words.asks().map(RequestToken::from));
                message.text().to_owned()
            }
            ([Action::Acknowledge { args, ack, .. }], Some(awaited)) if *ack == awaited => {
                args.to_string()
            }
            _ => panic!("heard as {actions:?}: {words:?}"),
        };
        let is_escaped = transport == Transport::Polling && !takes_binary;
        all.push(Heard { text, is_escaped });
    }
    all
}

/// A client in a namespace.
fn enter(
    namespace: &str,
    revision: Revision,
    transport: Transport,
) -> (DialectState, NamespaceIndex) {
    let options = Options::default();
    let id = SessionId::new(0, [2; 14]);
    let start = Start {
        transport,
        revision,
        ..Start::new(NOW, id, &options)
    };
    let mut entering = None;
    let mut act = |action| {
        if let Action::Enter { namespace, .. } = action {
            entering = Some(namespace);
        }
    };
    let mut client = DialectKind::Socketio.open(&start, &mut act);
    if revision == Revision::Four || namespace != "/" {
        let packet = format!("40{namespace},");
        client.receive(NOW, Incoming::Text(&packet), &mut act);
    }
    let index = entering.expect("it asks to enter");
    assert!(client.entered(index, id).is_some());
    (client, index)
}

fn incoming(message: &Outgoing) -> Incoming<'_> {
    match message {
        Outgoing::Text(text) => Incoming::Text(str::from_utf8(text).expect("text is UTF-8")),
        Outgoing::Binary(bytes) => Incoming::Binary(bytes),
    }
}
