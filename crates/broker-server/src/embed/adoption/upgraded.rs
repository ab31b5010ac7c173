//! The connection itself, which the application's server lets go of.

use std::io;
use std::time::Duration;

use broker_transport::Accepted;
use broker_transport::bridge::bridge;
use bytes::Bytes;
use hyper::rt::{Read, Write};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
#[cfg(feature = "auto")]
use hyper_util::server::conn::auto;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use crate::handover::Handover;

/// A connection, and what was read of it beyond the handshake.
pub(super) type Arrival = (Handover, Bytes);

/// Waits for the application's server to let go of a connection and hands it to its shard, which may not want it any
/// more. A stream that stays on this runtime is carried from here until it ends.
pub(super) async fn hand_over(
    upgrade: OnUpgrade,
    mut shard: oneshot::Sender<Arrival>,
    write_timeout: Option<Duration>,
    close_timeout: Duration,
) {
    let upgraded = tokio::select! {
        upgraded = upgrade => upgraded,
        () = shard.closed() => return,
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
            let _ = shard.send((Handover::Socket(socket), early));
        }
        Ok(Err(error)) => {
            tracing::debug!(event = "trouble", "a client has gone: {error}");
        }
        Err(upgraded) => {
            let (reader, writer, carrier) = bridge();
            let bridged = Handover::Bridged(reader, writer);
            if shard.send((bridged, Bytes::new())).is_ok() {
                let stream = TokioIo::new(upgraded);
                carrier.carry(stream, write_timeout, close_timeout).await;
            }
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
