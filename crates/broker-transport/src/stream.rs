//! A connection's bytes, however they travel: whole during the HTTP phase, then in two directions.

mod patient;
mod socket;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::bridge::{BridgeReader, BridgeWriter};
use crate::http2::{Http2Reader, Http2Writer};
use crate::listener::Accepted;
use crate::tls::{TlsReader, TlsWriter};

pub use self::patient::Patient;
pub use self::socket::{Socket, SocketReader, SocketWriter};

/// A connection on its way through the HTTP handshake.
#[derive(Debug)]
pub enum Stream {
    /// A bare socket.
    Plain(Socket),
    /// TLS over one.
    Tls(Box<TlsStream<Socket>>),
}

impl From<Socket> for Stream {
    fn from(socket: Socket) -> Stream {
        Stream::Plain(socket)
    }
}

impl Stream {
    /// The protocol that the TLS handshake has agreed on (RFC 7301), if any.
    #[must_use]
    pub fn agreed_protocol(&self) -> Option<&[u8]> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }

    /// The socket, free of the runtime that it was known to, so that it can go to another thread.
    ///
    /// # Errors
    /// The connection itself, where it is no bare socket.
    pub fn detach(self) -> Result<io::Result<Accepted>, Stream> {
        match self {
            Stream::Plain(socket) => Ok(socket.detach()),
            Stream::Tls(_) => Err(self),
        }
    }

    /// Takes the two directions apart, so that one task can read while whoever has something to send writes. Both belong
    /// to the thread on which this happens.
    #[must_use]
    pub fn split(self) -> (Reader, Writer) {
        match self {
            Stream::Plain(socket) => {
                let (reader, writer) = socket.split();
                (Reader::Plain(reader), Writer::Plain(writer))
            }
            Stream::Tls(stream) => {
                let (socket, tls) = stream.into_inner();
                let (reader, writer) = crate::tls::split(socket, tls);
                (Reader::Tls(reader), Writer::Tls(writer))
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
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
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
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// The reading direction of a connection.
#[derive(Debug)]
pub enum Reader {
    /// Of a bare socket.
    Plain(SocketReader),
    /// Of TLS.
    Tls(TlsReader),
    /// Of a stream of HTTP/2.
    Http2(Http2Reader),
    /// Of a stream on another runtime.
    Bridged(BridgeReader),
}

impl Reader {
    /// Reads what has arrived into `buffer`, and gives how many bytes that was; none means that the peer has closed its half.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let arrived = match self {
            Reader::Plain(reader) => reader.poll_read(cx, &mut buffer),
            Reader::Tls(reader) => reader.poll_read(cx, &mut buffer),
            Reader::Http2(reader) => reader.poll_read(cx, &mut buffer),
            Reader::Bridged(reader) => reader.poll_read(cx, &mut buffer),
        };
        arrived.map_ok(|()| buffer.filled().len())
    }

    /// Waits until something has arrived, and reads it as [`poll_read`](Reader::poll_read) does.
    ///
    /// # Errors
    /// When the connection has failed.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buffer)).await
    }
}

/// The writing direction of a connection. Dropping it tells the peer that nothing more will come.
#[derive(Debug)]
pub enum Writer {
    /// Of a bare socket.
    Plain(SocketWriter),
    /// Of TLS.
    Tls(TlsWriter),
    /// Of a stream of HTTP/2.
    Http2(Http2Writer),
    /// Of a stream on another runtime.
    Bridged(BridgeWriter),
}

impl Writer {
    /// Writes as much as the connection takes at once, without waiting. What has not been taken has to be given again,
    /// the same bytes first: TLS may hold the last of them encrypted already.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; anything else when it has failed.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Writer::Plain(writer) => writer.try_write_vectored(slices),
            Writer::Tls(writer) => writer.try_write_vectored(slices),
            Writer::Http2(writer) => writer.try_write_vectored(slices),
            Writer::Bridged(writer) => writer.try_write_vectored(slices),
        }
    }

    /// Waits until the connection takes something again.
    ///
    /// # Errors
    /// When it has failed.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Writer::Plain(writer) => writer.writable().await,
            Writer::Tls(writer) => writer.writable().await,
            Writer::Http2(writer) => writer.writable().await,
            Writer::Bridged(writer) => writer.writable().await,
        }
    }

    /// Tells the peer that nothing more will come, while its own half stays open.
    pub fn shutdown(&self) {
        match self {
            Writer::Plain(writer) => writer.shutdown(),
            Writer::Tls(writer) => writer.shutdown(),
            Writer::Http2(writer) => writer.shutdown(),
            Writer::Bridged(writer) => writer.shutdown(),
        }
    }
}
