//! The codes that the broker closes WebSockets with (RFC 6455 §7.4.1, and those of its own).

/// The client, or a command, has ended the connection as it should be ended.
pub const NORMAL: u16 = 1000;

/// The broker ends at once.
pub const GOING_AWAY: u16 = 1001;

/// The client has broken a rule of the protocol.
pub const PROTOCOL_ERROR: u16 = 1002;

/// The connection was lost without a close frame. The backend is told so; it is never on the wire.
pub const LOST: u16 = 1006;

/// Text that is not UTF-8, or a message that does not hold what it claims to.
pub const NOT_CONSISTENT: u16 = 1007;

/// The client has broken a rule of the broker's.
pub const POLICY: u16 = 1008;

/// A message over the limit.
pub const TOO_BIG: u16 = 1009;

/// A fault of the broker's own.
pub const INTERNAL_ERROR: u16 = 1011;

/// The broker drains, and is to come back.
pub const RESTART: u16 = 1012;

/// Try again later: more is held for the backend than may be, or it is away.
pub const TRY_AGAIN_LATER: u16 = 1013;

/// The client does not read what it is sent.
pub const SLOW_CONSUMER: u16 = 4100;

/// The client says more than `messages_per_second`.
pub const TOO_MANY_MESSAGES: u16 = 4101;

/// The client was not heard of in time.
pub const NO_PONG: u16 = 4102;

/// How long the reason beside a code may be, in bytes of UTF-8: what a control frame has room for (RFC 6455 §5.5).
pub const REASON_BYTES_MAX: usize = 123;

/// Whether an application may close connections with it: 1000, or one that is not the protocol's (RFC 6455 §7.4.2).
#[must_use]
pub fn is_for_applications(code: u16) -> bool {
    code == NORMAL || (3000..=4999).contains(&code)
}
