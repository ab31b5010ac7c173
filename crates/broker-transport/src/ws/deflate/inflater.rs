//! Inflating messages that have come whole.

use super::stream::Stream;
use crate::ws::Violation;
use crate::ws::body::{Body, Payload};
use crate::ws::frame::Data;

/// How much is inflated at a time. A message that is no longer is lent from there.
const ROOM_BYTES: usize = 64 * 1024;

/// Takes compressed messages apart. One serves any number of connections, one message after the other; it takes about
/// 110 KiB.
#[derive(Debug)]
pub struct Inflater {
    stream: Stream,
    room: Box<[u8]>,
}

impl Default for Inflater {
    fn default() -> Self {
        Inflater::with_room(ROOM_BYTES)
    }
}

impl Inflater {
    pub(super) fn with_room(bytes: usize) -> Inflater {
        Inflater {
            stream: Stream::new(),
            room: vec![0; bytes].into(),
        }
    }

    /// Inflates a whole message, of `max` bytes at most.
    pub(in crate::ws) fn message(
        &mut self,
        data: Data,
        mut compressed: &[u8],
        max: usize,
    ) -> Result<Payload<'_>, Violation> {
        self.stream.restart();
        let (len, outcome) = self.stream.inflate(&mut compressed, &mut self.room);
        if outcome.is_err() || len == self.room.len() || len > max {
            let mut body = Body::new(data);
            body.push_within(&self.room[..len], max)?;
            outcome?;
            self.inflate_into(&mut body, compressed, max)?;
            return self.finish(body);
        }
        let payload = Payload::lent(data, &self.room[..len])?;
        self.stream.finish()?;
        Ok(payload)
    }

    /// Inflates the next part of a message onto what there is of it.
    pub(super) fn inflate_into(
        &mut self,
        body: &mut Body,
        mut compressed: &[u8],
        max: usize,
    ) -> Result<(), Violation> {
        loop {
            let (len, outcome) = self.stream.inflate(&mut compressed, &mut self.room);
            body.push_within(&self.room[..len], max)?;
            outcome?;
            if len < self.room.len() {
                return Ok(());
            }
        }
    }

    /// Ends a message all of which has been inflated into `body`.
    pub(super) fn finish(&mut self, body: Body) -> Result<Payload<'static>, Violation> {
        let payload = body.finish()?;
        self.stream.finish()?;
        Ok(payload)
    }
}
