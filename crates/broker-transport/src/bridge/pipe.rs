//! Bytes in one direction from one thread to another.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;

/// How many bytes a pipe holds.
pub const PIPE_BYTES: usize = 64 * 1024;

/// The two ends of a pipe.
pub(super) fn pipe() -> (PipeWriter, PipeReader) {
    let shared = Shared::default();
    (PipeWriter(shared.clone()), PipeReader(shared))
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Pipe>>);

#[derive(Debug, Default)]
struct Pipe {
    bytes: BytesMut,
    /// How writing has ended, if it has.
    end: Option<Result<(), io::ErrorKind>>,
    /// Nobody reads any more.
    is_abandoned: bool,
    /// Who waits for bytes or the end.
    reader: Option<Waker>,
    /// Who waits for room, or for nobody to read any more.
    writer: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that is written to. Dropping it is an orderly end, unless there was another before.
#[derive(Debug)]
pub(super) struct PipeWriter(Shared);

impl PipeWriter {
    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none now, `BrokenPipe` when nobody reads.
    pub(super) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut pipe = self.0.lock();
        if pipe.is_abandoned || pipe.end.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = PIPE_BYTES - pipe.bytes.len();
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        if room == 0 && wanted > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut left = room.min(wanted);
        let written = left;
        for slice in slices {
            let part = &slice[..left.min(slice.len())];
            pipe.bytes.extend_from_slice(part);
            left -= part.len();
        }
        wake(pipe.reader.take());
        Ok(written)
    }

    /// How much there is room for: at least one byte.
    ///
    /// # Errors
    /// `BrokenPipe` when nobody reads.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock();
        if pipe.is_abandoned {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        match PIPE_BYTES - pipe.bytes.len() {
            0 => {
                pipe.writer = Some(cx.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(Ok(room)),
        }
    }

    /// Waits until nobody reads any more.
    pub(super) fn poll_abandoned(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut pipe = self.0.lock();
        if pipe.is_abandoned {
            return Poll::Ready(());
        }
        pipe.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Says that nothing more will come, and why; the first word counts.
    pub(super) fn end(&self, end: Result<(), io::ErrorKind>) {
        let mut pipe = self.0.lock();
        pipe.end.get_or_insert(end);
        wake(pipe.reader.take());
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

/// The end that is read from. Dropping it tells the other that nobody reads any more.
#[derive(Debug)]
pub(super) struct PipeReader(Shared);

impl PipeReader {
    /// Reads what is there; nothing means that the end has come.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = self.0.lock();
        if pipe.bytes.is_empty() {
            return match pipe.end {
                Some(end) => Poll::Ready(end.map_err(io::Error::from)),
                None => {
                    pipe.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        let len = pipe.bytes.len().min(buffer.remaining());
        buffer.put_slice(&pipe.bytes[..len]);
        pipe.bytes.advance(len);
        pipe.let_go();
        Poll::Ready(Ok(()))
    }

    /// Takes all that is there; nothing means that the end has come.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut pipe = self.0.lock();
        if pipe.bytes.is_empty() {
            if pipe.end.is_some() {
                return Poll::Ready(None);
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let bytes = pipe.bytes.split().freeze();
        pipe.let_go();
        Poll::Ready(Some(bytes))
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut pipe = self.0.lock();
        pipe.is_abandoned = true;
        pipe.bytes = BytesMut::new();
        wake(pipe.writer.take());
    }
}

impl Pipe {
    /// There is room again; a buffer that is empty is not kept.
    fn let_go(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
        wake(self.writer.take());
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
