//! The two names of a session: a local handle and a public, unguessable id.

use std::fmt;
use std::str::FromStr;

/// Names a session within its shard: a slot, and the generation that tells its present holder from former ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle {
    /// The place in the shard's table; small numbers, used again after a session has ended.
    pub slot: u32,
    /// Differs for every session that has held the slot.
    pub generation: u32,
}

/// The public name of a session, on the wire as `wskey`: 16 bytes, written as 22 characters of base64url.
///
/// 14 bytes are random, drawn by the driver; the last two say which shard it lives on. So its first letters alone tell many
/// sessions apart, in a log or on a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl SessionId {
    /// Length of the written form.
    pub const TEXT_LEN: usize = 22;

    /// Makes the id of a session on `shard` out of random bytes.
    #[must_use]
    pub fn new(shard: u16, random: [u8; 14]) -> SessionId {
        let mut bytes = [0; 16];
        bytes[..14].copy_from_slice(&random);
        bytes[14..].copy_from_slice(&shard.to_be_bytes());
        SessionId(bytes)
    }

    /// The written form, in ASCII.
    #[must_use]
    pub fn letters(self) -> [u8; SessionId::TEXT_LEN] {
        let mut letters = [0; SessionId::TEXT_LEN];
        let bits = u128::from_be_bytes(self.0);
        for (place, digit) in letters.iter_mut().rev().enumerate() {
            let six = (bits >> (6 * place)) & 63;
            *digit = ALPHABET[six as usize];
        }
        letters
    }

    /// The bytes that it is made of.
    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The shard that the session lives on.
    #[must_use]
    pub fn shard(self) -> u16 {
        u16::from_be_bytes([self.0[14], self.0[15]])
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.letters()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text is not the written form of a [`SessionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a connection id")]
pub struct NotASessionId;

impl FromStr for SessionId {
    type Err = NotASessionId;

    fn from_str(text: &str) -> Result<SessionId, NotASessionId> {
        if text.len() != SessionId::TEXT_LEN {
            return Err(NotASessionId);
        }
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            let six = ALPHABET
                .iter()
                .position(|&digit| digit == byte)
                .ok_or(NotASessionId)?;
            // 22 digits hold 132 bits: the first digit has only two of its own.
            if place == 0 && six > 3 {
                return Err(NotASessionId);
            }
            bits = bits << 6 | six as u128;
        }
        Ok(SessionId(bits.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_form_is_read_back(shard: u16, random: [u8; 14]) {
            let id = SessionId::new(shard, random);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.shard(), shard);
            prop_assert_eq!(format!("{id:?}"), id.to_string());
        }

        #[test]
        fn its_first_letters_are_random(shards: [u16; 2], random: [u8; 14], first: u8) {
            let one = SessionId::new(shards[0], random).letters();
            let other = SessionId::new(shards[1], random).letters();
            prop_assert_eq!(&one[..18], &other[..18]);
            let mut random = random;
            prop_assume!(random[0] != first);
            random[0] = first;
            let another = SessionId::new(shards[0], random).letters();
            prop_assert_ne!(&one[..2], &another[..2]);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "AAAA",
            "zAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(text.parse::<SessionId>(), Err(NotASessionId), "{text}");
        }
    }
}
