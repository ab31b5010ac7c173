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
            (beat @ (Heartbeat::Resting(_) | Heartbeat::Pinged { .. }), Packet::Pong) => {
                *beat = Heartbeat::Resting(later(now, settings.ping_interval));
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

    /// A client that cannot be heard of is not missed. One of protocol 4 is pinged on meanwhile, as it misses us otherwise.
    pub(super) fn fall_due(&mut self, now: Timestamp, is_heard: bool, settings: &Settings) -> Beat {
        if now < self.deadline() {
            return Beat::Early;
        }
        let pinged = |wait| Heartbeat::Pinged {
            deadline: later(now, wait),
            is_extended: false,
        };
        match (&*self, is_heard) {
            (Heartbeat::Resting(_), true) => {
                *self = pinged(settings.ping_timeout);
                Beat::Ping
            }
            (Heartbeat::Resting(_) | Heartbeat::Pinged { .. }, false) => {
                *self = pinged(settings.ping_interval);
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
