//! The DEFLATE stream of one message (RFC 7692 §7.2.2, RFC 1951).

use flate2::{Decompress, FlushDecompress, Status};

use crate::ws::Violation;

/// What follows a message's last byte. First the four bytes that its sender has taken away (RFC 7692 §7.2.1), which
/// end an empty block; then an empty final block. The stream ends with that, and just there, unless the message has
/// been broken off inside a block.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// Inflates one message after the other, each by itself.
#[derive(Debug)]
pub(super) struct Stream {
    /// Its window is the largest, since ours to choose is only what is sent, and it reads all smaller ones too.
    inflate: Decompress,
}

impl Stream {
    pub(super) fn new() -> Stream {
        Stream {
            inflate: Decompress::new(false),
        }
    }

    /// Begins a message.
    pub(super) fn restart(&mut self) {
        self.inflate.reset(false);
    }

    /// Inflates `input` until it is used up or `room` is full. Returns how much of `room` has been written, also if
    /// what comes next is corrupt. There may be more to come even of an empty `input` as long as `room` gets full.
    pub(super) fn inflate(
        &mut self,
        input: &mut &[u8],
        room: &mut [u8],
    ) -> (usize, Result<(), Violation>) {
        let mut written = 0;
        loop {
            let (status, read, came_out) = self.step(input, &mut room[written..]);
            *input = &input[read..];
            written += came_out;
            match status {
                // A final block may stand anywhere in a message; the next block begins with the next byte
                // (RFC 7692 §7.2.1). What it refers to does not reach back beyond, as in browsers.
                Some(Status::StreamEnd) => self.restart(),
                Some(Status::Ok | Status::BufError) if read + came_out > 0 || input.is_empty() => {}
                _ => return (written, Err(Violation::CorruptMessage)),
            }
            if input.is_empty() || written == room.len() {
                return (written, Ok(()));
            }
        }
    }

    /// Checks, once all has been inflated, that this was a whole message.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        // Nothing has come behind a final block, or nothing at all. Senders that end so are understood everywhere,
        // though RFC 7692 §7.2.3.4 and §7.2.3.6 would have them add a zero byte.
        if self.inflate.total_in() == 0 {
            return Ok(());
        }
        match self.step(&END, &mut [0]) {
            (Some(Status::StreamEnd), read, 0) if read == END.len() => Ok(()),
            _ => Err(Violation::CorruptMessage),
        }
    }

    /// One call of the library: its verdict, and how many bytes it has read and written.
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> (Option<Status>, usize, usize) {
        let (total_in, total_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(input, room, FlushDecompress::None)
            .ok();
        (
            status,
            (self.inflate.total_in() - total_in) as usize,
            (self.inflate.total_out() - total_out) as usize,
        )
    }
}
