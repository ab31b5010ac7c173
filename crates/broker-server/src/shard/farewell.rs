//! Why connections end: what the client and the backend are told, and what is counted.

use std::borrow::Cow;

use broker_core::close_code;
use broker_transport::ws::Violation;

use crate::counters::Closed;

/// What a close frame says, and why there is one.
#[derive(Clone, Debug)]
pub(super) struct Farewell {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
    /// What it is counted as.
    pub(super) cause: Closed,
}

/// While a drain goes on.
pub(super) const RESTARTING: Farewell = ours(
    close_code::RESTART,
    "the broker is restarting",
    Closed::Restart,
);

/// At an end without a drain.
pub(super) const ENDING: Farewell = ours(
    close_code::GOING_AWAY,
    "the broker is ending",
    Closed::Restart,
);

/// In whose work something of ours went wrong.
pub(super) const INTERNAL_ERROR: Farewell = ours(
    close_code::INTERNAL_ERROR,
    "internal error",
    Closed::Internal,
);

/// To a client that does not read what it is sent.
pub(super) const SLOW_CONSUMER: Farewell = ours(
    close_code::SLOW_CONSUMER,
    "slow consumer",
    Closed::SendQueue,
);

/// To a client whose socket takes nothing any more; it is told to the backend only.
pub(super) const STUCK: Farewell = ours(
    close_code::SLOW_CONSUMER,
    "slow consumer",
    Closed::WriteTimeout,
);

/// To a client that says more than `messages_per_second`.
pub(super) const TOO_MANY_MESSAGES: Farewell = ours(
    close_code::TOO_MANY_MESSAGES,
    "too many messages",
    Closed::TooManyMessages,
);

/// To a client of Socket.IO that nobody can let in at present.
pub(super) const BACKEND_AWAY: Farewell = ours(
    close_code::TRY_AGAIN_LATER,
    "the backend is away",
    Closed::BackendAway,
);

/// To a client of Socket.IO of which nothing more can be held for the backend.
pub(super) const HOLD_FULL: Farewell = ours(
    close_code::TRY_AGAIN_LATER,
    "too much is held for the backend",
    Closed::HoldFull,
);

const fn ours(code: u16, reason: &'static str, cause: Closed) -> Farewell {
    Farewell {
        code,
        reason: Cow::Borrowed(reason),
        cause,
    }
}

impl Farewell {
    pub(super) fn new(code: u16, reason: impl Into<Cow<'static, str>>, cause: Closed) -> Farewell {
        Farewell {
            code,
            reason: reason.into(),
            cause,
        }
    }
}

/// How a connection has ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// What the backend is told, unless we had begun to close the connection.
    pub(super) farewell: Farewell,
    /// Whether there is nobody left to send to.
    pub(super) is_lost: bool,
}

impl Ending {
    /// By the client's close frame.
    pub(super) fn by_client(code: u16, reason: String) -> Ending {
        Ending {
            farewell: Farewell::new(code, reason, Closed::ByClient),
            is_lost: false,
        }
    }

    /// The client has broken a rule.
    pub(super) fn failed(violation: &Violation) -> Ending {
        let (code, reason) = (violation.close_code(), violation.to_string());
        Ending {
            farewell: Farewell::new(code, reason, cause(violation)),
            is_lost: false,
        }
    }

    /// A client that polls has made two requests at once of which there may be one, so that neither can be answered.
    pub(super) fn out_of_turn(reason: &'static str) -> Ending {
        Ending {
            farewell: Farewell::new(close_code::PROTOCOL_ERROR, reason, Closed::ProtocolError),
            is_lost: true,
        }
    }

    /// The peer has vanished, or has closed its socket without a close frame (RFC 6455 §7.1.5).
    pub(super) fn lost(reason: impl Into<Cow<'static, str>>) -> Ending {
        Ending {
            farewell: Farewell::new(close_code::LOST, reason, Closed::Lost),
            is_lost: true,
        }
    }

    /// Its socket takes nothing any more.
    pub(super) fn stuck() -> Ending {
        Ending {
            farewell: STUCK,
            is_lost: true,
        }
    }
}

/// What breaking a rule is counted as.
fn cause(violation: &Violation) -> Closed {
    match violation {
        Violation::BadCloseReason | Violation::NotUtf8 => Closed::NotUtf8,
        Violation::MessageTooBig { .. } => Closed::MessageTooBig,
        Violation::TooManyFragments { .. } => Closed::TooManyFragments,
        Violation::SlowMessage => Closed::SlowMessage,
        Violation::NoPong => Closed::NoPong,
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
        | Violation::BadCloseCode(_)
        | Violation::CorruptMessage => Closed::ProtocolError,
    }
}
