//! What a connection has still to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;

use crate::stream::Writer;

/// How many frames leave in one system call at most.
const FRAMES_PER_WRITE: usize = 64;

/// A bounded queue of frames, each shared with the queues of its other receivers.
#[derive(Debug, Default)]
pub struct Outbound {
    frames: VecDeque<Bytes>,
    /// How much of the first frame has been written.
    written: usize,
    /// How much is left to write, over all frames.
    bytes: usize,
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
    /// Queues a frame, unless more than `limit` bytes wait already: an empty queue takes any one frame.
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

    /// Drops every frame of which nothing has been written.
    pub fn discard(&mut self) {
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
        self.bytes >= limit && !self.frames.is_empty()
    }

    /// How many bytes wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes what the socket takes at once.
    ///
    /// # Errors
    /// When the socket has failed.
    pub fn flush(&mut self, writer: &Writer) -> io::Result<Flushed> {
        while !self.frames.is_empty() {
            match self.write(writer) {
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

    fn write(&self, writer: &Writer) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); FRAMES_PER_WRITE];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            let start = if count == 0 { self.written } else { 0 };
            *slice = IoSlice::new(&frame[start..]);
            count += 1;
        }
        writer.try_write_vectored(&slices[..count])
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written;
        self.written += written;
        while let Some(first) = self.frames.front() {
            if self.written < first.len() {
                return;
            }
            self.written -= first.len();
            self.frames.pop_front();
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
        let mut queue = Outbound::default();
        assert_eq!(queue.push(frame(9), 10), Ok(()));
        assert_eq!(queue.push(frame(9), 10), Ok(()));
        assert_eq!(queue.push(frame(9), 10), Err(Full));
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
