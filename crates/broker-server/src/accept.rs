//! Taking sockets from the public listener and handing them to shards.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_transport::{Accepted, Listener};

use crate::load::Loads;
use crate::mailbox::{Mail, Mailboxes};

/// How long nobody is accepted after it has failed, so that a process without file descriptors does not spin.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Accepts until its task is dropped; each socket goes to the shard with the fewest connections.
pub(crate) async fn run(
    listener: Listener,
    mailboxes: Mailboxes,
    loads: Loads,
    orders: Arc<AtomicU64>,
) {
    loop {
        let socket = next_socket(&listener).await;
        let Some(seat) = loads.take_seat() else {
            refuse(socket);
            continue;
        };
        let order = orders.fetch_add(1, Ordering::Relaxed);
        let shard = seat.shard();
        if mailboxes
            .send(
                shard,
                Mail::Socket {
                    socket,
                    order,
                    seat,
                },
            )
            .await
            .is_err()
        {
            return;
        }
    }
}

/// Waits for the next socket, however often accepting fails meanwhile.
pub(crate) async fn next_socket(listener: &Listener) -> Accepted {
    loop {
        match listener.accept().await {
            Ok(socket) => return socket,
            // That was one peer's doing, and the next one need not wait for it.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(event = "trouble", "no connection can be accepted: {error}");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

/// Says 503 to a socket beyond the limit, if it can be said without waiting.
fn refuse(socket: Accepted) {
    tracing::debug!(
        event = "refused",
        status = 503,
        "a connection beyond max_connections"
    );
    let _ = match socket {
        Accepted::Tcp(mut stream, _) => stream.write(FULL),
        Accepted::Unix(mut stream) => stream.write(FULL),
    };
}
