//! HTTP/2 on the public port (RFC 9113): each WebSocket is a stream (RFC 8441), and a connection of its own for limits.
//!
//! The streams of one connection share its socket and its task, which lives on the shard of all of them. A connection
//! without a stream has as much time as the head of a request; a stream has the limits of whatever it carries.

mod exchange;

use std::rc::Rc;
use std::time::Duration;

use broker_transport::http2::{BYTES_PER_WRITE, Census};
use broker_transport::{Patient, Stream};
use bytes::Bytes;
use h2::Reason;
use h2::server::{Builder, Connection};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::config::{Limits, TimeSpan};
use crate::shard::{ClientPeer, Shard};

/// What a client of HTTP/2 begins with (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How many streams a connection may have at once.
const MAX_STREAMS: u32 = 100;

/// How much of a stream a client may send before it is read, in bytes.
const STREAM_WINDOW: u32 = 32 * 1024;

/// How many streams a client may reset within [`RESETS_WINDOW`]. To open and reset them is cheap for a client, and work
/// for the application behind the broker.
const MAX_RESETS: u32 = 100;
const RESETS_WINDOW: Duration = Duration::from_secs(30);

/// How many streams may be refused for faults of the client, and how many it may reset before we have seen them.
const MAX_REFUSED: usize = 100;
const MAX_RESETS_UNSEEN: usize = 20;

/// A connection whose streams are clients each.
#[derive(Debug)]
struct Client {
    shard: Rc<Shard>,
    peer: ClientPeer,
}

/// Serves a connection until it ends; `left` is the time for its first request.
pub(crate) async fn serve(shard: Rc<Shard>, stream: Stream, peer: ClientPeer, left: Duration) {
    let limits = &shard.settings.config.limits;
    let deadline = Instant::now() + left;
    let stream = Patient::new(stream, limits.write_timeout.map(TimeSpan::duration));
    let connection = match timeout_at(deadline, builder(limits).handshake(stream)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return ended_early(&error),
        Err(_) => return,
    };
    let client = Client {
        shard: shard.clone(),
        peer,
    };
    let _shared = shard.share_socket();
    if let Err(error) = attend(connection, Rc::new(client), deadline).await {
        ended_early(&error);
    }
}

fn ended_early(error: &h2::Error) {
    tracing::debug!(
        event = "trouble",
        "an HTTP/2 connection ended early: {error}"
    );
}

/// HTTP/2 with every limit that it has.
fn builder(limits: &Limits) -> Builder {
    let max_header = u32::try_from(limits.max_header.bytes()).unwrap_or(u32::MAX);
    let mut builder = Builder::new();
    builder
        .enable_connect_protocol()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW)
        // A stream that is not read must not hold up the others.
        .initial_connection_window_size(MAX_STREAMS * STREAM_WINDOW)
        .max_header_list_size(max_header)
        .max_send_buffer_size(BYTES_PER_WRITE)
        .max_local_error_reset_streams(Some(MAX_REFUSED))
        .max_pending_accept_reset_streams(MAX_RESETS_UNSEEN);
    builder
}

/// Takes requests, each of which is answered by a task of its own.
async fn attend(
    mut connection: Connection<Patient<Stream>, Bytes>,
    client: Rc<Client>,
    deadline: Instant,
) -> Result<(), h2::Error> {
    let limits = &client.shard.settings.config.limits;
    let census = Census::default();
    let mut quiet_until = deadline;
    let mut resets_since = Instant::now();
    let mut is_ending = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(accepted) = accepted else {
                    return Ok(());
                };
                let (request, respond) = accepted?;
                if resets_since.elapsed() > RESETS_WINDOW {
                    resets_since = Instant::now();
                    census.forget_resets();
                }
                if census.resets() > MAX_RESETS {
                    tracing::debug!(event = "refused", "an HTTP/2 connection: it resets too many streams");
                    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    is_ending = true;
                    continue;
                }
                spawn_local(exchange::run(client.clone(), request, respond, census.enter()));
            }
            () = census.deserted() => {
                let patience = if is_ending { limits.close_timeout } else { limits.handshake_timeout };
                quiet_until = Instant::now() + patience.duration();
            }
            () = sleep_until(quiet_until), if census.is_deserted() => {
                if is_ending {
                    // It was told to go, and has had its time.
                    return Ok(());
                }
                connection.graceful_shutdown();
                is_ending = true;
                quiet_until = Instant::now() + limits.close_timeout.duration();
            }
            () = client.shard.draining(), if !is_ending => {
                connection.graceful_shutdown();
                is_ending = true;
                quiet_until = Instant::now() + limits.close_timeout.duration();
            }
        }
    }
}
