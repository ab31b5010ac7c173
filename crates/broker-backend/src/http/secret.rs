//! Signatures by Standard Webhooks 1.0: that a request comes from who knows the secret, and came as it was sent.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use serde::de::{self, Deserialize, Deserializer};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// How long a key may be, in bytes before base64.
const KEY_BYTES_MIN: usize = 24;
const KEY_BYTES_MAX: usize = 64;

/// What the broker and the application know, and nobody else: `whsec_` and 24 to 64 bytes in base64.
///
/// `Debug` hides it, and there is no way to get it back. Comparing takes the same time wherever two differ.
#[derive(Clone)]
pub struct Secret {
    /// HMAC-SHA-256 (RFC 2104) with the key worked in, which is half of what a signature of a short text costs.
    keyed: Hmac<Sha256>,
}

/// Why a text is no secret. The text is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is something else, or its beginning was lost.
    #[error(
        "a secret is `whsec_` and then 24 to 64 bytes in base64, such as `openssl rand -base64 32` prints"
    )]
    Prefix,
    /// RFC 4648 §4, with its padding.
    #[error("what follows `whsec_` is no base64: was it cut?")]
    Base64,
    /// A short key can be guessed; a long one is hashed to a shorter one.
    #[error(
        "the secret has {0} bytes before base64; it must have {KEY_BYTES_MIN} to {KEY_BYTES_MAX}"
    )]
    Length(usize),
}

impl Secret {
    /// The value of `webhook-signature` for a request with these headers and this body.
    pub(super) fn sign(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> HeaderValue {
        let mut mac = self.keyed.clone();
        for part in [id, b".", timestamp, b".", body] {
            mac.update(part);
        }
        let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        HeaderValue::try_from(signature).unwrap_or_else(|_| unreachable!("base64 is ASCII"))
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Secret, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let key = BASE64.decode(encoded).map_err(|_| SecretError::Base64)?;
        if !(KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
            return Err(SecretError::Length(key.len()));
        }
        let keyed = Hmac::new_from_slice(&key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        Ok(Secret { keyed })
    }
}

impl PartialEq for Secret {
    /// Two keys are the same if they sign nothing alike.
    fn eq(&self, other: &Secret) -> bool {
        self.keyed.clone().finalize() == other.keyed.clone().finalize()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        // What is wrong with a value of another type would be told with the value.
        let text = String::deserialize(deserializer)
            .map_err(|_| de::Error::custom(SecretError::Prefix))?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> SecretError {
        text.parse::<Secret>().expect_err(text)
    }

    fn secret_of(bytes: usize) -> String {
        format!("whsec_{}", BASE64.encode(vec![7; bytes]))
    }

    /// The example of the Standard Webhooks libraries.
    #[test]
    fn a_signature_is_that_of_other_implementations() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign(
            b"msg_p5jXN8AQM9LWM0D4loKWxJek",
            b"1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        for text in [
            "",
            "secret",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            " whsec_",
        ] {
            assert_eq!(fault(text), SecretError::Prefix, "{text}");
        }
        for text in [
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaL-_w",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
            "whsec_Ä",
        ] {
            assert_eq!(fault(text), SecretError::Base64, "{text}");
            let tail = text.trim_start_matches("whsec_");
            assert!(!fault(text).to_string().contains(tail), "{text}");
        }
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        for bytes in [24, 64] {
            assert!(secret_of(bytes).parse::<Secret>().is_ok(), "{bytes}");
        }
        for bytes in [0, 23, 65] {
            assert_eq!(fault(&secret_of(bytes)), SecretError::Length(bytes));
        }
    }

    #[test]
    fn a_secret_is_hidden_and_can_be_compared() {
        let secret: Secret = secret_of(24).parse().unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret, secret_of(24).parse().unwrap());
        assert_ne!(secret, secret_of(25).parse().unwrap());
    }
}
