//! What is said to many, framed once for all receivers that can share a frame.

use broker_core::{Message, Notice};
use broker_dialect::socketio::engine::Revision;
use broker_dialect::{Audience, DialectKind, EncodeError, Outgoing, Words};
use broker_transport::ws::{Deflater, Window, encode};
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// What is said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Saying<'a> {
    /// A message of the backend's.
    Message(&'a Message),
    /// What the broker has to say.
    Notice(&'a Notice),
}

/// The frames of one saying; encoded on first use, then shared.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    saying: Saying<'a>,
    /// By audience. There are few, and mostly the first is the one.
    encoded: SmallVec<[Encoded; 1]>,
}

/// What one audience hears.
#[derive(Debug)]
struct Encoded {
    kind: DialectKind,
    namespace: Option<(Box<str>, Revision)>,
    words: Result<Option<Words>, EncodeError>,
    /// By window.
    framed: SmallVec<[(Option<Window>, Bytes); 2]>,
}

/// A saying as one receiver gets it: its frames, one behind the other.
#[derive(Debug)]
pub(super) struct Framed {
    pub(super) frames: Bytes,
    /// The number by which the receiver is asked to acknowledge it.
    pub(super) asks: Option<u64>,
}

impl<'a> Frames<'a> {
    pub(super) fn of(saying: Saying<'a>) -> Frames<'a> {
        Frames {
            saying,
            encoded: SmallVec::new(),
        }
    }

    /// The frames for a receiver that is part of this audience and has agreed on this window, or on no compression.
    /// `None` where the dialect has no words for it.
    ///
    /// # Errors
    /// When the dialect cannot say it.
    pub(super) fn framed(
        &mut self,
        kind: DialectKind,
        audience: &Audience<'_>,
        window: Option<Window>,
        deflater: &mut Deflater,
    ) -> Result<Option<Framed>, &EncodeError> {
        let Encoded { words, framed, .. } = self.encoded(kind, audience);
        let Some(words) = words.as_ref()? else {
            return Ok(None);
        };
        Ok(Some(Framed {
            frames: frame(words, framed, window, deflater),
            asks: words.asks(),
        }))
    }

    /// The words for an audience, if the dialect has any.
    ///
    /// # Errors
    /// When the dialect cannot say it.
    pub(super) fn words(
        &mut self,
        kind: DialectKind,
        audience: &Audience<'_>,
    ) -> Result<Option<&Words>, &EncodeError> {
        let words = self.encoded(kind, audience).words.as_ref()?;
        Ok(words.as_ref())
    }

    fn encoded(&mut self, kind: DialectKind, audience: &Audience<'_>) -> &mut Encoded {
        let mut known = self.encoded.iter();
        let place = match known.position(|encoded| encoded.is_for(kind, audience)) {
            Some(place) => place,
            None => {
                self.encoded.push(Encoded {
                    kind,
                    namespace: match audience {
                        Audience::Dialect => None,
                        Audience::Namespace(name, revision) => Some(((*name).into(), *revision)),
                    },
                    words: match self.saying {
                        Saying::Message(message) => kind.encode(audience, message).map(Some),
                        Saying::Notice(notice) => kind.notice(audience, notice),
                    },
                    framed: SmallVec::new(),
                });
                self.encoded.len() - 1
            }
        };
        &mut self.encoded[place]
    }
}

impl Encoded {
    fn is_for(&self, kind: DialectKind, audience: &Audience<'_>) -> bool {
        let is_in = match (audience, &self.namespace) {
            (Audience::Dialect, None) => true,
            (Audience::Namespace(name, revision), Some((known, of))) => {
                *name == &**known && revision == of
            }
            (Audience::Dialect, Some(_)) | (Audience::Namespace(..), None) => false,
        };
        self.kind == kind && is_in
    }
}

/// The frames for a window: known, or made now.
fn frame(
    words: &Words,
    framed: &mut SmallVec<[(Option<Window>, Bytes); 2]>,
    window: Option<Window>,
    deflater: &mut Deflater,
) -> Bytes {
    if let Some((_, frames)) = framed.iter().find(|(of, _)| *of == window) {
        return frames.clone();
    }
    let frames = match words {
        Words::Message(message) => frame_one(words, message, framed, window, deflater),
        Words::Packet(packet, _) if packet.attachments().next().is_none() => {
            let message = Outgoing::Text(packet.text_packet().clone());
            frame_one(words, &message, framed, window, deflater)
        }
        Words::Packet(..) => all(words, window, deflater),
    };
    framed.push((window, frames.clone()));
    frames
}

fn frame_one(
    words: &Words,
    message: &Outgoing,
    framed: &mut SmallVec<[(Option<Window>, Bytes); 2]>,
    window: Option<Window>,
    deflater: &mut Deflater,
) -> Bytes {
    let Some(window) = window else {
        return encode::message(message);
    };
    let widest = window.widest_for(message.payload().len());
    if widest != window {
        return frame(words, framed, Some(widest), deflater);
    }
    deflater
        .compressed_frame(message, window)
        .unwrap_or_else(|| frame(words, framed, None, deflater))
}

/// What is said to one receiver: its frames, one behind the other.
pub(super) fn all(words: &Words, window: Option<Window>, deflater: &mut Deflater) -> Bytes {
    let mut messages = words.messages();
    let first = messages
        .next()
        .map(|message| deflater.frame(&message, window));
    let mut frames = first.unwrap_or_default();
    for message in messages {
        let next = deflater.frame(&message, window);
        let mut both = BytesMut::from(frames);
        both.extend_from_slice(&next);
        frames = both.freeze();
    }
    frames
}

#[cfg(test)]
mod tests;
