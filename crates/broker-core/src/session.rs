//! What the broker remembers of a client: its names and its session info.

mod cookies;
mod id;
mod info;

pub use cookies::CookieRule;
pub use id::{NotASessionId, SessionHandle, SessionId};
pub(crate) use info::reserved_in;
pub use info::{Info, InfoTooLarge};
