//! Compressing messages.

use broker_dialect::Outgoing;
use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::Window;
use crate::ws::encode;

/// How hard the compressor tries: what `docs/performance.md` found to be the best bargain for JSON.
const LEVEL: Compression = Compression::new(3);

/// What ends a compressed message and is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The longest output whose buffer is kept for the next message.
const KEPT_BYTES: usize = 256 * 1024;

/// Compresses messages. One serves any number of connections; it takes about 300 KiB for each window that has been
/// asked for.
#[derive(Debug, Default)]
pub struct Deflater {
    /// Shorter messages are not compressed.
    min: usize,
    /// By the bits of the window, from 9.
    compressors: [Option<Box<Compress>>; 7],
    room: Vec<u8>,
}

impl Deflater {
    /// Compresses messages of `min` bytes and more.
    #[must_use]
    pub fn new(min: usize) -> Deflater {
        Deflater {
            min,
            ..Deflater::default()
        }
    }

    /// The frame of a message for a receiver that has agreed on a window, or on no compression: compressed if that
    /// makes it shorter.
    pub fn frame(&mut self, message: &Outgoing, window: Option<Window>) -> Bytes {
        window
            .and_then(|window| self.compressed_frame(message, window))
            .unwrap_or_else(|| encode::message(message))
    }

    /// The same, but compressed however short the message is, and even if that makes it longer: for those who check what
    /// has been agreed on.
    pub fn frame_always(&mut self, message: &Outgoing, window: Option<Window>) -> Bytes {
        // More than stored blocks take, which are the worst that can come out (RFC 1951 §3.2.4).
        let room_len = |len: usize| len + len / 8 + 256;
        window
            .and_then(|window| self.frame_within(message, window, room_len))
            .unwrap_or_else(|| encode::message(message))
    }

    /// The compressed frame of a message, for all who have agreed on the window; none if it would not be shorter.
    pub fn compressed_frame(&mut self, message: &Outgoing, window: Window) -> Option<Bytes> {
        if message.payload().len() < self.min {
            return None;
        }
        // As long as the room is not full, all has come out. So this is the room for what is shorter than the payload.
        self.frame_within(message, window, |len| len + TAIL.len())
    }

    /// The compressed frame of a message, if that takes less than the room which is right for its length.
    fn frame_within(
        &mut self,
        message: &Outgoing,
        window: Window,
        room_len: impl FnOnce(usize) -> usize,
    ) -> Option<Bytes> {
        let payload = message.payload();
        let window = window.widest_for(payload.len());
        let compressed = self.compress(payload, window, room_len(payload.len()))?;
        let frame = encode::compressed(message, compressed);
        if self.room.len() > KEPT_BYTES {
            self.room = Vec::new();
        }
        Some(frame)
    }

    /// Compresses a payload, unless it fills the room with what is to be taken off its end.
    fn compress(&mut self, payload: &[u8], window: Window, room_len: usize) -> Option<&[u8]> {
        let compressor =
            self.compressors[usize::from(window.bits()) - 9].get_or_insert_with(|| {
                Box::new(Compress::new_with_window_bits(LEVEL, false, window.bits()))
            });
        // No context is taken over (RFC 7692 §7.1.1.1).
        compressor.reset();
        if self.room.len() < room_len {
            self.room.resize(room_len, 0);
        }
        let room = &mut self.room[..room_len];
        let status = compressor.compress(payload, room, FlushCompress::Sync);
        let len = compressor.total_out() as usize;
        if !matches!(status, Ok(Status::Ok)) || len == room_len {
            return None;
        }
        room[..len].strip_suffix(&TAIL)
    }
}
