//! The certificate of the public listener.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use broker_transport::tls::{Identity, IdentityError};
use serde::Deserialize;

/// The certificate of the public listener. With it the listener speaks TLS and
/// nothing else; the admin listener never does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
        let chain = read(CERT, cert)?;
        let private = read(KEY, key)?;
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

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |error| CertificateError::Unreadable(name, path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CertificateError::TooLong(name, path.to_owned()));
    }
    Ok(bytes)
}

/// Why there is no certificate to be served. Every kind names the key of the
/// configuration that it is about.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// One of the two is set, this one is not.
    #[error("`{0}` is not set; a certificate and its key need each other")]
    Missing(&'static str),
    /// The file is missing, or may not be read.
    #[error("`{0}`: cannot read {path}: {2}", path = .1.display())]
    Unreadable(&'static str, PathBuf, #[source] io::Error),
    /// It is no certificate and no key.
    #[error("`{0}`: {path} is longer than {FILE_BYTES_MAX} bytes", path = .1.display())]
    TooLong(&'static str, PathBuf),
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
            Self::Unreadable(key, ..) | Self::TooLong(key, _) | Self::Unusable(key, ..) => key,
        }
    }
}
