//! A message, framed once for all receivers that can share a frame.

use broker_core::Message;
use broker_dialect::DialectKind;
use broker_transport::ws::{Deflater, Window, encode};
use bytes::Bytes;
use smallvec::SmallVec;

/// The frames of one message; encoded on first use, then shared.
#[derive(Debug)]
pub(super) struct Frames<'a> {
    message: &'a Message,
    /// By dialect and window. There are few, and mostly the first is the one.
    encoded: SmallVec<[(DialectKind, Option<Window>, Bytes); 2]>,
}

impl<'a> Frames<'a> {
    pub(super) fn of(message: &'a Message) -> Frames<'a> {
        Frames {
            message,
            encoded: SmallVec::new(),
        }
    }

    /// The frame for a receiver that speaks this dialect and has agreed on this window, or on no compression.
    pub(super) fn frame(
        &mut self,
        kind: DialectKind,
        window: Option<Window>,
        deflater: &mut Deflater,
    ) -> Bytes {
        let mut encoded = self.encoded.iter();
        match encoded.find(|(known, of, _)| (*known, *of) == (kind, window)) {
            Some((_, _, frame)) => frame.clone(),
            None => {
                let frame = self.encode(kind, window, deflater);
                self.encoded.push((kind, window, frame.clone()));
                frame
            }
        }
    }

    fn encode(
        &mut self,
        kind: DialectKind,
        window: Option<Window>,
        deflater: &mut Deflater,
    ) -> Bytes {
        let message = kind.encode(self.message);
        let Some(window) = window else {
            return encode::message(&message);
        };
        let widest = window.widest_for(message.payload().len());
        if widest != window {
            return self.frame(kind, Some(widest), deflater);
        }
        deflater
            .compressed_frame(&message, window)
            .unwrap_or_else(|| self.frame(kind, None, deflater))
    }
}

#[cfg(test)]
mod tests;
