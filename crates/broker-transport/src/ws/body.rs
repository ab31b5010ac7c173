//! The payload of a message, while it arrives and when it is whole.

use std::borrow::Cow;

use super::Violation;
use super::frame::Data;
use super::text::ArrivingText;

/// The payload of a whole message.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
}

impl<'a> Payload<'a> {
    /// A payload that lies in one piece.
    pub(super) fn lent(data: Data, bytes: &'a [u8]) -> Result<Payload<'a>, Violation> {
        match data {
            Data::Text => match simdutf8::basic::from_utf8(bytes) {
                Ok(text) => Ok(Payload::Text(Cow::Borrowed(text))),
                Err(_) => Err(Violation::NotUtf8),
            },
            Data::Binary => Ok(Payload::Binary(Cow::Borrowed(bytes))),
        }
    }
}

/// What there is of a payload that is put together.
#[derive(Debug)]
pub(super) enum Body {
    Text(ArrivingText),
    Binary(Vec<u8>),
}

impl Body {
    pub(super) fn new(data: Data) -> Self {
        match data {
            Data::Text => Body::Text(ArrivingText::default()),
            Data::Binary => Body::Binary(Vec::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        match self {
            Body::Text(text) => text.push(bytes),
            Body::Binary(binary) => {
                binary.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Takes bytes of a message whose length no header has told, up to `max` in all.
    pub(super) fn push_within(&mut self, bytes: &[u8], max: usize) -> Result<(), Violation> {
        let room = max.saturating_sub(self.len());
        self.push(&bytes[..bytes.len().min(room)])?;
        if bytes.len() > room {
            return Err(Violation::MessageTooBig { max });
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Payload<'static>, Violation> {
        Ok(match self {
            Body::Text(text) => Payload::Text(Cow::Owned(text.finish()?)),
            Body::Binary(bytes) => Payload::Binary(Cow::Owned(bytes)),
        })
    }
}
