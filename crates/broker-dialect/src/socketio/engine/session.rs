//! One Engine.IO session: its heartbeat, its upgrade from polling to a WebSocket, its end.

mod heartbeat;

use std::borrow::Cow;
use std::sync::Arc;

use broker_core::{Timestamp, json};

use self::heartbeat::Heartbeat;
use super::{Control, Encoded, Packet, PacketError, Revision, Transport};
use crate::socketio::{Fault, Settings};

/// An Engine.IO session, over either transport. It queues nothing and knows no sockets: what is to be sent comes out as
/// values.
///
/// - [`open_packet`](Session::open_packet) is the handshake;
/// - [`receive`](Session::receive) takes a packet by the transport in use;
/// - [`begin_upgrade`](Session::begin_upgrade), [`receive_probe`](Session::receive_probe) and
///   [`abandon_upgrade`](Session::abandon_upgrade) are about a WebSocket that is to take over;
/// - [`next_deadline`](Session::next_deadline) and [`handle_timeout`](Session::handle_timeout) are its sense of time.
#[derive(Debug)]
pub(crate) struct Session {
    settings: Arc<Settings>,
    heartbeat: Heartbeat,
    upgrade: Option<Upgrade>,
    revision: Revision,
    /// The transport in use. Requests by another one are refused, but for an upgrade.
    pub(in crate::socketio) transport: Transport,
    is_closed: bool,
}

/// A WebSocket that is to take over.
#[derive(Clone, Copy, Debug)]
struct Upgrade {
    deadline: Timestamp,
    is_probed: bool,
}

/// What comes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction<'a> {
    /// Nothing.
    Nothing,
    /// A text message arrived.
    Text(&'a str),
    /// A binary message arrived.
    Binary(Cow<'a, [u8]>),
    /// Send this by the transport in use.
    Send(Control),
    /// The session has ended.
    Close(Fault),
}

/// What comes of a packet by a WebSocket that is to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Send this by that WebSocket, and answer a poll that waits with [`Control::Noop`]: the client waits for both.
    Answer(Control),
    /// It has taken over: what is queued goes there, and polls are refused.
    Upgraded,
    /// It is of no use: close it. The session goes on by polling.
    Abandon,
}

/// What has become due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send this by the transport in use.
    Send(Control),
    /// The upgrade took too long: close the WebSocket that was to take over.
    AbandonUpgrade,
    /// The session has ended.
    Close(Fault),
}

/// Why no upgrade begins; the WebSocket that wanted it is closed, and the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeError {
    /// The session has ended.
    #[error("the session has ended")]
    Closed,
    /// Another WebSocket is to take over.
    #[error("the peer has an upgrade under way")]
    UnderWay,
    /// The session is carried by a WebSocket.
    #[error("the peer is on a WebSocket already")]
    Done,
}

impl Session {
    /// A session that begins now.
    #[must_use]
    pub(crate) fn open(
        now: Timestamp,
        revision: Revision,
        transport: Transport,
        settings: Arc<Settings>,
    ) -> Session {
        Session {
            heartbeat: Heartbeat::begin(now, revision, &settings),
            upgrade: None,
            revision,
            transport,
            is_closed: false,
            settings,
        }
    }

    /// The first packet to the client: the handshake. `sid` names the session in the client's later requests.
    #[must_use]
    pub(crate) fn open_packet(&self, sid: &str) -> Encoded {
        let settings = &self.settings;
        let mut text = br#"0{"sid":"#.to_vec();
        json::write_string(&mut text, sid);
        let upgrades = match self.transport {
            Transport::Polling => r#"["websocket"]"#,
            Transport::WebSocket => "[]",
        };
        text.extend_from_slice(
            format!(
                r#","upgrades":{upgrades},"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
                settings.ping_interval.as_millis(),
                settings.ping_timeout.as_millis(),
                settings.max_payload.min(settings.max_body)
            )
            .as_bytes(),
        );
        Encoded::text(text)
    }

    /// The protocol it speaks.
    #[must_use]
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// What was chosen for it.
    #[must_use]
    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Whether it has ended; nothing comes of a session that has.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether a poll with nothing to fetch has to wait. During an upgrade it must not, as the client waits for its end.
    #[must_use]
    pub(crate) fn may_poll_wait(&self) -> bool {
        !self.is_closed && !self.upgrade.is_some_and(|upgrade| upgrade.is_probed)
    }

