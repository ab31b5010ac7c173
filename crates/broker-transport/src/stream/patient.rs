//! A stream whose peer has to take what it is sent.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A stream on which writing fails once nothing has been taken for a while. While HTTP is spoken nobody else looks after
/// that: a client that asks again and again and never reads the answers would keep its place.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    /// How long nothing may be taken; none is no limit.
    limit: Option<Duration>,
    /// When patience ends; set while the stream takes nothing.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// Waits so long for a peer that takes nothing; for ever if there is no limit.
    pub fn new(stream: S, limit: Option<Duration>) -> Patient<S> {
        Patient {
            stream,
            limit,
            end: None,
        }
    }

    /// The stream itself.
    pub fn into_inner(self) -> S {
        self.stream
    }

    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.end = None;
            return outcome;
        }
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        let end = self
            .end
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        end.as_mut().poll(cx).map(|()| {
            let reason = "the peer took nothing for write_timeout";
            Err(io::Error::new(io::ErrorKind::TimedOut, reason))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut patient = Patient::new(ours, Some(LIMIT));
        let start = Instant::now();
        let error = patient.write_all(&[0; 11]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_little_now_and_then_is_waited_for() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let mut patient = Patient::new(ours, Some(LIMIT));
        let slow = async move {
            for _ in 0..5 {
                tokio::time::sleep(LIMIT - Duration::from_millis(2)).await;
                theirs.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(patient.write_all(&[0; 50]), slow);
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_patience_has_no_end() {
        let (ours, _theirs) = tokio::io::duplex(10);
        let mut patient = Patient::new(ours, None);
        let year = Duration::from_secs(365 * 24 * 3600);
        let written = tokio::time::timeout(year, patient.write_all(&[0; 11])).await;
        assert!(written.is_err(), "{written:?}");
    }
}
