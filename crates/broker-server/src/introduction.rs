//! The PROXY protocol on the public listener: who is at the other end of a socket, by the word of a trusted proxy.

use std::net::IpAddr;
use std::sync::Once;

use broker_transport::Socket;
use broker_transport::proxy_protocol::{HeaderError, Introduction, take_header};
use tokio::time::timeout;

use crate::config::Config;
use crate::counters::Rejected;
use crate::forwarded::Caller;
use crate::shard::{ClientPeer, Settings};

/// Why a connection that has to begin with a header is given up.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} is no trusted proxy, which proxy_protocol asks for")]
    Stranger(IpAddr),
    #[error("the PROXY protocol header did not arrive within first_byte_timeout")]
    TooSlow,
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl Refusal {
    fn counted(&self) -> Rejected {
        match self {
            Refusal::Stranger(_) => Rejected::NoProxy,
            Refusal::TooSlow => Rejected::FirstByteTimeout,
            Refusal::Header(_) => Rejected::NotHttp,
        }
    }
}

/// Where `listen.proxy_protocol` is on, takes the header out of the socket; nothing if the connection is refused.
pub(crate) async fn of(
    settings: &Settings,
    socket: &Socket,
    peer: ClientPeer,
) -> Option<ClientPeer> {
    let config = &settings.config;
    if !config.listen.proxy_protocol {
        return Some(peer);
    }
    match introduce(config, socket, peer.caller).await {
        Ok(caller) => Some(ClientPeer { caller, ..peer }),
        Err(refusal) => {
            // No answer: nobody has said yet which protocol would be understood.
            settings.counters.count_rejected(refusal.counted());
            tracing::debug!(event = "refused", "a connection: {refusal}");
            if let Refusal::Stranger(ip) = refusal {
                suggest_trust(ip);
            }
            None
        }
    }
}

async fn introduce(config: &Config, socket: &Socket, caller: Caller) -> Result<Caller, Refusal> {
    let proxy = caller.ip();
    if let Some(ip) = proxy
        && !config.access.trusts(ip)
    {
        return Err(Refusal::Stranger(ip));
    }
    let limit = config.limits.first_byte_timeout.duration();
    let header = timeout(limit, take_header(socket));
    Ok(match header.await.map_err(|_| Refusal::TooSlow)?? {
        Introduction::Client(ip) => Caller::Named(ip),
        Introduction::Nobody => Caller::Unnamed(proxy),
    })
}

/// Says, once in the life of the process, why nobody comes in who connects directly.
fn suggest_trust(stranger: IpAddr) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            event = "trouble",
            ip = %stranger,
            "with proxy_protocol, a connection from an address that is no trusted proxy is refused; \
             if it is your proxy, add to [access]: trusted_proxies = [\"{stranger}\"]"
        );
    });
}
