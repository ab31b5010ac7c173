//! A connected socket, TCP or Unix, whole or in its two directions.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

/// A connected socket on its way through the HTTP handshake.
#[derive(Debug)]
pub enum Stream {
    /// TCP, with `TCP_NODELAY` set.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Waits until there is something to read, or the peer has closed.
    ///
    /// # Errors
    /// When the socket has failed.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.readable().await,
            Stream::Unix(stream) => stream.readable().await,
        }
    }

    /// Takes the two directions apart, so that one task can read while whoever has something to send writes.
    #[must_use]
    pub fn split(self) -> (Reader, Writer) {
        match self {
            Stream::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Stream::Unix(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The reading half of a socket.
#[derive(Debug)]
pub enum Reader {
    /// TCP
    Tcp(tcp::OwnedReadHalf),
    /// Unix
    Unix(unix::OwnedReadHalf),
}

impl Reader {
    /// Reads what has arrived into `buffer`; nothing means that the peer has closed its half.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Reader::Tcp(reader) => Pin::new(reader).poll_read(cx, buffer),
            Reader::Unix(reader) => Pin::new(reader).poll_read(cx, buffer),
        }
    }
}

/// The writing half of a socket. Dropping it tells the peer that nothing more will come.
#[derive(Debug)]
pub enum Writer {
    /// TCP
    Tcp(tcp::OwnedWriteHalf),
    /// Unix
    Unix(unix::OwnedWriteHalf),
}

impl Writer {
    /// Writes as much as the socket takes at once, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; anything else when it has failed.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            // One buffer is the usual case, and `write` is the cheaper call.
            (Writer::Tcp(writer), [only]) => writer.try_write(only),
            (Writer::Tcp(writer), _) => writer.try_write_vectored(slices),
            (Writer::Unix(writer), _) => writer.try_write_vectored(slices),
        }
    }

    /// Waits until the socket takes something again.
    ///
    /// # Errors
    /// When the socket has failed.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Writer::Tcp(writer) => writer.writable().await,
            Writer::Unix(writer) => writer.writable().await,
        }
    }

    /// Tells the peer that nothing more will come, while its own half stays open.
    pub fn shutdown(&self) {
        // A socket that cannot be shut down has failed already, which its reader finds out.
        let _ = match self {
            Writer::Tcp(writer) => {
                SockRef::from(writer.as_ref()).shutdown(std::net::Shutdown::Write)
            }
            Writer::Unix(writer) => {
                SockRef::from(writer.as_ref()).shutdown(std::net::Shutdown::Write)
            }
        };
    }
}
