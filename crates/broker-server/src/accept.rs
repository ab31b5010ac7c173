//! Taking sockets from the public listener and handing them to shards.

mod acceptor;

use std::net::IpAddr;
use std::sync::Arc;

use broker_transport::Listener;

use crate::config::Config;
use crate::load::Loads;
use crate::mailbox::{Mail, Mailboxes};
use crate::shard::Settings;

pub(crate) use self::acceptor::Acceptor;

/// Accepts until its task is dropped; each socket goes to the shard with the fewest connections.
pub(crate) async fn run(
    listener: Listener,
    settings: Arc<Settings>,
    mailboxes: Mailboxes,
    loads: Loads,
) {
    let mut acceptor = Acceptor::new(listener, settings.tls.is_some());
    loop {
        let socket = acceptor.next().await;
        let client = socket
            .peer()
            .filter(|ip| speaks_for_itself(*ip, &settings.config));
        let seat = match loads.admit_socket(client) {
            Ok(seat) => seat,
            Err(full) => {
                tracing::debug!(
                    event = "refused",
                    status = 503,
                    "a connection: {}",
                    full.reason()
                );
                settings.counters.count_rejected(full.counted());
                acceptor.refuse(socket);
                continue;
            }
        };
        let shard = seat.shard();
        let mail = Mail::Socket { socket, seat };
        if mailboxes.send(shard, mail).await.is_err() {
            return;
        }
    }
}

/// Whether a peer is the client itself: it is no proxy that will name one.
fn speaks_for_itself(peer: IpAddr, config: &Config) -> bool {
    !config.listen.proxy_protocol && !config.access.trusts(peer)
}
