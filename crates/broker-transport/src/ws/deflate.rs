//! Compressed messages: permessage-deflate (RFC 7692).
//!
//! **Nothing is kept from one message to the next**: both `no_context_takeover` parameters are part of every
//! agreement (RFC 7692 §7.1.1). So a connection holds no window, all connections of a thread share one [`Inflater`]
//! and one [`Deflater`], and a message is compressed once for all who get it.
//!
//! **A limit counts what comes out**: inflating stops at the first byte beyond `max_message`.

mod arriving;
mod deflater;
mod inflater;
mod stream;

use std::num::NonZeroU8;

pub(super) use self::arriving::Arriving;
pub use self::deflater::Deflater;
pub use self::inflater::Inflater;

/// How far back what we compress may refer: the base-2 logarithm of a number of bytes (RFC 7692 §7.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(NonZeroU8);

impl Window {
    /// 32 KiB, which everybody can read who does not say otherwise.
    pub const MAX: Window = match Window::new(15) {
        Some(window) => window,
        None => unreachable!(),
    };

    /// A window of 9 to 15 bits. RFC 7692 knows 8 bits as well, for which the library makes no streams.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Window> {
        match NonZeroU8::new(bits) {
            Some(nonzero) if matches!(bits, 9..=15) => Some(Window(nonzero)),
            _ => None,
        }
    }

    /// The logarithm: 9 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0.get()
    }

    /// The widest window that a message of so many bytes may be compressed with for this one's owner. In a message that
    /// is no longer than the window nothing can refer back too far, so that all who get it can share one frame.
    #[must_use]
    pub const fn widest_for(self, len: usize) -> Window {
        if len <= 1 << self.bits() {
            Window::MAX
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests;
