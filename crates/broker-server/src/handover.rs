//! A connection on its way to the thread of another shard.

use broker_transport::bridge::{BridgeReader, BridgeWriter};
use broker_transport::{Accepted, Reader, Stream, Writer};

/// A connection that can go to another thread.
#[derive(Debug)]
pub(crate) enum Handover {
    /// A socket, free of the runtime that it was known to.
    Socket(Accepted),
    /// Two directions of a stream that stays where it is.
    Bridged(BridgeReader, BridgeWriter),
}

impl Handover {
    /// The connection's directions, on the thread where they are used from now on; none where it was lost on the way.
    pub(crate) fn split(self) -> Option<(Reader, Writer)> {
        match self {
            Handover::Socket(socket) => match socket.into_socket() {
                Ok(socket) => Some(Stream::from(socket).split()),
                Err(error) => {
                    tracing::warn!(event = "trouble", "a new connection was lost: {error}");
                    None
                }
            },
            Handover::Bridged(reader, writer) => {
                Some((Reader::Bridged(reader), Writer::Bridged(writer)))
            }
        }
    }
}
