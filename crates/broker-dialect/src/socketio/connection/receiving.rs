//! What comes from the client.

use std::borrow::Cow;

use broker_core::Timestamp;

use super::{Action, Connection, Incomplete, Said};
use crate::Incoming;
use crate::socketio::attachments::Reassembly;
use crate::socketio::engine::payload::{Limits, PayloadError, Posted};
use crate::socketio::engine::{Packet as EnginePacket, Probe, Reaction, Revision};
use crate::socketio::event::{Args, Event};
use crate::socketio::namespaces::{NamespaceIndex, Standing, Wish};
use crate::socketio::packet::{Kind, Packet};
use crate::socketio::{AttachmentError, Fault, NAMESPACE_BYTES_MAX, encode, query};

impl Connection {
    /// Takes a message of the WebSocket that is in use.
    pub(crate) fn receive(
        &mut self,
        now: Timestamp,
        message: Incoming<'_>,
        act: &mut impl FnMut(Action<'_>),
    ) {
        if self.session.is_closed() {
            return;
        }
        match EnginePacket::decode(self.session.revision(), message) {
            Ok(packet) => self.receive_packet(now, packet, act),
            Err(error) => self.fail(error.into(), act),
        }
    }

    /// Takes the next packet of a body that the client has posted; nothing once there is none that counts.
    ///
    /// # Errors
    /// When the body is refused, from this packet on or as a whole. But for one that is too long it ends the connection,
    /// which `act` is told as well.
    pub(crate) fn receive_posted(
        &mut self,
        now: Timestamp,
        posted: &mut Posted,
        act: &mut impl FnMut(Action<'_>),
    ) -> Option<Result<(), PayloadError>> {
        if self.session.is_closed() {
            return None;
        }
        let limits = Limits::of(self.session.settings());
        match posted.next_packet(self.session.revision(), limits)? {
            Ok(packet) => self.receive_packet(now, packet, act),
            Err(error @ PayloadError::TooLong { .. }) => return Some(Err(error)),
            Err(error) => {
                self.fail(error.into(), act);
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }

    /// Takes a message of a WebSocket that is to take over.
    pub(crate) fn receive_probe(&mut self, now: Timestamp, message: Incoming<'_>) -> Probe {
        match EnginePacket::decode(self.session.revision(), message) {
            Ok(packet) => self.session.receive_probe(now, &packet),
            Err(_) => {
                self.session.abandon_upgrade();
                Probe::Abandon
            }
        }
    }

    fn receive_packet(
        &mut self,
        now: Timestamp,
        packet: EnginePacket<'_>,
        act: &mut impl FnMut(Action<'_>),
    ) {
        let outcome = match self.session.receive(now, packet) {
            Reaction::Nothing => Ok(()),
            Reaction::Send(control) => {
                act(Action::Send(control.encoded()));
                Ok(())
            }
            Reaction::Text(text) => self.receive_text(now, text, act),
            Reaction::Binary(bytes) => self.receive_attachment(&bytes, act),
            Reaction::Close(fault) => Err(fault),
        };
        if let Err(fault) = outcome {
            self.fail(fault, act);
        }
    }

    fn receive_text(
        &mut self,
        now: Timestamp,
        text: &str,
        act: &mut impl FnMut(Action<'_>),
    ) -> Result<(), Fault> {
        if self.incomplete.is_some() {
            return Err(AttachmentError::Missing.into());
        }
        let packet = Packet::decode(text, self.session.settings().max_attachments)?;
        let (name, query) = self.split_query(packet.namespace);
        match packet.kind {
            Kind::Connect { payload } => {
                let auth = match self.session.revision() {
                    Revision::Three => Cow::Owned(query::to_object(query)),
                    Revision::Four => Cow::Borrowed(payload.unwrap_or("{}")),
                };
                self.enter(name, auth, act)?;
                self.watch_namespaces(now);
            }
            Kind::Disconnect => {
                let (namespace, standing) = self.known(name)?;
                self.namespaces.set(namespace, Standing::Free);
                self.watch_namespaces(now);
                if standing == Standing::Entered {
                    act(Action::Leave { namespace });
                }
            }
            Kind::Event {
                event: Event { name: event, args },
                id: ack,
            } => {
                let (namespace, _) = self.known(name)?;
                self.say(namespace, Said::Event { name: event, ack }, args, act);
            }
            Kind::Ack { id: ack, args } => {
                let (namespace, _) = self.known(name)?;
                self.say(namespace, Said::Acknowledged { ack }, args, act);
            }
            Kind::BinaryEvent {
                attachments,
                event: Event { name: event, args },
                id: ack,
            } => self.collect(name, Said::Event { name: event, ack }, &args, attachments)?,
            Kind::BinaryAck {
                attachments,
                id: ack,
                args,
            } => self.collect(name, Said::Acknowledged { ack }, &args, attachments)?,
            Kind::ConnectError => return Err(Fault::Direction),
        }
        Ok(())
    }

    /// Passes on what a client has said in a namespace, unless it was put out of it meanwhile.
    fn say<'a>(
        &self,
        namespace: NamespaceIndex,
        said: Said<'a>,
        args: Args<'a>,
        act: &mut impl FnMut(Action<'_>),
    ) {
        if self.namespaces.standing(namespace) == Standing::Entered {
            act(said.with(namespace, args));
        }
    }

    /// The namespace without the query that clients of protocol 3 may append, and that query.
    fn split_query<'a>(&self, namespace: &'a str) -> (&'a str, &'a str) {
        match self.session.revision() {
            Revision::Three => namespace.split_once('?').unwrap_or((namespace, "")),
            Revision::Four => (namespace, ""),
        }
    }

    fn enter(
        &mut self,
        name: &str,
        auth: Cow<'_, str>,
        act: &mut impl FnMut(Action<'_>),
    ) -> Result<(), Fault> {
        if name.len() > NAMESPACE_BYTES_MAX {
            let revision = self.session.revision();
            let refused = encode::refused(revision, name, "Invalid namespace", None);
            act(Action::Send(refused));
            return Ok(());
        }
        match self.ask(name, auth, act) {
            Wish::Entered => Err(Fault::EnteredTwice),
            // A client that gives up and tries again at once is answered once for both.
            Wish::Asked(_) | Wish::Pending => Ok(()),
            Wish::Full => {
                let revision = self.session.revision();
                let refused = encode::refused(revision, name, "Too many namespaces", None);
                act(Action::Send(refused));
                Ok(())
            }
        }
    }

    pub(super) fn ask(
        &mut self,
        name: &str,
        auth: Cow<'_, str>,
        act: &mut impl FnMut(Action<'_>),
    ) -> Wish {
        let max = self.session.settings().max_namespaces;
        let wish = self.namespaces.ask(name, max);
        if let Wish::Asked(namespace) = wish {
            act(Action::Enter {
                namespace,
                name,
                auth,
            });
        }
        wish
    }

    /// The namespace that a packet is for: one that the client is in, or was put out of.
    fn known(&self, name: &str) -> Result<(NamespaceIndex, Standing), Fault> {
        match self.namespaces.find(name) {
            Some((namespace, standing @ (Standing::Entered | Standing::PutOut))) => {
                Ok((namespace, standing))
            }
            Some((_, Standing::Entering | Standing::Free)) | None => Err(Fault::NotEntered),
        }
    }

    fn collect(
        &mut self,
        namespace: &str,
        said: Said<'_>,
        args: &Args<'_>,
        attachments: usize,
    ) -> Result<(), Fault> {
        let (namespace, _) = self.known(namespace)?;
        let bytes_max = self.session.settings().max_payload;
        self.incomplete = Some(Box::new(Incomplete {
            namespace,
            said: said.into_owned(),
            reassembly: Reassembly::begin(args, attachments, bytes_max)?,
        }));
        Ok(())
    }

    fn receive_attachment(
        &mut self,
        attachment: &[u8],
        act: &mut impl FnMut(Action<'_>),
    ) -> Result<(), Fault> {
        let incomplete = self.incomplete.as_mut();
        let incomplete = incomplete.ok_or(AttachmentError::Unannounced)?;
        let Some(args) = incomplete.reassembly.receive(attachment)? else {
            return Ok(());
        };
        let Some(complete) = self.incomplete.take() else {
            return Ok(());
        };
        self.say(complete.namespace, complete.said, args, act);
        Ok(())
    }
}
