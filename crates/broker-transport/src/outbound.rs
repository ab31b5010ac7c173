//! What a connection has still to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;

use crate::stream::Writer;

/// How many frames leave in one system call at most.
const FRAMES_PER_WRITE: usize = 64;

/// What a frame costs in the queue beside its bytes. Without it the queue of a peer that asks for nothing but empty
/// frames could grow to many times its limit.
const FRAME_COST: usize = size_of::<Bytes>();

/// A bounded queue of frames, each shared with the queues of its other receivers.
///
/// What is compared with its limit is what it [occupies](Self::occupied): the bytes that wait, and for each frame the
/// place that it takes in the queue.
#[derive(Debug, Default)]
pub struct Outbound {
    frames: VecDeque<Bytes>,
    /// How much of the first frame has been written.
    written: usize,
    /// How much is left to write, over all frames.
    bytes: usize,
    /// Where in `frames` there is a pong beyond the limit of which nothing has been written.
    pong: Option<usize>,
}

/// How far [`Outbound::flush`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is left.
    All,
    /// The socket takes no more for now.
    Blocked,
}

/// A frame found the queue over its limit and was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Outbound {
    /// Queues a frame, unless what waits [occupies](Self::occupied) `limit` bytes already: an empty queue takes any one
    /// frame.
    ///
    /// # Errors
    /// When the queue is over its limit.
    pub fn push(&mut self, frame: Bytes, limit: usize) -> Result<(), Full> {
        if self.is_over(limit) {
            return Err(Full);
        }
        self.push_control(frame);
        Ok(())
    }

    /// Queues a frame that the protocol cannot do without, whatever the limit.
    pub fn push_control(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Queues a pong. Where what waits [occupies](Self::occupied) `limit` bytes already, it takes the place of one that
    /// came before it in the same plight: of several pings only the latest needs an answer (RFC 6455 §5.5.3), so that
    /// there is never more than one beyond the limit.
    pub fn push_pong(&mut self, frame: Bytes, limit: usize) {
        if !self.is_over(limit) {
            // An older one further ahead must not be replaced by a newer one, or pongs would overtake each other.
            self.pong = None;
            return self.push_control(frame);
        }
        match self.pong.and_then(|place| self.frames.get_mut(place)) {
            Some(waiting) => {
                self.bytes = self.bytes - waiting.len() + frame.len();
                *waiting = frame;
            }
            None => {
                self.pong = Some(self.frames.len());
                self.push_control(frame);
            }
        }
    }

    /// Drops every frame of which nothing has been written.
    pub fn discard(&mut self) {
        self.pong = None;
        self.frames.truncate(usize::from(self.written > 0));
        self.bytes = self
            .frames
            .front()
            .map_or(0, |frame| frame.len() - self.written);
    }

    /// Whether no byte waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether so much waits that no more is taken in.
    #[must_use]
    pub fn is_over(&self, limit: usize) -> bool {
        self.occupied() >= limit && !self.frames.is_empty()
    }

    /// How many bytes wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes that wait, and what the queue itself needs to hold their frames.
    #[must_use]
    pub fn occupied(&self) -> usize {
        self.bytes + self.frames.len() * FRAME_COST
    }

    /// Writes what the socket takes at once.
    ///
    /// # Errors
    /// When the socket has failed.
    pub fn flush(&mut self, writer: &Writer) -> io::Result<Flushed> {
        self.flush_by(|slices| writer.try_write_vectored(slices))
    }

    /// The same by any way of writing that does not wait: it says how much it took, or `WouldBlock`.
    ///
    /// # Errors
    /// When that way has failed.
    pub fn flush_by(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<Flushed> {
        while !self.frames.is_empty() {
            match self.write(&mut write) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Flushed::Blocked);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // What grew in a burst is not kept for a connection that falls silent.
        self.frames = VecDeque::new();
        Ok(Flushed::All)
    }

    fn write(
        &self,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            let start = if count == 0 { self.written } else { 0 };
            *slice = IoSlice::new(&frame[start..]);
            count += 1;
        }
        write(&slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.written += written;
        while let Some(first) = self.frames.front() {
            if self.written < first.len() {
                break;
            }
            self.written -= first.len();
            self.frames.pop_front();
            self.pong = self.pong.and_then(|place| place.checked_sub(1));
        }
        if self.written > 0 && self.pong == Some(0) {
            self.pong = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize) -> Bytes {
        Bytes::from(vec![7; len])
    }

    #[test]
    fn an_empty_queue_takes_any_one_frame() {
        let mut queue = Outbound::default();
        assert_eq!(queue.push(frame(1000), 10), Ok(()));
        assert_eq!(queue.push(frame(1), 10), Err(Full));
        assert_eq!(queue.bytes(), 1000);
    }

    #[test]
    fn the_limit_is_compared_before_a_frame_is_queued() {
        let limit = 2 * FRAME_COST + 10;
        let mut queue = Outbound::default();
        assert_eq!(queue.push(frame(9), limit), Ok(()));
        assert_eq!(queue.push(frame(9), limit), Ok(()));
        assert_eq!(queue.push(frame(9), limit), Err(Full));
    }

    #[test]
    fn frames_without_a_payload_do_not_get_past_the_limit() {
        const LIMIT: usize = 64 * 1024;
        let mut queue = Outbound::default();
        let taken = (0..LIMIT)
            .take_while(|_| queue.push(frame(2), LIMIT).is_ok())
            .count();
        let capacity = queue.frames.len() * size_of::<Bytes>() + queue.bytes();
        assert!(capacity < LIMIT + FRAME_COST + 2, "{taken} frames");
        assert_eq!(queue.occupied(), capacity);
    }

    #[test]
    fn of_the_pongs_beyond_the_limit_only_the_latest_is_sent() {
        let mut queue = Outbound::default();
        queue.push_control(frame(3));
        for len in [10, 20, 5] {
            queue.push_pong(frame(len), 0);
        }
        queue.push_control(frame(4));
        queue.push_pong(frame(6), 0);
        let lengths = |queue: &Outbound| Vec::from_iter(queue.frames.iter().map(Bytes::len));
        assert_eq!((lengths(&queue), queue.bytes()), (vec![3, 6, 4], 13));

        queue.advance(3);
        queue.push_pong(frame(7), 0);
        assert_eq!(lengths(&queue), [7, 4], "it still waits in its place");
        queue.advance(1);
        queue.push_pong(frame(8), 0);
        assert_eq!(lengths(&queue), [7, 4, 8], "one that was begun is sent");
        queue.advance(10);
        assert_eq!((lengths(&queue), queue.bytes()), (vec![8], 8));
        queue.discard();
        queue.push_pong(frame(9), 0);
        assert_eq!((lengths(&queue), queue.bytes()), (vec![9], 9));
        queue.advance(9);
        queue.push_pong(frame(2), 0);
        assert_eq!((lengths(&queue), queue.bytes()), (vec![2], 2));
    }

    #[test]
    fn within_the_limit_every_pong_is_sent_and_none_overtakes_another() {
        let limit = 4 * FRAME_COST;
        let mut queue = Outbound::default();
        let lengths = |queue: &Outbound| Vec::from_iter(queue.frames.iter().map(Bytes::len));
        for len in [2, 3, 4, 5, 6, 7] {
            queue.push_pong(frame(len), limit);
        }
        assert_eq!(lengths(&queue), [2, 3, 4, 5, 7]);
        // There is room again, and then there is none again.
        queue.advance(9);
        for len in [8, 9, 10, 11] {
            queue.push_pong(frame(len), limit);
        }
        assert_eq!(lengths(&queue), [5, 7, 8, 9, 11]);
    }

    #[test]
    fn a_frame_that_is_half_written_outlives_a_discard() {
        let mut queue = Outbound::default();
        for len in [4, 5, 6] {
            queue.push_control(frame(len));
        }
        queue.advance(6);
        assert_eq!(queue.bytes(), 9);
        queue.discard();
        assert_eq!((queue.bytes(), queue.frames.len()), (3, 1));
        queue.advance(3);
        assert!(queue.is_empty());
        queue.push_control(frame(4));
        queue.discard();
        assert!(queue.is_empty());
        assert_eq!(queue.bytes(), 0);
    }
}
