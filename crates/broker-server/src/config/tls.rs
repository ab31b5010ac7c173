//! The certificate of the public listener.

use std::path::PathBuf;

use broker_transport::tls::{Identity, IdentityError};
use serde::Deserialize;

use super::file::{self, FileError};

/// The certificate of the public listener. With it the listener speaks TLS and
/// nothing else; the admin listener never does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tls {
    /// A PEM file: the server's certificate, then those that lead to its root.
    pub cert: Option<PathBuf>,
    /// A PEM file: the private key, in PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: Option<PathBuf>,
}

impl Tls {
    /// Reads the files; `None` where the listener does not speak TLS.
    ///
    /// # Errors
    /// One of the two is not set, cannot be read or cannot be used.
    pub fn load(&self) -> Result<Option<Identity>, CertificateError> {
        let (cert, key) = match (&self.cert, &self.key) {
            (None, None) => return Ok(None),
            (Some(cert), Some(key)) => (cert, key),
            (Some(_), None) => return Err(CertificateError::Missing("tls.key")),
            (None, Some(_)) => return Err(CertificateError::Missing("tls.cert")),
        };
        let chain = file::read(CERT, cert)?;
        let private = file::read(KEY, key)?;
        Identity::from_pem(&chain, &private)
            .map(Some)
            .map_err(|error| match error.is_about_key() {
                true => CertificateError::Unusable(KEY, key.clone(), error),
                false => CertificateError::Unusable(CERT, cert.clone(), error),
            })
    }
}

const CERT: &str = "tls.cert";
const KEY: &str = "tls.key";

/// Why there is no certificate to be served. Every kind names the key of the
/// configuration that it is about.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// One of the two is set, this one is not.
    #[error("`{0}` is not set; a certificate and its key need each other")]
    Missing(&'static str),
    /// One of the files could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// What is in the file is of no use.
    #[error("`{0}`: {path}: {2}", path = .1.display())]
    Unusable(&'static str, PathBuf, #[source] IdentityError),
}

impl CertificateError {
    /// The key of the configuration to look at: `tls.cert` or `tls.key`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            // Whoever set the other one is told at that place.
            Self::Missing(KEY) => CERT,
            Self::Missing(_) => KEY,
            Self::File(error) => error.key(),
            Self::Unusable(key, ..) => key,
        }
    }
}
