//! The list of dialects, and the two enums that are made of it.

use std::fmt;
use std::str::FromStr;

use broker_core::{Message, Notice, Timestamp};

use crate::echo::Echo;
use crate::wsbroker::Wsbroker;
use crate::wsmsgbroker::Wsmsgbroker;
use crate::{Action, Dialect, Incoming, Options, Outgoing};

/// One line per dialect: what it is, the variant, the type of its state.
macro_rules! dialects {
    ($($(#[$doc:meta])+ $variant:ident($state:ty);)+) => {
        /// Which wire protocol a connection speaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DialectKind {
            $($(#[$doc])+ $variant,)+
        }

        impl DialectKind {
            /// Every dialect, in the order of the registry.
            pub const ALL: [DialectKind; [$(DialectKind::$variant),+].len()] = [$(DialectKind::$variant),+];

            /// Its name in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(DialectKind::$variant => <$state>::NAME,)+
                }
            }

            /// Whether the backend is told of its connections. Where it is not, the core must not be either.
            #[must_use]
            pub const fn tells_backend(self) -> bool {
                match self {
                    $(DialectKind::$variant => <$state>::TELLS_BACKEND,)+
                }
            }

            /// Whether its clients say things to each other.
            #[must_use]
            pub const fn relays(self) -> bool {
                match self {
                    $(DialectKind::$variant => <$state>::RELAYS,)+
                }
            }

            /// The state of a connection that has just been opened.
            #[must_use]
            pub fn open(self, options: &Options) -> DialectState {
                match self {
                    $(DialectKind::$variant => DialectState::$variant(<$state>::open(options)),)+
                }
            }

            /// Writes what the broker has to say to one client, if the dialect has words for it.
            #[must_use]
            pub fn notice(self, notice: &Notice) -> Option<Outgoing> {
                match self {
                    $(DialectKind::$variant => <$state>::notice(notice),)+
                }
            }

            /// Writes a message of the backend's, once for all connections of the dialect.
            #[must_use]
            pub fn encode(self, message: &Message) -> Outgoing {
                match self {
                    $(DialectKind::$variant => <$state>::encode(message),)+
                }
            }
        }

        /// The state of one connection, whatever its dialect. Small, since every connection has one.
        #[derive(Debug)]
        pub enum DialectState {
            $($(#[$doc])+ $variant($state),)+
        }

        impl DialectState {
            /// Which dialect it is.
            #[must_use]
            pub fn kind(&self) -> DialectKind {
                match self {
                    $(DialectState::$variant(_) => DialectKind::$variant,)+
                }
            }

            /// Takes a whole message of the client's; what is to be done is given to `act`, in order.
            pub fn receive(&mut self, now: Timestamp, incoming: Incoming<'_>, act: &mut impl FnMut(Action)) {
                match self {
                    $(DialectState::$variant(state) => state.receive(now, incoming, act),)+
                }
            }

            /// When [`handle_timeout`](DialectState::handle_timeout) wants to be called, if ever.
            #[must_use]
            pub fn next_deadline(&self) -> Option<Timestamp> {
                match self {
                    $(DialectState::$variant(state) => state.next_deadline(),)+
                }
            }

            /// Does what has become due. Calling it early does nothing.
            pub fn handle_timeout(&mut self, now: Timestamp, act: &mut impl FnMut(Action)) {
                match self {
                    $(DialectState::$variant(state) => state.handle_timeout(now, act),)+
                }
            }
        }
    };
}

dialects! {
    /// `wsbroker`: JSON both ways; what clients of npm `wsbroker` speak.
    Wsbroker(Wsbroker);
    /// `wsmsgbroker`: clients talk to each other by names; what clients of npm `wsmsgbroker` speak.
    Wsmsgbroker(Wsmsgbroker);
    /// `echo`: every message comes back unchanged, without a backend.
    Echo(Echo);
}

impl fmt::Display for DialectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No dialect has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownDialect(Box<str>);

impl fmt::Display for UnknownDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown dialect `{}`, must be one of", self.0)?;
        for (place, kind) in DialectKind::ALL.iter().enumerate() {
            write!(f, "{} `{kind}`", if place > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownDialect {}

impl FromStr for DialectKind {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<DialectKind, UnknownDialect> {
        let known = DialectKind::ALL.iter().copied();
        let mut named = known.filter(|kind| kind.name() == name);
        named.next().ok_or_else(|| UnknownDialect(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for kind in DialectKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.open(&Options::default()).kind(), kind);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        let error = "Echo".parse::<DialectKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown dialect `Echo`, must be one of `wsbroker`, `wsmsgbroker`, `echo`"
        );
    }

    #[test]
    fn the_state_of_a_silent_connection_is_tiny() {
        assert!(size_of::<DialectState>() <= 2);
    }
}
