//! A bare socket, TCP or Unix, whole or in its two directions.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::net::{RecvFlags, recv};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use crate::listener::Accepted;

/// A connected socket, as it was accepted.
#[derive(Debug)]
pub enum Socket {
    /// TCP, with `TCP_NODELAY` set.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

impl Socket {
    /// Waits until there is something to read, or the peer has closed.
    ///
    /// # Errors
    /// When the socket has failed.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.readable().await,
            Socket::Unix(socket) => socket.readable().await,
        }
    }

    /// Looks at what comes first and leaves it where it is; waits for as much as `enough` wants to see, and no longer
    /// than the peer may still send.
    ///
    /// # Errors
    /// When the socket has failed.
    pub async fn peek(
        &self,
        buffer: &mut [u8],
        mut enough: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<usize> {
        loop {
            let ready = match self {
                Socket::Tcp(socket) => socket.ready(Interest::READABLE).await?,
                Socket::Unix(socket) => socket.ready(Interest::READABLE).await?,
            };
            let mut look = || {
                let seen = match self {
                    Socket::Tcp(socket) => recv(socket, &mut *buffer, RecvFlags::PEEK),
                    Socket::Unix(socket) => recv(socket, &mut *buffer, RecvFlags::PEEK),
                };
                let (seen, _) = seen?;
                if seen == buffer.len() || ready.is_read_closed() || enough(&buffer[..seen]) {
                    return Ok(seen);
                }
                // Only what is new makes the socket readable again after this.
                Err(io::ErrorKind::WouldBlock.into())
            };
            let seen = match self {
                Socket::Tcp(socket) => socket.try_io(Interest::READABLE, &mut look),
                Socket::Unix(socket) => socket.try_io(Interest::READABLE, &mut look),
            };
            match seen {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                seen => return seen,
            }
        }
    }

    /// Frees it of the runtime of this thread.
    pub(super) fn detach(self) -> io::Result<Accepted> {
        match self {
            Socket::Tcp(socket) => {
                let peer = socket.peer_addr()?.ip().to_canonical();
                Ok(Accepted::Tcp(socket.into_std()?, peer))
            }
            Socket::Unix(socket) => Ok(Accepted::Unix(socket.into_std()?)),
        }
    }

    /// Takes the two directions apart.
    #[must_use]
    pub fn split(self) -> (SocketReader, SocketWriter) {
        match self {
            Socket::Tcp(socket) => {
                let (reader, writer) = socket.into_split();
                (SocketReader::Tcp(reader), SocketWriter::Tcp(writer))
            }
            Socket::Unix(socket) => {
                let (reader, writer) = socket.into_split();
                (SocketReader::Unix(reader), SocketWriter::Unix(writer))
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Socket::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Socket::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
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
            Socket::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}

/// The reading half of a socket.
#[derive(Debug)]
pub enum SocketReader {
    /// TCP
    Tcp(tcp::OwnedReadHalf),
    /// Unix
    Unix(unix::OwnedReadHalf),
}

impl SocketReader {
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            SocketReader::Tcp(reader) => Pin::new(reader).poll_read(cx, buffer),
            SocketReader::Unix(reader) => Pin::new(reader).poll_read(cx, buffer),
        }
    }
}

/// The writing half of a socket. Dropping it tells the peer that nothing more will come.
#[derive(Debug)]
pub enum SocketWriter {
    /// TCP
    Tcp(tcp::OwnedWriteHalf),
    /// Unix
    Unix(unix::OwnedWriteHalf),
}

impl SocketWriter {
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            // One buffer is the usual case, and `write` is the cheaper call.
            (SocketWriter::Tcp(writer), [only]) => writer.try_write(only),
            (SocketWriter::Tcp(writer), _) => writer.try_write_vectored(slices),
            (SocketWriter::Unix(writer), _) => writer.try_write_vectored(slices),
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            SocketWriter::Tcp(writer) => writer.writable().await,
            SocketWriter::Unix(writer) => writer.writable().await,
        }
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            SocketWriter::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            SocketWriter::Unix(writer) => writer.as_ref().poll_write_ready(cx),
        }
    }

    /// Tells the peer that nothing more will come, while its own half stays open.
    pub(crate) fn shutdown(&self) {
        // A socket that cannot be shut down has failed already, which its reader finds out.
        let _ = match self {
            SocketWriter::Tcp(writer) => {
                SockRef::from(writer.as_ref()).shutdown(std::net::Shutdown::Write)
            }
            SocketWriter::Unix(writer) => {
                SockRef::from(writer.as_ref()).shutdown(std::net::Shutdown::Write)
            }
        };
    }
}
