//! Who has to be heard of next, and by when.

use std::time::Duration;

use broker_core::Timestamp;

use crate::socketio::Settings;
use crate::socketio::engine::{Packet, Revision};

/// The heartbeat of a session. With protocol 4 the server pings and the client answers; with protocol 3 the client pings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Heartbeat {
    /// Protocol 4: the client is to be pinged.
    Resting(Timestamp),
    /// Protocol 4: the client is to have answered. `is_extended`: it has been heard of since the ping and was given
    /// more time, once, because a long message may stand before the pong.
    Pinged {
        deadline: Timestamp,
        is_extended: bool,
    },
    /// Protocol 3: the client is to have been heard of.
    Listening(Timestamp),
}

/// What a deadline has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// It is not over yet.
    Early,
    /// The client is to be pinged.
    Ping,
    /// The client has been silent for too long.
    Silent,
}

impl Heartbeat {
    pub(super) fn begin(now: Timestamp, revision: Revision, settings: &Settings) -> Heartbeat {
        match revision {
            Revision::Three => Heartbeat::Listening(client_deadline(now, settings)),
            Revision::Four => Heartbeat::Resting(later(now, settings.ping_interval)),
        }
    }

    pub(super) fn deadline(&self) -> Timestamp {
        match self {
            Heartbeat::Resting(deadline)
            | Heartbeat::Pinged { deadline, .. }
            | Heartbeat::Listening(deadline) => *deadline,
        }
    }

    /// The client was heard of. False if it beats in the wrong direction.
    pub(super) fn hear(
        &mut self,
        now: Timestamp,
        packet: &Packet<'_>,
        settings: &Settings,
    ) -> bool {
        match (self, packet) {
            (Heartbeat::Listening(_), Packet::Pong)
            | (Heartbeat::Resting(_) | Heartbeat::Pinged { .. }, Packet::Ping(_)) => return false,
            (Heartbeat::Listening(deadline), _) => *deadline = client_deadline(now, settings),
            (beat @ &mut Heartbeat::Pinged { is_extended, .. }, Packet::Pong) => {
                // The more time that it was given is not added to the time without a ping, after which it misses us.
                let given = is_extended.then_some(settings.ping_timeout);
                let wait = settings.ping_interval;
                let wait = wait.saturating_sub(given.unwrap_or_default());
                *beat = Heartbeat::Resting(later(now, wait));
            }
            (
                Heartbeat::Pinged {
                    deadline,
                    is_extended,
                },
                _,
            ) => {
                if !std::mem::replace(is_extended, true) {
                    *deadline = later(now, settings.ping_timeout);
                }
            }
            // Also a pong to a ping of long ago, for which the next one is not put off: a client misses us otherwise.
            (Heartbeat::Resting(_), _) => {}
        }
        true
    }

    /// Gives whoever has to be heard of the whole time again.
    pub(super) fn renew(&mut self, now: Timestamp, settings: &Settings) {
        match self {
            Heartbeat::Resting(_) => {}
            Heartbeat::Pinged {
                deadline,
                is_extended,
            } => {
                *deadline = later(now, settings.ping_timeout);
                *is_extended = false;
            }
            Heartbeat::Listening(deadline) => *deadline = client_deadline(now, settings),
        }
    }

    /// The client was not read for a while, so that much may stand before its pong: it is pinged again instead of missed.
    pub(super) fn read_on(&mut self, now: Timestamp, settings: &Settings) {
        match self {
            Heartbeat::Resting(_) => {}
            Heartbeat::Pinged { deadline, .. } => *self = Heartbeat::Resting(*deadline),
            Heartbeat::Listening(deadline) => *deadline = client_deadline(now, settings),
        }
    }

    /// A client that cannot be heard of is not missed. One of protocol 4 is pinged on meanwhile, as it misses us otherwise.
    pub(super) fn fall_due(&mut self, now: Timestamp, is_heard: bool, settings: &Settings) -> Beat {
        if now < self.deadline() {
            return Beat::Early;
        }
        match (&*self, is_heard) {
            (Heartbeat::Resting(_), true) => {
                *self = Heartbeat::Pinged {
                    deadline: later(now, settings.ping_timeout),
                    is_extended: false,
                };
                Beat::Ping
            }
            (Heartbeat::Resting(_) | Heartbeat::Pinged { .. }, false) => {
                *self = Heartbeat::Resting(later(now, settings.ping_interval));
                Beat::Ping
            }
            (Heartbeat::Listening(_), false) => {
                *self = Heartbeat::Listening(client_deadline(now, settings));
                Beat::Early
            }
            (Heartbeat::Pinged { .. } | Heartbeat::Listening(_), true) => Beat::Silent,
        }
    }
}

fn client_deadline(now: Timestamp, settings: &Settings) -> Timestamp {
    later(later(now, settings.ping_interval), settings.ping_timeout)
}

/// A deadline that does not move would be due for ever.
fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.after(wait.max(Duration::from_millis(1)))
}
