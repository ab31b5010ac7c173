//! The files that the settings of the backend name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use broker_backend::{Authorities, AuthoritiesError, Secret, SecretError};

use super::Backend;

const SECRET_FILE: &str = "backend.secret_file";
const CA: &str = "backend.ca";

/// The longest file that is read: a whole system's authorities are a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

impl Backend {
    /// What events are signed with: the secret itself, or that of `secret_file`,
    /// in which blanks and line breaks around it mean nothing.
    ///
    /// # Errors
    /// The file cannot be read, or holds no secret.
    pub fn load_secret(&self) -> Result<Option<Secret>, BackendFileError> {
        let Some(path) = &self.secret_file else {
            return Ok(self.secret.clone());
        };
        let bytes = read(SECRET_FILE, path)?;
        let text = String::from_utf8_lossy(&bytes);
        let secret = text
            .trim()
            .parse()
            .map_err(|error| BackendFileError::NoSecret(path.clone(), error))?;
        Ok(Some(secret))
    }

    /// The authorities of `ca`; `None` for those that the system trusts.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn load_authorities(&self) -> Result<Option<Authorities>, BackendFileError> {
        let Some(path) = &self.ca else {
            return Ok(None);
        };
        let authorities = Authorities::from_pem(&read(CA, path)?)
            .map_err(|error| BackendFileError::NoAuthority(path.clone(), error))?;
        Ok(Some(authorities))
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, BackendFileError> {
    let unreadable = |error| BackendFileError::Unreadable(key, path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(BackendFileError::TooLong(key, path.to_owned()));
    }
    Ok(bytes)
}

/// Why a file was of no use. Every kind names the key of the configuration
/// that it is about, and none shows what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum BackendFileError {
    /// It is missing, or may not be read.
    #[error("`{0}`: cannot read {path}: {2}", path = .1.display())]
    Unreadable(&'static str, PathBuf, #[source] io::Error),
    /// It is neither a secret nor a list of authorities.
    #[error("`{0}`: {path} is longer than {FILE_BYTES_MAX} bytes", path = .1.display())]
    TooLong(&'static str, PathBuf),
    /// What is in it is no secret.
    #[error("`{SECRET_FILE}`: {path}: {1}", path = .0.display())]
    NoSecret(PathBuf, #[source] SecretError),
    /// What is in it is no list of authorities.
    #[error("`{CA}`: {path}: {1}", path = .0.display())]
    NoAuthority(PathBuf, #[source] AuthoritiesError),
}

impl BackendFileError {
    /// The key of the configuration to look at.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Unreadable(key, ..) | Self::TooLong(key, _) => key,
            Self::NoSecret(..) => SECRET_FILE,
            Self::NoAuthority(..) => CA,
        }
    }
}
