//! A WebSocket that is to take over from polls, on its way to the shard of the session.
//!
//! The client probes it first: it sends a ping and waits for the pong, has its poll answered, and then says that it goes over.

use std::rc::Rc;

use broker_core::SessionId;
use broker_dialect::Incoming;
use broker_transport::bridge::{BridgeReader, BridgeWriter, bridge};
use broker_transport::ws::{Event, Window, encode};
use broker_transport::{Accepted, Flushed, Outbound, Reader, Stream, Writer};
use bytes::Bytes;
use tokio::task::spawn_local;

use crate::mailbox::Mail;
use crate::shard::{Probed, Shard, read_some};

/// How much is read at once of a WebSocket that is only probed.
const PROBE_BYTES: usize = 1024;

/// A WebSocket whose handshake was answered.
#[derive(Debug)]
pub(crate) struct Takeover {
    sid: SessionId,
    carried: Carried,
    early: Bytes,
    window: Option<Window>,
}

/// A connection that can go to another thread.
#[derive(Debug)]
enum Carried {
    Socket(Accepted),
    /// Two directions of a stream that stays where it is.
    Bridged(BridgeReader, BridgeWriter),
}

/// Brings a WebSocket to the session that it names.
pub(super) async fn bring(
    shard: Rc<Shard>,
    sid: SessionId,
    stream: Stream,
    early: Bytes,
    window: Option<Window>,
) {
    let to = usize::from(sid.shard());
    if sid.shard() == shard.number() {
        return run(shard, sid, stream.split(), early, window).await;
    }
    let settings = shard.settings.clone();
    let takeover = |carried| {
        Mail::Takeover(Box::new(Takeover {
            sid,
            carried,
            early,
            window,
        }))
    };
    match stream.detach() {
        Ok(Ok(socket)) => {
            // Without that shard there is nothing to take over.
            let _ = shard
                .mailboxes
                .send(to, takeover(Carried::Socket(socket)))
                .await;
        }
        Ok(Err(error)) => {
            tracing::debug!(event = "trouble", "a client has gone: {error}");
        }
        Err(stream) => {
            let (reader, writer, carrier) = bridge();
            let mail = takeover(Carried::Bridged(reader, writer));
            if shard.mailboxes.send(to, mail).await.is_ok() {
                let close_timeout = settings.close_timeout();
                carrier
                    .carry(stream, settings.write_timeout, close_timeout)
                    .await;
            }
        }
    }
}

impl Takeover {
    /// Serves the WebSocket, on the shard of its session.
    pub(crate) async fn settle(self: Box<Self>, shard: Rc<Shard>) {
        let Takeover {
            sid,
            carried,
            early,
            window,
        } = *self;
        let directions = match carried {
            Carried::Socket(socket) => match socket.into_socket() {
                Ok(socket) => Stream::from(socket).split(),
                Err(error) => {
                    tracing::warn!(event = "trouble", "a new connection was lost: {error}");
                    return;
                }
            },
            Carried::Bridged(reader, writer) => (Reader::Bridged(reader), Writer::Bridged(writer)),
        };
        run(shard, sid, directions, early, window).await;
    }
}

/// Serves a WebSocket until it has taken over, or is of no use.
pub(super) async fn run(
    shard: Rc<Shard>,
    sid: SessionId,
    (reader, writer): (Reader, Writer),
    early: Bytes,
    window: Option<Window>,
) {
    let Some(session) = shard.begin_upgrade(sid) else {
        return;
    };
    let probing = spawn_local({
        let shard = shard.clone();
        async move {
            let took_over = probe(&shard, session, reader, writer, early, window).await;
            if !took_over {
                shard.abandon_upgrade(session);
            }
        }
    });
    shard.probe_with(session, probing.abort_handle());
}

async fn probe(
    shard: &Rc<Shard>,
    session: broker_core::SessionHandle,
    mut reader: Reader,
    writer: Writer,
    early: Bytes,
    window: Option<Window>,
) -> bool {
    let Some(mut websocket) = shard.new_websocket(session, window) else {
        return false;
    };
    let mut outbound = Outbound::default();
    let mut arrived = early.to_vec();
    loop {
        let mut bytes = &mut arrived[..];
        let mut has_upgraded = false;
        while !has_upgraded {
            let verdict = shard.receive_of(&mut websocket, &mut bytes, |event| match event {
                Event::Text(text) => Heard::Message(text.as_bytes().to_vec(), false),
                Event::Binary(payload) => Heard::Message(payload.to_vec(), true),
                Event::Ping(payload) => Heard::Answer(encode::pong(&payload)),
                Event::Pong(_) => Heard::Nothing,
                Event::Closed { .. } | Event::Failed { .. } => Heard::End,
            });
            let probed = match verdict {
                None => break,
                Some(Heard::Nothing) => continue,
                Some(Heard::End) => return false,
                Some(Heard::Answer(frame)) => {
                    outbound.push_control(frame);
                    continue;
                }
                Some(Heard::Message(message, true)) => {
                    shard.probe(session, Incoming::Binary(&message))
                }
                Some(Heard::Message(message, false)) => {
                    let text = String::from_utf8_lossy(&message);
                    shard.probe(session, Incoming::Text(&text))
                }
            };
            match probed {
                Probed::Answer(control) => outbound.push_control(Probed::frame(control)),
                Probed::Abandon => return false,
                Probed::Upgraded => has_upgraded = true,
            }
        }
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
        match read_some(&mut reader, &mut arrived).await {
            Ok(0) | Err(_) => return false,
            Ok(len) => arrived.truncate(len),
        }
    }
}

/// What a WebSocket says that is only probed.
enum Heard {
    Message(Vec<u8>, bool),
    Answer(Bytes),
    Nothing,
    End,
}
