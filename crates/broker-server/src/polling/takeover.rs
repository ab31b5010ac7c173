//! A WebSocket that is to take over from polls, on its way to the shard of the session.
//!
//! The client probes it first: it sends a ping and waits for the pong, has its poll answered, and then says that it goes over.

use std::rc::Rc;

use broker_core::{SessionHandle, SessionId};
use broker_transport::bridge::bridge;
use broker_transport::ws::Window;
use broker_transport::{Flushed, Outbound, Reader, Stream, Writer};
use bytes::Bytes;
use tokio::task::spawn_local;

use crate::handover::Handover;
use crate::mailbox::Mail;
use crate::shard::{Probed, Shard};

/// How much is read at once of a WebSocket that is only probed.
const PROBE_BYTES: usize = 1024;

/// A WebSocket that is to take over, whose handshake was answered.
#[derive(Debug)]
pub(crate) struct Takeover {
    /// The session that it names.
    pub(crate) sid: SessionId,
    /// What was read of it beyond the handshake.
    pub(crate) early: Bytes,
    /// Of the compression that was agreed on.
    pub(crate) window: Option<Window>,
}

impl Takeover {
    /// Brings it to the shard of its session.
    pub(crate) async fn bring(self, shard: &Rc<Shard>, stream: Stream) {
        let to = self.sid.shard();
        if to == shard.number() {
            return self.run(shard, stream.split());
        }
        let send = |handover| {
            let mail = Mail::Takeover(Box::new(self), handover);
            shard.mailboxes.send(usize::from(to), mail)
        };
        match stream.detach() {
            Ok(Ok(socket)) => {
                // Without that shard there is nothing to take over.
                let _ = send(Handover::Socket(socket)).await;
            }
            Ok(Err(error)) => {
                tracing::debug!(event = "trouble", "a client has gone: {error}");
            }
            Err(stream) => {
                let (reader, writer, carrier) = bridge();
                if send(Handover::Bridged(reader, writer)).await.is_ok() {
                    let settings = &shard.settings;
                    let close_timeout = settings.close_timeout();
                    carrier
                        .carry(stream, settings.write_timeout, close_timeout)
                        .await;
                }
            }
        }
    }

    /// Goes on with it where it was brought.
    pub(crate) async fn settle(self: Box<Self>, shard: Rc<Shard>, connection: Handover) {
        if let Some(directions) = connection.split() {
            self.run(&shard, directions);
        }
    }

    /// Has it served, on the shard of its session, until it has taken over or is of no use.
    pub(crate) fn run(self, shard: &Rc<Shard>, directions: (Reader, Writer)) {
        let Some(session) = shard.begin_upgrade(self.sid) else {
            return;
        };
        let probing = spawn_local({
            let shard = shard.clone();
            async move {
                let took_over = self.probe(&shard, session, directions).await;
                if !took_over {
                    shard.abandon_upgrade(session);
                }
            }
        });
        shard.probe_with(session, probing.abort_handle());
    }

    /// Answers what its client says to try it; says whether it has taken over.
    async fn probe(
        self,
        shard: &Rc<Shard>,
        session: SessionHandle,
        (mut reader, writer): (Reader, Writer),
    ) -> bool {
        let Some(mut websocket) = shard.new_websocket(session, self.window) else {
            return false;
        };
        let mut arrived = self.early.to_vec();
        let mut outbound = Outbound::default();
        loop {
            let mut bytes = &mut arrived[..];
            let probed = shard.probe(session, &mut websocket, &mut bytes, &mut outbound);
            if probed == Probed::OfNoUse {
                return false;
            }
            let has_upgraded = probed == Probed::Upgraded;
            let rest = bytes.to_vec();
            while let Ok(Flushed::Blocked) = outbound.flush(&writer) {
                if writer.writable().await.is_err() {
                    if has_upgraded {
                        shard.lose_client(session, "its WebSocket was cut off as it took over");
                    }
                    return false;
                }
            }
            if has_upgraded {
                shard.take_over(session, websocket, (reader, writer), rest);
                return true;
            }
            arrived.resize(PROBE_BYTES, 0);
            match reader.read(&mut arrived).await {
                Ok(0) | Err(_) => return false,
                Ok(len) => arrived.truncate(len),
            }
        }
    }
}
