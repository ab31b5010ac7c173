//! The connection itself, from the application's server to a shard.

use std::io;
use std::time::Duration;

use broker_transport::bridge::{BridgeReader, BridgeWriter, bridge};
use broker_transport::{Accepted, Reader, Stream, Writer};
use bytes::Bytes;
use hyper::rt::{Read, Write};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
#[cfg(feature = "auto")]
use hyper_util::server::conn::auto;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

/// A connection that can be sent to its shard.
#[derive(Debug)]
pub(super) enum Handover {
    /// A socket, and what was read of it beyond the handshake.
    Socket(Accepted, Bytes),
    /// Two directions of a stream that stays where it is.
    Bridged(BridgeReader, BridgeWriter),
}

/// Waits for the application's server to let go of a connection and hands it to its shard, which may not want it any
/// more. A stream that stays on this runtime is carried from here until it ends.
pub(super) async fn run(
    upgrade: OnUpgrade,
    mut handover: oneshot::Sender<Handover>,
    write_timeout: Option<Duration>,
    close_timeout: Duration,
) {
    let upgraded = tokio::select! {
        upgraded = upgrade => upgraded,
        () = handover.closed() => return,
    };
    let upgraded = match upgraded {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(
                event = "trouble",
                "a client has gone, or its server has kept its connection: {error}"
            );
            return;
        }
    };
    match socket(upgraded) {
        Ok(Ok((socket, early))) => {
            // A shard that has ended meanwhile drops it.
            let _ = handover.send(Handover::Socket(socket, early));
        }
        Ok(Err(error)) => {
            tracing::debug!(event = "trouble", "a client has gone: {error}");
        }
        Err(upgraded) => {
            let (reader, writer, carrier) = bridge();
            if handover.send(Handover::Bridged(reader, writer)).is_ok() {
                let stream = TokioIo::new(upgraded);
                carrier.carry(stream, write_timeout, close_timeout).await;
            }
        }
    }
}

impl Handover {
    /// The connection's directions, on the thread of its shard, and what was read already.
    pub(super) fn split(self) -> io::Result<((Reader, Writer), Bytes)> {
        match self {
            Handover::Socket(socket, early) => {
                Ok((Stream::from(socket.into_socket()?).split(), early))
            }
            Handover::Bridged(reader, writer) => Ok((
                (Reader::Bridged(reader), Writer::Bridged(writer)),
                Bytes::new(),
            )),
        }
    }
}

/// The socket behind a connection, free of the runtime that it was known to.
///
/// # Errors
/// The connection itself, where it is no bare socket.
fn socket(upgraded: Upgraded) -> Result<io::Result<(Accepted, Bytes)>, Upgraded> {
    let upgraded = match bare::<TcpStream>(upgraded) {
        Ok((stream, early)) => return Ok(tcp(stream).map(|socket| (socket, early))),
        Err(upgraded) => upgraded,
    };
    let (stream, early) = bare::<UnixStream>(upgraded)?;
    Ok(stream
        .into_std()
        .map(|stream| (Accepted::Unix(stream), early)))
}

fn tcp(stream: TcpStream) -> io::Result<Accepted> {
    let peer = stream.peer_addr()?.ip().to_canonical();
    stream.set_nodelay(true)?;
    Ok(Accepted::Tcp(stream.into_std()?, peer))
}

/// What a server was given to serve, if that is an `S`: by hyper alone, or, with the feature `auto`, by hyper-util's `auto`,
/// which wraps it.
fn bare<S>(upgraded: Upgraded) -> Result<(S, Bytes), Upgraded>
where
    TokioIo<S>: Read + Write + Unpin + 'static,
{
    let upgraded = match upgraded.downcast::<TokioIo<S>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    #[cfg(feature = "auto")]
    let upgraded = match auto::upgrade::downcast::<TokioIo<S>>(upgraded) {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    Err(upgraded)
}
