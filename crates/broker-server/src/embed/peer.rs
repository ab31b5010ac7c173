//! Where a request of an application's own server comes from.

use std::net::{IpAddr, SocketAddr};

use http::Extensions;
use http::request::Parts;

use crate::forwarded::Caller;
use crate::handle::Handle;
use crate::polling;
use crate::shard::{ClientPeer, NotAdmitted};

/// Who is at the other end of the connection that a request came by. The application puts it into the extensions of the
/// request, since a request itself does not say.
///
/// It becomes the `ip` of the session info, counts for `max_connections_per_ip`, and decides who may give commands
/// (`access.allow`). The address of a proxy in `access.trusted_proxies` has the proxy believed when it names the client
/// by `X-Forwarded-For` or `Forwarded`; an application that finds out its client's address by itself gives that.
///
/// Without it `ip` is `unknown`, no proxy is believed, and commands need a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A TCP peer, or a client whose address the application knows.
    Ip(IpAddr),
    /// Whoever comes by a Unix socket, which is allowed and trusted.
    Unix,
}

impl From<IpAddr> for Peer {
    fn from(ip: IpAddr) -> Peer {
        Peer::Ip(ip)
    }
}

impl From<SocketAddr> for Peer {
    fn from(addr: SocketAddr) -> Peer {
        Peer::Ip(addr.ip())
    }
}

impl Handle {
    /// The shard for a request, and a place there for the session that it begins. One that names a session begins none and belongs
    /// where that is; who else the client is its shard finds out, so that it is counted there.
    pub(super) fn place_for(
        &self,
        request: &Parts,
    ) -> Result<(usize, Option<ClientPeer>), NotAdmitted> {
        if let Some(shard) = polling::shard_named(&self.running.settings, request) {
            return Ok((usize::from(shard), None));
        }
        let seat = self.running.loads.take_seat(None);
        let seat = seat.map_err(NotAdmitted::Full)?;
        let caller = caller_of(&request.extensions);
        Ok((seat.shard(), Some(ClientPeer { caller, seat })))
    }
}

/// The peer that a request's extensions name, as the doors see it.
pub(super) fn caller_of(extensions: &Extensions) -> Caller {
    match extensions.get::<Peer>() {
        Some(Peer::Ip(ip)) => Caller::Peer(Some(ip.to_canonical())),
        Some(Peer::Unix) => Caller::Peer(None),
        None => Caller::Unknown,
    }
}
