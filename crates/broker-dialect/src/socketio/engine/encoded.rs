//! What is sent: packets that are written once and framed later, for whichever transport a receiver has.

use bytes::Bytes;

use super::Revision;
use crate::Outgoing;

/// One message to a client as Engine.IO packets: a text packet and the attachments that follow it. Cloning shares the
/// bytes.
///
/// It is the same for every transport and for both protocols, so that one encoding serves all receivers of a broadcast
/// in a namespace: [`messages`](Encoded::messages) are those of a WebSocket,
/// [`payload::encode`](super::payload::encode) writes the body of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The text packet, its type included.
    text: Bytes,
    /// Invariant: each begins with [`MESSAGE_BYTE`], so that protocol 3 can share it whole and protocol 4 but for that byte.
    attachments: Vec<Bytes>,
    /// The number by which the client is to acknowledge it.
    asks: Option<u64>,
}

/// The type of a message in a binary packet of protocol 3.
pub(crate) const MESSAGE_BYTE: u8 = 4;

impl Encoded {
    /// A packet without attachments. `text` is UTF-8 and begins with the packet's type.
    pub(crate) fn text(text: impl Into<Bytes>) -> Encoded {
        Encoded {
            text: text.into(),
            attachments: Vec::new(),
            asks: None,
        }
    }

    /// A text packet and what follows it: attachments that begin with [`MESSAGE_BYTE`] each.
    pub(crate) fn with_typed_attachments(text: Vec<u8>, attachments: Vec<Vec<u8>>) -> Encoded {
        debug_assert!(
            attachments
                .iter()
                .all(|packet| packet.first() == Some(&MESSAGE_BYTE))
        );
        Encoded {
            text: text.into(),
            attachments: attachments.into_iter().map(Bytes::from).collect(),
            asks: None,
        }
    }

    /// The same as something that the client is asked to acknowledge by this number, which the packet carries.
    pub(crate) fn asking(self, asks: Option<u64>) -> Encoded {
        Encoded { asks, ..self }
    }

    /// The number by which the client is asked to acknowledge it, if it is.
    #[must_use]
    pub fn asks(&self) -> Option<u64> {
        self.asks
    }

    /// The text packet.
    #[must_use]
    pub fn text_packet(&self) -> &Bytes {
        &self.text
    }

    /// The attachments, in order.
    pub fn attachments(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.attachments.iter().map(untyped)
    }

    /// How many bytes it holds; what a transport adds is not counted.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    /// The messages that carry it over a WebSocket, in order.
    pub fn messages(&self, revision: Revision) -> impl Iterator<Item = Outgoing> + '_ {
        let attachments = self.attachments.iter().map(move |packet| match revision {
            Revision::Three => Outgoing::Binary(packet.clone()),
            Revision::Four => Outgoing::Binary(untyped(packet)),
        });
        std::iter::once(Outgoing::Text(self.text.clone())).chain(attachments)
    }

    /// The binary packets as protocol 3 has them, with their type.
    pub(super) fn typed_attachments(&self) -> impl Iterator<Item = &[u8]> {
        self.attachments.iter().map(|packet| &packet[..])
    }
}

fn untyped(packet: &Bytes) -> Bytes {
    packet.slice(1.min(packet.len())..)
}

/// Packets that say nothing but their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Ends the session.
    Close,
    /// Asks a client of protocol 4 for a pong.
    Ping,
    /// Answers the ping of a client of protocol 3.
    Pong,
    /// Answers the probe of an upgrade, by the WebSocket that it came by.
    ProbePong,
    /// Answers a poll for which there is nothing else.
    Noop,
}

impl Control {
    /// The packet.
    #[must_use]
    pub fn encoded(self) -> Encoded {
        Encoded::text(Bytes::from_static(match self {
            Control::Close => b"1",
            Control::Ping => b"2",
            Control::Pong => b"3",
            Control::ProbePong => b"3probe",
            Control::Noop => b"6",
        }))
    }
}
