//! What a peer can do wrong, and the close code for it.

use broker_core::close_code;
use thiserror::Error;

/// What the peer did against the protocol or against a limit of the connection.
///
/// The message doubles as the reason in the close frame, so it stays under the 123 bytes that one may have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// RFC 6455 §5.1: a client masks every frame.
    #[error("sent an unmasked frame")]
    Unmasked,
    /// RFC 6455 §5.2: reserved bits are for extensions, and none that uses this one was agreed on. RFC 7692 §6.1: even
    /// then the first of them is only for the first frame of a message.
    #[error("set a reserved bit")]
    ReservedBit,
    /// RFC 6455 §5.2: opcodes 3-7 and 11-15.
    #[error("used the reserved opcode {0}")]
    ReservedOpcode(u8),
    /// RFC 6455 §5.5.
    #[error("fragmented a control frame")]
    FragmentedControl,
    /// RFC 6455 §5.5.
    #[error("sent a control frame of more than 125 bytes")]
    LongControl,
    /// RFC 6455 §5.2.
    #[error("gave a frame length of more than 63 bits")]
    LengthTopBit,
    /// RFC 6455 §5.2.
    #[error("gave a frame length in more bytes than it needs")]
    LengthNotMinimal,
    /// RFC 6455 §5.4.
    #[error("continued a message that had not begun")]
    LoneContinuation,
    /// RFC 6455 §5.4.
    #[error("began a message inside another one")]
    InterleavedMessage,
    /// RFC 6455 §5.5.1: a close frame's payload is empty or begins with two bytes.
    #[error("sent half a close code")]
    HalfCloseCode,
    /// RFC 6455 §7.4: a code that must not stand in a close frame, or that nobody has defined.
    #[error("closed with the invalid code {0}")]
    BadCloseCode(u16),
    /// RFC 6455 §5.5.1.
    #[error("gave a close reason that is not UTF-8")]
    BadCloseReason,
    /// RFC 6455 §8.1.
    #[error("sent text that is not UTF-8")]
    NotUtf8,
    /// RFC 7692 §7.2.2: what claims to be compressed cannot be inflated.
    #[error("sent a compressed message that is corrupt or cut off")]
    CorruptMessage,
    /// The limit `max_message`; seen at the header of the frame that would go beyond it, or while inflating.
    #[error("sent a message of more than {max} bytes")]
    MessageTooBig {
        /// The limit, in bytes.
        max: usize,
    },
    /// The limit `max_fragments`.
    #[error("sent a message in more than {max} fragments")]
    TooManyFragments {
        /// The limit, in frames.
        max: u32,
    },
    /// The limit `message_timeout`.
    #[error("took too long over a message")]
    SlowMessage,
    /// The limit `pong_timeout`.
    #[error("did not answer a ping")]
    NoPong,
}

impl Violation {
    /// The close code that tells the peer (RFC 6455 §7.4.1; 4102 is the broker's own).
    #[must_use]
    pub fn close_code(&self) -> u16 {
        match self {
            Violation::Unmasked
            | Violation::ReservedBit
            | Violation::ReservedOpcode(_)
            | Violation::FragmentedControl
            | Violation::LongControl
            | Violation::LengthTopBit
            | Violation::LengthNotMinimal
            | Violation::LoneContinuation
            | Violation::InterleavedMessage
            | Violation::HalfCloseCode
            | Violation::BadCloseCode(_) => close_code::PROTOCOL_ERROR,
            Violation::BadCloseReason | Violation::NotUtf8 | Violation::CorruptMessage => {
                close_code::NOT_CONSISTENT
            }
            Violation::TooManyFragments { .. } | Violation::SlowMessage => close_code::POLICY,
            Violation::MessageTooBig { .. } => close_code::TOO_BIG,
            Violation::NoPong => close_code::NO_PONG,
        }
    }
}
