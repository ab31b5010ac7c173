//! What a client speaks, told by the first bytes that it sends.

use std::time::Duration;

use broker_transport::{Socket, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::counters::Rejected;
use crate::http2;
use crate::shard::Settings;

/// A TLS connection begins with a record of this type (RFC 8446 §5.1), and no HTTP request does.
const TLS_HANDSHAKE: u8 = 22;

const PLAIN_ON_TLS: &str = "this port speaks TLS: connect by https:// or wss://";
const TLS_ON_PLAIN: &str = "this port does not speak TLS: connect by http:// or ws://";

/// A client that has begun to speak.
#[derive(Debug)]
pub(crate) struct Greeted {
    /// What its requests come over.
    pub(crate) stream: Stream,
    /// Whether it speaks HTTP/2, and not HTTP/1.
    pub(crate) is_http2: bool,
    /// How much is left of the time for the head of its first request.
    pub(crate) left: Duration,
}

/// Waits for a client's first bytes, and holds the TLS handshake where one is due. None is a client that is done with:
/// it said nothing in time, or nothing that is spoken here.
pub(crate) async fn hear(socket: Socket, settings: &Settings) -> Option<Greeted> {
    let (limits, counters) = (&settings.config.limits, &settings.counters);
    let mut first = [0; http2::PREFACE.len()];
    // Of HTTP/2 over TLS the handshake tells.
    let is_told = |seen: &[u8]| settings.tls.is_some() || !http2::PREFACE.starts_with(seen);
    let heard = socket.peek(&mut first, |seen| !seen.is_empty() && is_told(seen));
    // Whoever connects and says nothing costs no more than the socket.
    let heard = timeout(limits.first_byte_timeout.duration(), heard).await;
    let first = match heard {
        Ok(Ok(len)) if len > 0 => &first[..len],
        Ok(_) => return None,
        Err(_) => {
            counters.count_rejected(Rejected::FirstByteTimeout);
            return None;
        }
    };
    let deadline = Instant::now() + limits.handshake_timeout.duration();
    let stream: Stream = match (&settings.tls, first[0] == TLS_HANDSHAKE) {
        (None, false) => socket.into(),
        (Some(tls), true) => match timeout_at(deadline, tls.accept(socket)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                counters.count_rejected(Rejected::NotHttp);
                tracing::debug!(event = "refused", "TLS handshake: {error}");
                return None;
            }
            Err(_) => {
                counters.count_rejected(Rejected::HandshakeTimeout);
                tracing::debug!(
                    event = "refused",
                    "TLS handshake: not done within handshake_timeout"
                );
                return None;
            }
        },
        (Some(_), false) => {
            tracing::info!(
                event = "refused",
                status = 400,
                "plain HTTP to the TLS port"
            );
            counters.count_rejected(Rejected::NotHttp);
            refuse(socket, PLAIN_ON_TLS, limits.close_timeout.duration()).await;
            return None;
        }
        (None, true) => {
            tracing::info!(
                event = "refused",
                status = 400,
                "a TLS hello to a port that does not speak TLS; tls.cert and tls.key are not set"
            );
            counters.count_rejected(Rejected::NotHttp);
            refuse(socket, TLS_ON_PLAIN, limits.close_timeout.duration()).await;
            return None;
        }
    };
    let is_http2 = first == http2::PREFACE || stream.agreed_protocol() == Some(b"h2");
    Some(Greeted {
        stream,
        is_http2,
        left: deadline.saturating_duration_since(Instant::now()),
    })
}

/// Answers and closes. What the client still sends is read and dropped for a while: closing over it would reset the
/// connection, and the reset could overtake the answer.
async fn refuse(mut socket: Socket, reason: &str, patience: Duration) {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    let polite = async {
        socket.write_all(answer.as_bytes()).await?;
        socket.shutdown().await?;
        let mut unwanted = [0; 1024];
        while socket.read(&mut unwanted).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whoever takes longer, or has gone, has had its time.
    let _ = timeout(patience, polite).await;
}
