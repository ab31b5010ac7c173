//! Why a connection ends, and the close code that goes with it.

use super::engine::PacketError as EngineError;
use super::engine::payload::PayloadError;
use super::{AttachmentError, PacketError};
use broker_core::close_code;

/// Why a connection of Socket.IO ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The client said so.
    #[error("the peer ended the session")]
    ByClient,
    /// The client was silent for too long.
    #[error("the peer was not heard of in time")]
    NoPong,
    /// The client is in no namespace and did not ask for one in time.
    #[error("the peer entered no namespace in time")]
    NoNamespace,
    /// A packet for a namespace that the client is not in.
    #[error("the peer sent a packet for a namespace that it is not in")]
    NotEntered,
    /// The client entered a namespace that it is in.
    #[error("the peer entered a namespace that it is in")]
    EnteredTwice,
    /// A packet that only servers send.
    #[error("the peer sent a packet that only servers send")]
    Direction,
    /// No packet of Engine.IO.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No polling body.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// No packet of Socket.IO.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Attachments that do not fit their packet.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
}

impl Fault {
    /// The code that a WebSocket is closed with (RFC 6455 §7.4).
    #[must_use]
    pub(crate) fn close_code(&self) -> u16 {
        match self {
            Fault::ByClient => close_code::NORMAL,
            Fault::NoPong => close_code::NO_PONG,
            Fault::NoNamespace => close_code::POLICY,
            Fault::Payload(PayloadError::TooLong { .. })
            | Fault::Attachment(AttachmentError::TooLong { .. }) => close_code::TOO_BIG,
            Fault::NotEntered
            | Fault::EnteredTwice
            | Fault::Direction
            | Fault::Engine(_)
            | Fault::Payload(_)
            | Fault::Packet(_)
            | Fault::Attachment(_) => close_code::PROTOCOL_ERROR,
        }
    }
}
