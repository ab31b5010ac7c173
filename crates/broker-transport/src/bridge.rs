//! A byte stream that stays on a runtime of its own, carried to and from the thread that reads and writes its connection.
//!
//! [`bridge`] makes the two directions of a connection, which belong to one thread, and a [`Carrier`], which takes the
//! stream on another. Between them there are two pipes, bounded by [`PIPE_BYTES`] each: a peer that does not read
//! fills one, and what more is sent then waits in the connection's own queue.
//!
//! **Nothing is held for a silent connection**: an empty pipe has no buffer, and what arrives is read into the stack.

mod pipe;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::time::timeout;

use self::pipe::{PipeReader, PipeWriter};
use crate::stream::Patient;

pub use self::pipe::PIPE_BYTES;

/// How much is read from a stream at once, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// The directions of a connection, and what carries its stream to them.
#[must_use]
pub fn bridge() -> (BridgeReader, BridgeWriter, Carrier) {
    let (inbound, reader) = pipe::pipe();
    let (writer, outbound) = pipe::pipe();
    let carrier = Carrier { inbound, outbound };
    (BridgeReader(reader), BridgeWriter(writer), carrier)
}

/// The reading direction of a bridged stream.
#[derive(Debug)]
pub struct BridgeReader(PipeReader);

impl BridgeReader {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buffer)
    }
}

/// The writing direction of a bridged stream. Dropping it tells the peer that nothing more will come.
#[derive(Debug)]
pub struct BridgeWriter(PipeWriter);

impl BridgeWriter {
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        poll_fn(|cx| self.0.poll_room(cx)).await.map(drop)
    }

    pub(crate) fn shutdown(&self) {
        self.0.end(Ok(()));
    }
}

/// The far ends of both directions.
#[derive(Debug)]
pub struct Carrier {
    inbound: PipeWriter,
    outbound: PipeReader,
}

impl Carrier {
    /// Carries a stream until both directions have been dropped, or the stream has ended. A peer that takes nothing for
    /// `write_timeout` is given up, none waits for ever. Once the directions are gone, what is still to be sent has as
    /// long as `close_timeout`.
    pub async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        stream: S,
        write_timeout: Option<Duration>,
        close_timeout: Duration,
    ) {
        let stream = Patient::new(stream, write_timeout);
        let (from_peer, to_peer) = tokio::io::split(stream);
        let mut inward = pin!(carry_in(from_peer, self.inbound));
        let mut outward = pin!(carry_out(self.outbound, to_peer));
        tokio::select! {
            () = &mut inward => {
                // Whoever takes longer has had its time.
                let _ = timeout(close_timeout, outward).await;
            }
            () = &mut outward => inward.await,
        }
    }
}

/// Carries what the peer sends, until nobody reads it any more.
async fn carry_in<S: AsyncRead>(mut stream: ReadHalf<S>, pipe: PipeWriter) {
    loop {
        let end = match poll_fn(|cx| carry_some(&mut stream, &pipe, cx)).await {
            Ok(1..) => continue,
            Ok(0) => Ok(()),
            Err(error) => Err(error.kind()),
        };
        pipe.end(end);
        return poll_fn(|cx| pipe.poll_abandoned(cx)).await;
    }
}

/// Says how much was carried; nothing means that the peer has ended its half.
fn carry_some<S: AsyncRead>(
    stream: &mut ReadHalf<S>,
    pipe: &PipeWriter,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let room = ready!(pipe.poll_room(cx))?;
    // Not kept while the peer is silent.
    let mut buffer = [0; READ_BYTES];
    let mut buffer = ReadBuf::new(&mut buffer[..room.min(READ_BYTES)]);
    if Pin::new(stream).poll_read(cx, &mut buffer)?.is_pending() {
        // Whoever waits for the peer also wants to know when nobody wants to hear it any more.
        return pipe
            .poll_abandoned(cx)
            .map(|()| Err(io::ErrorKind::BrokenPipe.into()));
    }
    match buffer.filled() {
        [] => Poll::Ready(Ok(0)),
        filled => Poll::Ready(pipe.try_write_vectored(&[IoSlice::new(filled)])),
    }
}

/// Carries what the peer is sent, and its end, unless the stream fails before.
async fn carry_out<S: AsyncWrite>(mut pipe: PipeReader, mut stream: WriteHalf<S>) {
    while let Some(bytes) = poll_fn(|cx| pipe.poll_take(cx)).await {
        let written = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        if written.await.is_err() {
            return;
        }
    }
    // A stream that cannot be shut down has failed already, which its reading half finds out.
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests;
