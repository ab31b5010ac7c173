//! Text that is checked as it arrives.

use simdutf8::compat::from_utf8;

use super::Violation;

/// The text of a message so far. Bytes that are no UTF-8 are refused by the first [`push`](Self::push) that shows it
/// (RFC 6455 §8.1), not at the end of their frame or message.
#[derive(Debug, Default)]
pub(super) struct ArrivingText {
    text: String,
    /// The bytes of a character that has not ended: one to three, or none.
    tail: [u8; 4],
    tail_len: usize,
}

impl ArrivingText {
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.tail_len
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let bytes = self.complete_tail(bytes)?;
        match from_utf8(bytes) {
            Ok(text) => self.text.push_str(text),
            Err(error) if error.error_len().is_some() => return Err(Violation::NotUtf8),
            Err(error) => {
                let (whole, tail) = bytes.split_at(error.valid_up_to());
                self.text
                    .push_str(from_utf8(whole).map_err(|_| Violation::NotUtf8)?);
                self.tail[..tail.len()].copy_from_slice(tail);
                self.tail_len = tail.len();
            }
        }
        Ok(())
    }

    /// Moves bytes to the tail until it is a character, and returns those that are left.
    fn complete_tail<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], Violation> {
        while self.tail_len > 0
            && let Some(byte) = bytes.split_off_first()
        {
            self.tail[self.tail_len] = *byte;
            self.tail_len += 1;
            match from_utf8(&self.tail[..self.tail_len]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.tail_len = 0;
                }
                Err(error) if error.error_len().is_some() => return Err(Violation::NotUtf8),
                // Four bytes are a character or an error, so the tail has room for the next byte.
                Err(_) => {}
            }
        }
        Ok(bytes)
    }

    /// The whole text, if it does not end inside a character.
    pub(super) fn finish(self) -> Result<String, Violation> {
        if self.tail_len > 0 {
            Err(Violation::NotUtf8)
        } else {
            Ok(self.text)
        }
    }
}
