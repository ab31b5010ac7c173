//! Requests: messages that want an answer, and what names them while they wait for it.

use std::fmt;
use std::hash::Hasher;
use std::str::FromStr;

use siphasher::sip::SipHasher24;

use crate::session::SessionId;

/// How many requests of one session may wait for answers; a further one takes the place of the oldest, which counts as
/// timed out.
pub const REQUESTS_MAX: usize = 4096;

/// How long what a client calls a request may be, in bytes.
pub const TOKEN_BYTES_MAX: usize = 256;

/// What a client calls a request of its own, in the words of its dialect; it is kept until the request has an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestToken(Box<str>);

/// A text is too long to be kept as a [`RequestToken`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what a request is called may have at most {TOKEN_BYTES_MAX} bytes")]
pub struct TokenTooLong;

impl RequestToken {
    /// Takes the client's word for it.
    ///
    /// # Errors
    /// When it is longer than [`TOKEN_BYTES_MAX`].
    pub fn new(text: &str) -> Result<RequestToken, TokenTooLong> {
        match text.len() {
            ..=TOKEN_BYTES_MAX => Ok(RequestToken(text.into())),
            _ => Err(TokenTooLong),
        }
    }

    /// What the client calls it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl From<u64> for RequestToken {
    fn from(number: u64) -> RequestToken {
        RequestToken(number.to_string().into())
    }
}

/// What all shards of a process know and nobody else does. Draw it at random where clients are not trusted.
///
/// With it they agree on who owns a name, and tell an [`Ack`] of theirs from one that somebody has made up.
#[derive(Clone, Copy, Default)]
pub struct Secret([u64; 2]);

impl Secret {
    /// Takes random numbers.
    #[must_use]
    pub fn new(random: [u64; 2]) -> Secret {
        Secret(random)
    }

    /// The shard that owns a name.
    pub(crate) fn owner(self, form: &str, shards: u16) -> u16 {
        let mut hasher = self.hasher();
        hasher.write(form.as_bytes());
        (hasher.finish() % u64::from(shards.max(1))) as u16
    }

    /// The ack by which this session may answer a request, or, without one, the backend.
    pub(crate) fn ack(self, request: RequestId, answerer: Option<SessionId>) -> Ack {
        let mut hasher = self.hasher();
        hasher.write_u16(request.shard);
        hasher.write_u64(request.number);
        match answerer {
            Some(session) => hasher.write(session.as_bytes()),
            None => hasher.write(b"backend"),
        }
        Ack {
            request,
            tag: hasher.finish(),
        }
    }

    /// Whether it was this session that was asked, or, without one, the backend.
    pub(crate) fn has_asked(self, ack: Ack, answerer: Option<SessionId>) -> bool {
        self.ack(ack.request, answerer) == ack
    }

    fn hasher(self) -> SipHasher24 {
        SipHasher24::new_with_keys(self.0[0], self.0[1])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The name of a request among the shards of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestId {
    /// The shard of who asked.
    pub(crate) shard: u16,
    /// Counts the requests of that shard.
    pub(crate) number: u64,
}

/// What whoever is asked gives back with an answer, in events and commands as `ack`.
///
/// It holds for the one who was asked alone: nobody else can answer with it, and none can be made up. Its written form is
/// hexadecimal digits in three groups, `2-1f-9a3c…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub(crate) request: RequestId,
    tag: u64,
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestId { shard, number } = self.request;
        write!(f, "{shard:x}-{number:x}-{:016x}", self.tag)
    }
}

/// A text is not the written form of an [`Ack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ack of a request")]
pub struct NotAnAck;

impl FromStr for Ack {
    type Err = NotAnAck;

    fn from_str(text: &str) -> Result<Ack, NotAnAck> {
        let mut parts = text.split('-');
        let mut part = || u64::from_str_radix(parts.next()?, 16).ok();
        let (Some(shard), Some(number), Some(tag)) = (part(), part(), part()) else {
            return Err(NotAnAck);
        };
        let shard = u16::try_from(shard).map_err(|_| NotAnAck)?;
        let request = RequestId { shard, number };
        let ack = Ack { request, tag };
        // One name has one written form.
        (ack.to_string() == text).then_some(ack).ok_or(NotAnAck)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: Secret = Secret([1, 2]);

    proptest! {
        #[test]
        fn the_written_form_of_an_ack_is_read_back(shard: u16, number: u64) {
            let ack = SECRET.ack(RequestId { shard, number }, None);
            prop_assert_eq!(ack.to_string().parse(), Ok(ack));
        }

        #[test]
        fn no_other_text_is_an_ack(text in "[0-9a-fA-F+-]{0,24}|\\PC{0,8}") {
            if let Ok(ack) = text.parse::<Ack>() {
                prop_assert_eq!(ack.to_string(), text);
            }
        }

        #[test]
        fn every_name_has_one_owner(form: String, shards in 1_u16..9) {
            let owner = SECRET.owner(&form, shards);
            prop_assert!(owner < shards);
            prop_assert_eq!(owner, SECRET.owner(&form, shards));
        }
    }

    #[test]
    fn what_a_request_is_called_has_a_limit() {
        let longest = "x".repeat(TOKEN_BYTES_MAX);
        let token = RequestToken::new(&longest).unwrap();
        assert_eq!(token.text(), longest);
        assert_eq!(RequestToken::new(&(longest + "x")), Err(TokenTooLong));
        assert_eq!(RequestToken::from(u64::MAX).text(), u64::MAX.to_string());
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{SECRET:?}"), "Secret(…)");
    }

    #[test]
    fn an_ack_holds_for_the_one_who_was_asked() {
        let request = RequestId {
            shard: 1,
            number: 7,
        };
        let [asked, other] = [1, 2].map(|byte| SessionId::new(0, [byte; 14]));
        let ack = SECRET.ack(request, Some(asked));
        assert!(SECRET.has_asked(ack, Some(asked)));
        assert!(!SECRET.has_asked(ack, Some(other)));
        assert!(!SECRET.has_asked(ack, None));
        assert!(!Secret([1, 3]).has_asked(ack, Some(asked)));
        let next = RequestId {
            number: 8,
            ..request
        };
        let forged = Ack {
            request: next,
            ..ack
        };
        assert!(!SECRET.has_asked(forged, Some(asked)));
    }
}
