//! Connections to the application, and how one of them tells that it was lost before anything was heard.

use std::error::Error;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tower_service::Service;

use super::tls::TlsClient;
use super::url::HttpUrl;

/// Opens connections: over TCP with the name resolved anew each time, with TLS on top or not, or to a Unix socket.
#[derive(Clone, Debug)]
pub(super) enum Connector {
    Tcp(HttpConnector),
    Tls {
        tcp: HttpConnector,
        client: TlsClient,
        name: ServerName<'static>,
        /// After which a handshake is given up that no try waits for any more.
        timeout: Duration,
    },
    Unix(Arc<Path>),
}

impl Connector {
    /// `tls` is there where the URL asks for it.
    pub(super) fn new(url: &HttpUrl, tls: Option<&TlsClient>, timeout: Duration) -> Connector {
        if let Some(path) = url.socket() {
            return Connector::Unix(path.into());
        }
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // A connection whose request gave up waiting for it is finished in the background, so it needs an end too.
        tcp.set_connect_timeout(Some(timeout));
        match (tls, url.server_name()) {
            (Some(client), Some(name)) => {
                // It would refuse the scheme.
                tcp.enforce_http(false);
                Connector::Tls {
                    tcp,
                    client: client.clone(),
                    name: name.clone(),
                    // Later than the try, which is to tell that it was its own time that ran out.
                    timeout: timeout.saturating_mul(2),
                }
            }
            (Some(_), None) | (None, _) => Connector::Tcp(tcp),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Wire>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Connector::Tcp(tcp) => {
                let connecting = tcp.call(uri);
                Box::pin(async move {
                    let stream = connecting.await?.into_inner();
                    Ok(TokioIo::new(Wire::new(Stream::Tcp(stream))))
                })
            }
            Connector::Tls {
                tcp,
                client,
                name,
                timeout,
            } => {
                let connecting = tcp.call(uri);
                let (client, name, timeout) = (client.clone(), name.clone(), *timeout);
                Box::pin(async move {
                    let socket = connecting.await?.into_inner();
                    let handshake = client.connect(name, socket);
                    let stream = tokio::time::timeout(timeout, handshake).await??;
                    Ok(TokioIo::new(Wire::new(Stream::Tls(Box::new(stream)))))
                })
            }
            Connector::Unix(path) => {
                let path = Arc::clone(path);
                Box::pin(async move {
                    let stream = UnixStream::connect(&*path).await?;
                    Ok(TokioIo::new(Wire::new(Stream::Unix(stream))))
                })
            }
        }
    }
}

/// One connection, which knows how far the exchange on it has come.
///
/// An end in [`Exchange::Unanswered`] is reported as [`ClosedBeforeAnswer`]: the application was just closing a kept
/// connection when the request went out (RFC 9112 §9.3.1).
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    exchange: Exchange,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exchange {
    /// The first request: a connection that ends now was never a kept one.
    First,
    /// Something was heard and no other request has gone out since.
    Heard,
    /// A later request has gone out and nothing was heard since.
    Unanswered,
}

/// A kept connection ended after a request went out on it and before anything was heard.
#[derive(Debug, thiserror::Error)]
#[error("connection closed before an answer")]
pub(super) struct ClosedBeforeAnswer;

impl ClosedBeforeAnswer {
    /// Whether this is why a request failed.
    pub(super) fn caused(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
                .is_some_and(|inner| inner.is::<ClosedBeforeAnswer>())
            {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl Wire {
    fn new(stream: Stream) -> Wire {
        Wire {
            stream,
            exchange: Exchange::First,
        }
    }

    fn has_written(&mut self, written: io::Result<usize>) -> io::Result<usize> {
        if self.exchange == Exchange::Heard {
            self.exchange = Exchange::Unanswered;
        }
        written.map_err(|error| self.ended(error))
    }

    fn has_read(&mut self, read: io::Result<usize>) -> io::Result<()> {
        match read {
            Ok(0) if self.exchange == Exchange::Unanswered => {
                Err(self.ended(io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(0) => Ok(()),
            Ok(_) => {
                self.exchange = Exchange::Heard;
                Ok(())
            }
            Err(error) => Err(self.ended(error)),
        }
    }

    fn ended(&self, error: io::Error) -> io::Error {
        match self.exchange {
            Exchange::Unanswered => io::Error::new(error.kind(), ClosedBeforeAnswer),
            Exchange::First | Exchange::Heard => error,
        }
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buf.filled().len();
        let result = ready!(match &mut wire.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        });
        Poll::Ready(wire.has_read(result.map(|()| buf.filled().len() - before)))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let result = ready!(match &mut wire.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        });
        Poll::Ready(wire.has_written(result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let result = ready!(match &mut wire.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        });
        Poll::Ready(wire.has_written(result))
    }

    /// All three can: TLS makes one record of several parts.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
