//! TLS on accepted sockets, by rustls: versions 1.3 (RFC 8446) and 1.2 (RFC 5246).
//!
//! [`Identity`] is a certificate with its key. [`Tls`] holds the current one and accepts connections with it; replacing it
//! touches no connection that is open. While HTTP is spoken a TLS connection is an ordinary stream. From then on it
//! belongs to one thread, in its two directions [`TlsReader`] and [`TlsWriter`]: whoever writes, encrypts and writes at
//! once.
//!
//! **Never here:** client certificates, which certificate a server name gets, early data (it can be replayed).

mod identity;
mod session;

use std::io;
use std::sync::{PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;

pub use self::identity::{Identity, IdentityError};
pub(crate) use self::session::split;
pub use self::session::{TlsReader, TlsWriter};
use crate::stream::{Socket, Stream};

/// Accepts TLS connections with the current identity.
pub struct Tls {
    current: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Begins with this identity.
    #[must_use]
    pub fn new(identity: Identity) -> Tls {
        Tls {
            current: RwLock::new(identity.into_acceptor()),
        }
    }

    /// Has new connections get another identity; those that are open live on.
    pub fn replace(&self, identity: Identity) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = identity.into_acceptor();
    }

    /// Holds the TLS handshake. How long it may take is the caller's to limit; how much may be sent, rustls limits.
    ///
    /// # Errors
    /// When it fails; the peer has been told why, as far as TLS has a word for it.
    pub async fn accept(&self, socket: Socket) -> io::Result<Stream> {
        let current = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let stream = current.accept(socket).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
