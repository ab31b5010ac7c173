//! The list of dialects, and the two enums that are made of it.

use std::fmt;
use std::str::FromStr;

use broker_core::{Message, Notice, SessionId, Timestamp};

use crate::socketio::NamespaceIndex;
use crate::{Action, Audience, Dialect, EncodeError, Incoming, Sessions, Start, Words};

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

            /// Which sessions its connections have.
            #[must_use]
            pub const fn sessions(self) -> Sessions {
                match self {
                    $(DialectKind::$variant => <$state>::SESSIONS,)+
                }
            }

            /// Whether its clients say things to each other.
            #[must_use]
            pub const fn relays(self) -> bool {
                match self {
                    $(DialectKind::$variant => <$state>::RELAYS,)+
                }
            }

            /// The state of a connection that has just been opened. What is to be done about that is given to `act`.
            #[must_use]
            pub fn open(self, start: &Start<'_>, act: &mut impl FnMut(Action)) -> DialectState {
                match self {
                    $(DialectKind::$variant => DialectState::$variant(<$state>::open(start, act)),)+
                }
            }

            /// Writes a message of the backend's, once for a whole audience.
            ///
            /// # Errors
            /// When the dialect cannot say it.
            pub fn encode(self, audience: &Audience<'_>, message: &Message) -> Result<Words, EncodeError> {
                match self {
                    $(DialectKind::$variant => <$state>::encode(audience, message),)+
                }
            }

            /// Writes what the broker has to say to some of an audience, if the dialect has words for it.
            ///
            /// # Errors
            /// When the dialect cannot say it.
            pub fn notice(
                self,
                audience: &Audience<'_>,
                notice: &Notice,
            ) -> Result<Option<Words>, EncodeError> {
                match self {
                    $(DialectKind::$variant => <$state>::notice(audience, notice),)+
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

            /// Does what has become due; see [`Dialect::handle_timeout`].
            pub fn handle_timeout(&mut self, now: Timestamp, is_heard: bool, act: &mut impl FnMut(Action)) {
                match self {
                    $(DialectState::$variant(state) => state.handle_timeout(now, is_heard, act),)+
                }
            }

            /// Takes note that the client is read again after a pause.
            pub fn read_on(&mut self, now: Timestamp) {
                match self {
                    $(DialectState::$variant(state) => state.read_on(now),)+
                }
            }

            /// Who hears what the session of this namespace hears, in the same words; `None` where it hears nothing.
            #[must_use]
            pub fn audience(&self, namespace: Option<NamespaceIndex>) -> Option<Audience<'_>> {
                match self {
                    $(DialectState::$variant(state) => state.audience(namespace),)+
                }
            }

            /// Takes note that the client is asked for an acknowledgement by this number.
            pub fn expect(&mut self, namespace: NamespaceIndex, ack: u64) {
                match self {
                    $(DialectState::$variant(state) => state.expect(namespace, ack),)+
                }
            }

            /// The client may enter a namespace, by a session of this id; what it is told.
            pub fn entered(&mut self, namespace: NamespaceIndex, id: SessionId) -> Option<Words> {
                match self {
                    $(DialectState::$variant(state) => state.entered(namespace, id),)+
                }
            }

            /// The client may not enter a namespace; what it is told. `details` is JSON.
            pub fn refused(
                &mut self,
                now: Timestamp,
                namespace: NamespaceIndex,
                message: &str,
                details: Option<&str>,
            ) -> Option<Words> {
                match self {
                    $(DialectState::$variant(state) => state.refused(now, namespace, message, details),)+
                }
            }

            /// The client is put out of a namespace; what it is told.
            pub fn put_out(&mut self, now: Timestamp, namespace: NamespaceIndex) -> Option<Words> {
                match self {
                    $(DialectState::$variant(state) => state.put_out(now, namespace),)+
                }
            }
        }
    };
}

dialects! {
    /// `wsbroker`: JSON both ways; what clients of npm `wsbroker` speak.
    Wsbroker(crate::wsbroker::Wsbroker);
    /// `wsmsgbroker`: clients talk to each other by names; what clients of npm `wsmsgbroker` speak.
    Wsmsgbroker(crate::wsmsgbroker::Wsmsgbroker);
    /// `socketio`: events in namespaces, over WebSockets and by polling; what clients of Socket.IO speak.
    Socketio(crate::socketio::Socketio);
    /// `echo`: every message comes back unchanged, without a backend.
    Echo(crate::echo::Echo);
}

impl DialectState {
    /// The connection as one of Socket.IO, if it is: for polling and upgrades, which no other dialect knows.
    pub fn socketio(&mut self) -> Option<&mut crate::socketio::Socketio> {
        match self {
            DialectState::Socketio(state) => Some(state),
            DialectState::Wsbroker(_) | DialectState::Wsmsgbroker(_) | DialectState::Echo(_) => {
                None
            }
        }
    }
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
    use crate::Options;

    #[test]
    fn names_are_read_back() {
        let options = Options::default();
        let start = Start::new(Timestamp(0), SessionId::new(0, [1; 14]), &options);
        for kind in DialectKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.open(&start, &mut |_| {}).kind(), kind);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        let error = "Echo".parse::<DialectKind>().unwrap_err();
        let known = DialectKind::ALL.map(|kind| format!("`{kind}`")).join(", ");
        assert_eq!(
            error.to_string(),
            format!("unknown dialect `Echo`, must be one of {known}")
        );
    }

    #[test]
    fn the_state_of_a_silent_connection_is_tiny() {
        assert!(size_of::<DialectState>() <= 16);
    }
}
