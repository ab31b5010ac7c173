//! Settings that are one word out of a closed list.

use broker_dialect::{BinaryMessages, DialectKind};
use serde::de::{self, Deserialize, Deserializer};

/// A text is none of the words; those that there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of: {1}")]
pub struct ParseWordError(String, String);

macro_rules! words {
    (
        $(#[$docs:meta])*
        pub enum $name:ident {
            $($(#[$word_docs:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$word_docs])* $variant,)+
        }

        impl $name {
            /// Every word of this setting, as it is written.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as it is written in the configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseWordError;

            fn from_str(text: &str) -> Result<Self, ParseWordError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(ParseWordError(text.to_owned(), Self::WORDS.join(", "))),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// Reads the name of a dialect; which there are is the registry's matter.
pub(super) fn dialect(name: &str) -> Result<DialectKind, ParseWordError> {
    let known = || DialectKind::ALL.map(DialectKind::name).join(", ");
    name.parse()
        .map_err(|_| ParseWordError(name.to_owned(), known()))
}

/// Reads what becomes of binary messages.
pub(super) fn binary(word: &str) -> Result<BinaryMessages, ParseWordError> {
    let known = || BinaryMessages::ALL.map(BinaryMessages::name).join(", ");
    BinaryMessages::from_name(word).ok_or_else(|| ParseWordError(word.to_owned(), known()))
}

/// Makes serde read a text by one of the functions above.
pub(super) fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: fn(&str) -> Result<T, ParseWordError>,
) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

words! {
    /// How events are written into the requests to the backend.
    pub enum BackendFormat {
        /// `multipart/form-data` with the fields `message` and `connection`.
        Multipart = "multipart",
        /// The same two fields, urlencoded.
        Form = "form",
        /// One JSON object per event.
        Json = "json",
    }
}

words! {
    /// What happens to a connection whose hold is full.
    pub enum OnFull {
        /// It is not read until there is room again.
        Pause = "pause",
        /// Its oldest messages are given up.
        DropOldest = "drop_oldest",
        /// What it says is given up.
        DropNewest = "drop_newest",
        /// It is closed with 1013.
        Close = "close",
    }
}

words! {
    /// How often an event reaches the backend.
    pub enum Delivery {
        /// At least once: again, where it may not have arrived.
        AtLeastOnce = "at_least_once",
        /// At most once: never again, where it may have arrived.
        AtMostOnce = "at_most_once",
    }
}

words! {
    /// When the backend is told of a client that connects.
    pub enum Connect {
        /// When it is connected.
        Notify = "notify",
        /// Before its handshake is answered; the backend decides how.
        Wait = "wait",
    }
}

words! {
    /// What happens to a connection whose outbound queue is full.
    pub enum SlowConsumer {
        /// It is closed with 4100.
        Close = "close",
        /// It misses the message.
        Drop = "drop",
    }
}

words! {
    /// Whether messages are compressed (permessage-deflate, RFC 7692).
    pub enum Compression {
        /// With the clients that offer it.
        Auto = "auto",
        /// Never.
        Off = "off",
    }
}

words! {
    /// The least important records that are still logged; a greater level logs
    /// more.
    pub enum LogLevel {
        /// Failures that need somebody.
        Error = "error",
        /// Trouble that the broker copes with.
        Warn = "warn",
        /// One line per connect and disconnect.
        Info = "info",
        /// One line per message.
        Debug = "debug",
        /// Bodies too.
        Trace = "trace",
    }
}

words! {
    /// The shape of log records.
    pub enum LogFormat {
        /// `pretty` on a terminal, `json` elsewhere.
        Auto = "auto",
        /// One line per record for people.
        Pretty = "pretty",
        /// One JSON object per line.
        Json = "json",
    }
}