    /// Takes a packet that came by the transport in use.
    pub(crate) fn receive<'a>(&mut self, now: Timestamp, packet: Packet<'a>) -> Reaction<'a> {
        if self.is_closed {
            return Reaction::Nothing;
        }
        if !self.heartbeat.hear(now, &packet, &self.settings) {
            return self.end(PacketError::HeartbeatDirection.into());
        }
        match packet {
            Packet::Ping(_) => Reaction::Send(Control::Pong),
            Packet::Text(text) => Reaction::Text(text),
            Packet::Binary(bytes) => Reaction::Binary(bytes),
            Packet::Close => self.end(Fault::ByClient),
            Packet::Open | Packet::Pong | Packet::Upgrade | Packet::Noop => Reaction::Nothing,
        }
    }

    /// A WebSocket arrived that names this session.
    ///
    /// # Errors
    /// When it can't take over.
    pub(crate) fn begin_upgrade(&mut self, now: Timestamp) -> Result<(), UpgradeError> {
        if self.is_closed {
            return Err(UpgradeError::Closed);
        }
        if self.transport == Transport::WebSocket {
            return Err(UpgradeError::Done);
        }
        if self.upgrade.is_some() {
            return Err(UpgradeError::UnderWay);
        }
        self.upgrade = Some(Upgrade {
            deadline: now.after(self.settings.upgrade_timeout),
            is_probed: false,
        });
        Ok(())
    }

    /// Takes a packet that came by the WebSocket that is to take over.
    pub(crate) fn receive_probe(&mut self, now: Timestamp, packet: &Packet<'_>) -> Probe {
        let Some(upgrade) = self.upgrade.as_mut() else {
            return Probe::Abandon;
        };
        match packet {
            Packet::Ping("probe") => {
                upgrade.is_probed = true;
                Probe::Answer(Control::ProbePong)
            }
            Packet::Upgrade => {
                self.upgrade = None;
                self.transport = Transport::WebSocket;
                // What was under way by the old transport may be lost, also a ping.
                self.heartbeat.renew(now, &self.settings);
                Probe::Upgraded
            }
            Packet::Open
            | Packet::Close
            | Packet::Ping(_)
            | Packet::Pong
            | Packet::Text(_)
            | Packet::Binary(_)
            | Packet::Noop => {
                self.upgrade = None;
                Probe::Abandon
            }
        }
    }

    /// The WebSocket that was to take over is gone; the session goes on by polling.
    pub(crate) fn abandon_upgrade(&mut self) {
        self.upgrade = None;
    }

    /// Ends the session, for a reason of the caller's.
    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        self.upgrade = None;
    }

    /// When [`handle_timeout`](Session::handle_timeout) wants to be called; never once it has ended.
    #[must_use]
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        if self.is_closed {
            return None;
        }
        let heartbeat = self.heartbeat.deadline();
        Some(
            self.upgrade
                .map_or(heartbeat, |upgrade| heartbeat.min(upgrade.deadline)),
        )
    }

    /// Takes note that the client is read again after a pause: its time begins anew.
    pub(crate) fn read_on(&mut self, now: Timestamp) {
        self.heartbeat.read_on(now, &self.settings);
    }

    /// Does what has become due. Calling it early does nothing. While the client cannot be heard of, which is for the caller
    /// to say by `is_heard`, it is pinged on, and not missed.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Timestamp,
        is_heard: bool,
        act: &mut impl FnMut(Due),
    ) {
        if self.is_closed {
            return;
        }
        if self.upgrade.is_some_and(|upgrade| upgrade.deadline <= now) {
            self.upgrade = None;
            act(Due::AbandonUpgrade);
        }
        match self.heartbeat.fall_due(now, is_heard, &self.settings) {
            heartbeat::Beat::Early => {}
            heartbeat::Beat::Ping => act(Due::Send(Control::Ping)),
            heartbeat::Beat::Silent => {
                self.close();
                act(Due::Close(Fault::NoPong));
            }
        }
    }

    fn end<'a>(&mut self, fault: Fault) -> Reaction<'a> {
        self.close();
        Reaction::Close(fault)
    }
}

#[cfg(test)]
mod tests;
