//! A stream of an HTTP/2 connection (RFC 9113) as a connection of its own, in its two directions (RFC 8441).
//!
//! Whoever writes hands bytes to the `h2` crate as far as the flow control windows and its small buffer let it, and keeps
//! the rest: what waits for a client waits in the connection's own queue. Reading opens the window again for what was
//! read, and no more, so that a connection that is not read holds back its own stream alone.
//!
//! **Never here:** the connection that the streams share; what a request asks for.

mod body;
mod census;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use h2::{RecvStream, SendStream};
use tokio::io::ReadBuf;

pub use self::body::RequestBody;
pub use self::census::{Census, Presence};

/// How much is handed over at once, and the most that `h2` should hold of a stream's output.
pub const BYTES_PER_WRITE: usize = 16 * 1024;

/// Takes over a stream that was agreed on; it counts as live until its reader is dropped.
#[must_use]
pub fn split(
    received: RecvStream,
    sent: SendStream<Bytes>,
    presence: Presence,
) -> (Http2Reader, Http2Writer) {
    let reader = Http2Reader {
        stream: received,
        unread: Bytes::new(),
        presence,
    };
    let writer = Http2Writer {
        stream: RefCell::new(sent),
    };
    (reader, writer)
}

/// The reading direction of an HTTP/2 stream.
#[derive(Debug)]
pub struct Http2Reader {
    stream: RecvStream,
    /// The rest of a DATA frame.
    unread: Bytes,
    presence: Presence,
}

impl Http2Reader {
    /// Reads what has arrived; nothing means that the peer has closed its half.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.stream.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(bytes)) => self.unread = bytes,
                Some(Err(error)) => {
                    self.presence.note(&error);
                    return Poll::Ready(Err(io_error(error)));
                }
            }
        }
        let len = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..len]);
        self.unread.advance(len);
        // It fails for more than was received, and this was received.
        let _ = self.stream.flow_control().release_capacity(len);
        Poll::Ready(Ok(()))
    }
}

/// The writing direction of an HTTP/2 stream. Dropped without a shutdown, it resets the stream.
#[derive(Debug)]
pub struct Http2Writer {
    stream: RefCell<SendStream<Bytes>>,
}

impl Http2Writer {
    /// Hands over as much as the windows admit, at most [`BYTES_PER_WRITE`].
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut stream = self.stream.borrow_mut();
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        let wanted = len.min(BYTES_PER_WRITE);
        stream.reserve_capacity(wanted);
        let len = wanted.min(stream.capacity());
        if len == 0 && wanted > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        stream
            .send_data(gather(slices, len), false)
            .map_err(io_error)?;
        Ok(len)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.stream.borrow_mut().poll_capacity(cx))
            .await
            .unwrap_or_else(|| Err(h2::Reason::STREAM_CLOSED.into()))
            .map_err(io_error)?;
        Ok(())
    }

    /// Ends this direction: on HTTP/2 an orderly end is the flag END_STREAM (RFC 8441 §5).
    pub(crate) fn shutdown(&self) {
        // A stream that has been reset needs no end.
        let _ = self.stream.borrow_mut().send_data(Bytes::new(), true);
    }
}

/// The first `len` bytes of some slices.
fn gather(slices: &[IoSlice<'_>], len: usize) -> Bytes {
    let mut bytes = BytesMut::with_capacity(len);
    for slice in slices {
        let rest = len - bytes.len();
        bytes.extend_from_slice(&slice[..rest.min(slice.len())]);
    }
    bytes.freeze()
}

fn io_error(error: h2::Error) -> io::Error {
    if error.is_reset() {
        return io::Error::new(io::ErrorKind::ConnectionReset, error);
    }
    io::Error::other(error)
}
