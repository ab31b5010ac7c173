//! Who a server is: its certificate chain and the key that belongs to it.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// A certificate chain with its key, fit to be served. Sessions that were begun with one identity are not resumed with
/// another.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
}

/// Why there is no [`Identity`] in what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No PEM section is a certificate.
    #[error("there is no certificate in it (expected PEM: -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// No PEM section is a private key.
    #[error("there is no private key in it (expected PEM: PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    /// The key is locked with a passphrase, for which there is nobody to ask.
    #[error(
        "the private key is encrypted; store it without a passphrase, readable by the broker alone"
    )]
    EncryptedKey,
    /// The key cannot be read, or is of a kind that is not spoken.
    #[error("the private key cannot be used: {0}")]
    Key(String),
    /// They do not belong together.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

impl IdentityError {
    /// Whether the key is to blame, and not the certificate.
    #[must_use]
    pub fn is_about_key(&self) -> bool {
        match self {
            IdentityError::NoCertificate | IdentityError::Certificate(_) => false,
            IdentityError::NoKey
            | IdentityError::EncryptedKey
            | IdentityError::Key(_)
            | IdentityError::Mismatch => true,
        }
    }
}

impl Identity {
    /// Reads a chain, the server's own certificate first, and a key, both PEM (RFC 7468).
    ///
    /// # Errors
    /// When one of them cannot be used, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
        let provider = Arc::new(ring::default_provider());
        let chain = read_chain(chain)?;
        let key = provider
            .key_provider
            .load_private_key(read_key(key)?)
            .map_err(|error| IdentityError::Key(error.to_string()))?;
        let identity = CertifiedKey::new(chain, key);
        match identity.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => return Err(IdentityError::Mismatch),
            Err(error) => return Err(IdentityError::Certificate(error.to_string())),
        }
        Ok(Identity {
            config: Arc::new(config(identity, provider)),
        })
    }

    pub(super) fn into_acceptor(self) -> TlsAcceptor {
        self.config.into()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| IdentityError::Certificate(words(&error)))?;
    if chain.is_empty() {
        return Err(IdentityError::NoCertificate);
    }
    Ok(chain)
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, IdentityError> {
    // The two ways to lock a key: PKCS#8's own, and a header inside the older formats (RFC 1421 §4.6.1.1).
    let is_locked = |mark: &[u8]| pem.windows(mark.len()).any(|part| part == mark);
    if is_locked(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") || is_locked(b"Proc-Type: 4,ENCRYPTED") {
        return Err(IdentityError::EncryptedKey);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        if matches!(error, pem::Error::NoItemsFound) {
            return IdentityError::NoKey;
        }
        IdentityError::Key(words(&error))
    })
}

/// What is wrong with a PEM file; the library shows the offending line as numbers.
fn words(error: &pem::Error) -> String {
    if matches!(error, pem::Error::MissingSectionEnd { .. }) {
        return "a PEM section has no -----END line; is the file cut short?".to_owned();
    }
    if matches!(error, pem::Error::IllegalSectionStart { .. }) {
        return "a -----BEGIN line is malformed".to_owned();
    }
    error.to_string()
}

fn config(identity: CertifiedKey, provider: Arc<CryptoProvider>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .unwrap_or_else(|_| unreachable!("ring has cipher suites of both versions"))
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Clients that come back keep the state that resumes their session (RFC 5077), so that a reconnect storm is cheap and
    // nothing is kept here. Without randomness for the ticket's key they hold whole handshakes.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if let Ok(ticketer) = ring::Ticketer::new() {
        config.ticketer = ticketer;
    }
    config
}

#[cfg(test)]
mod tests;
