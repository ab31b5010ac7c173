//! Frame headers and masks (RFC 6455 §5.2, §5.3).

use super::Violation;

/// A frame whose header has been read. It moves on as its payload arrives.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    /// Whether it begins a compressed message (RFC 7692 §6).
    pub(super) is_compressed: bool,
    /// The number of payload bytes still to come.
    pub(super) remaining: u64,
    /// The mask, turned so that its first byte belongs to the next payload byte.
    mask: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continue,
    Start(Data),
    Control(Control),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    Text,
    Binary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
}

impl Frame {
    /// The length of the longest header: two bytes, a 64-bit length, the mask.
    pub(super) const HEADER_MAX: usize = 14;

    /// Reads the header that `bytes` begin with: the frame and the header's length, or `None` while bytes are missing.
    ///
    /// What is wrong with the header by itself is refused at the first byte that shows it. The first reserved bit is
    /// fine on the first frame of a message, if compression was agreed on (RFC 7692 §6.1).
    pub(super) fn parse(bytes: &[u8], deflates: bool) -> Result<Option<(Frame, usize)>, Violation> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let is_final = first & 0x80 != 0;
        let is_compressed = first & 0x40 != 0;
        if first & 0x30 != 0 || (is_compressed && !deflates) {
            return Err(Violation::ReservedBit);
        }
        let opcode = match first & 0x0f {
            0 => Opcode::Continue,
            1 => Opcode::Start(Data::Text),
            2 => Opcode::Start(Data::Binary),
            8 => Opcode::Control(Control::Close),
            9 => Opcode::Control(Control::Ping),
            10 => Opcode::Control(Control::Pong),
            reserved => return Err(Violation::ReservedOpcode(reserved)),
        };
        if is_compressed && !matches!(opcode, Opcode::Start(_)) {
            return Err(Violation::ReservedBit);
        }
        let is_control = matches!(opcode, Opcode::Control(_));
        if is_control && !is_final {
            return Err(Violation::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        let short_len = second & 0x7f;
        if is_control && short_len > 125 {
            return Err(Violation::LongControl);
        }

        let after = &bytes[2..];
        let (len, len_bytes) = match short_len {
            126 => {
                let Some(len) = after.first_chunk() else {
                    return Ok(None);
                };
                (u64::from(u16::from_be_bytes(*len)), 2)
            }
            127 => {
                if after.first().is_some_and(|byte| byte & 0x80 != 0) {
                    return Err(Violation::LengthTopBit);
                }
                let Some(len) = after.first_chunk() else {
                    return Ok(None);
                };
                (u64::from_be_bytes(*len), 8)
            }
            len => (u64::from(len), 0),
        };
        if (len_bytes == 2 && len < 126) || (len_bytes == 8 && len <= u64::from(u16::MAX)) {
            return Err(Violation::LengthNotMinimal);
        }

        let Some(&mask) = after[len_bytes..].first_chunk() else {
            return Ok(None);
        };
        Ok(Some((
            Frame {
                is_final,
                opcode,
                is_compressed,
                remaining: len,
                mask,
            },
            2 + len_bytes + mask.len(),
        )))
    }

    /// Takes the part of the payload that `input` begins with off it, and unmasks it in place.
    pub(super) fn take_payload<'a>(&mut self, input: &mut &'a mut [u8]) -> &'a mut [u8] {
        let len = usize::try_from(self.remaining)
            .map_or(input.len(), |remaining| remaining.min(input.len()));
        let payload = input.split_off_mut(..len).unwrap_or_default();
        unmask(payload, self.mask);
        self.mask.rotate_left(len % 4);
        self.remaining -= len as u64;
        payload
    }
}

/// Unmasks a payload whose first byte belongs to the mask's first (RFC 6455 §5.3).
///
/// Eight bytes at a time in a plain loop, which the compiler turns into vector instructions.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let mask = [a, b, c, d, a, b, c, d];
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_unmasked_the_same_however_it_is_cut() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let clear: Vec<u8> = (0..60).collect();
        let masked = clear.iter().zip(mask.iter().cycle());
        let masked: Vec<u8> = masked.map(|(byte, mask)| byte ^ mask).collect();
        for first in 0..=60 {
            for second in first..=60 {
                let (is_final, opcode) = (true, Opcode::Start(Data::Binary));
                let mut frame = Frame {
                    is_final,
                    opcode,
                    is_compressed: false,
                    remaining: 60,
                    mask,
                };
                let mut unmasked = Vec::new();
                for part in [0..first, first..second, second..60] {
                    unmasked.extend_from_slice(frame.take_payload(&mut &mut masked.clone()[part]));
                }
                assert_eq!((unmasked, frame.remaining), (clear.clone(), 0));
            }
        }
    }
}
