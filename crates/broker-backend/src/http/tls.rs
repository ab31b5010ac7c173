//! TLS to the application, by rustls: versions 1.3 (RFC 8446) and 1.2 (RFC 5246), and what of its certificate is believed.
//!
//! **Never here:** connections without a check of the certificate, certificates of our own, early data (it can be
//! replayed).

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// The certificate authorities of whose certificates an application has to have one.
#[derive(Clone)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
}

/// Why there are no [`Authorities`] in what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// No PEM section is a certificate.
    #[error("there is no certificate in it (expected PEM: -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("a certificate in it cannot be read: {0}")]
    Certificate(String),
}

impl Authorities {
    /// Those whose certificates stand in this text and no others, PEM (RFC 7468).
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Authorities, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let unreadable = |error: &dyn Error| AuthoritiesError::Certificate(error.to_string());
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
        if roots.is_empty() {
            return Err(AuthoritiesError::NoCertificate);
        }
        Ok(Authorities {
            roots: Arc::new(roots),
        })
    }

    /// Those that the system trusts. One that cannot be read is left out, as everybody does: systems have some that are
    /// odd, and the application's is hardly among them.
    fn of_system() -> Authorities {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Authorities {
            roots: Arc::new(roots),
        }
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.roots.len();
        f.debug_struct("Authorities")
            .field("count", &count)
            .finish()
    }
}

/// Holds TLS handshakes with the application; shards share what resumes a session.
#[derive(Clone)]
pub(super) struct TlsClient {
    connector: TlsConnector,
    /// What to do about a certificate that nobody vouches for.
    advice: &'static str,
}

impl TlsClient {
    /// Trusts these authorities; those of the system, if none are given.
    pub(super) fn new(authorities: Option<&Authorities>) -> TlsClient {
        let advice = match authorities {
            Some(_) => "it is none of those in backend.ca",
            None => "if the authority is your own, name its certificate in backend.ca",
        };
        let authorities = authorities.map_or_else(Authorities::of_system, Authorities::clone);
        let advice = match authorities.roots.is_empty() {
            true => "this machine trusts none at all: install ca-certificates or set backend.ca",
            false => advice,
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .unwrap_or_else(|_| unreachable!("ring has cipher suites of both versions"))
            .with_root_certificates(authorities.roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsClient {
            connector: Arc::new(config).into(),
            advice,
        }
    }

    /// Holds the handshake with whoever is to prove that this is its name.
    pub(super) async fn connect(
        &self,
        name: ServerName<'static>,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let stream = self.connector.connect(name, stream).await;
        stream.map_err(|error| HandshakeError(self.explained(&error)))
    }

    fn explained(&self, error: &io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            // The latter where another authority of the same name has signed it.
            Some(rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => format!(
                "its certificate is from no authority that is trusted; {}",
                self.advice
            ),
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
                if other.to_string().contains("CaUsedAsEndEntity") =>
            {
                "its certificate is an authority's own; a server needs one without CA:TRUE"
                    .to_owned()
            }
            Some(rustls::Error::InvalidCertificate(error)) => {
                format!("its certificate is refused: {error}")
            }
            Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS there".to_owned(),
            Some(error) => error.to_string(),
            None => error.to_string(),
        }
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").finish_non_exhaustive()
    }
}

/// No TLS connection came about.
#[derive(Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub(super) struct HandshakeError(String);
