//! Compressed messages that come in pieces.

use std::borrow::Cow;

use super::inflater::Inflater;
use crate::ws::Violation;
use crate::ws::assembly::Arrival;
use crate::ws::body::Body;
use crate::ws::frame::Data;

/// Up to here a message is kept as it came, and judged when it is whole: an inflater of its own would take about as
/// much, and could be had for the first byte of a message. Of longer ones, each part is inflated when it comes, so that
/// a text that is no UTF-8 and a bomb are found in the middle.
const KEPT_MAX: usize = 64 * 1024;

/// How much a message's own inflater puts out at a time.
const OWN_ROOM_BYTES: usize = 8 * 1024;

/// A compressed message, as far as it has come.
#[derive(Debug)]
pub(in crate::ws) struct Arriving {
    data: Data,
    /// How many bytes have come.
    len: usize,
    so_far: SoFar,
}

#[derive(Debug)]
enum SoFar {
    Kept(Vec<u8>),
    Inflated(Inflater, Body),
}

impl Arriving {
    pub(in crate::ws) fn new(data: Data) -> Arriving {
        Arriving {
            data,
            len: 0,
            so_far: SoFar::Kept(Vec::new()),
        }
    }

    /// How many bytes may still come of a message that has `max` bytes at most when it is inflated. Compressing can
    /// make it longer: by an eighth, if every byte gets one of the long ones of the fixed codes (RFC 1951 §3.2.6).
    pub(in crate::ws) fn room(&self, max: usize) -> usize {
        const BLOCK_HEADERS: usize = 256;
        max.saturating_add(max / 8)
            .saturating_add(BLOCK_HEADERS)
            .saturating_sub(self.len)
    }

    pub(in crate::ws) fn push(&mut self, part: &[u8], max: usize) -> Result<(), Violation> {
        self.len += part.len();
        if let SoFar::Kept(kept) = &mut self.so_far {
            if self.len <= KEPT_MAX {
                kept.extend_from_slice(part);
                return Ok(());
            }
            let mut inflater = Inflater::with_room(OWN_ROOM_BYTES);
            let mut body = Body::new(self.data);
            inflater.inflate_into(&mut body, kept, max)?;
            self.so_far = SoFar::Inflated(inflater, body);
        }
        match &mut self.so_far {
            SoFar::Inflated(inflater, body) => inflater.inflate_into(body, part, max),
            SoFar::Kept(_) => Ok(()),
        }
    }

    pub(in crate::ws) fn finish(self) -> Result<Arrival<'static>, Violation> {
        match self.so_far {
            SoFar::Kept(kept) => Ok(Arrival::Deflated(self.data, Cow::Owned(kept))),
            SoFar::Inflated(mut inflater, body) => inflater.finish(body).map(Arrival::Message),
        }
    }
}
