//! The files that the settings of the backend name.

use std::path::PathBuf;

use broker_backend::{Authorities, AuthoritiesError, Secret, SecretError};

use super::Backend;
use crate::config::file::{self, FileError};

const SECRET_FILE: &str = "backend.secret_file";
const CA: &str = "backend.ca";

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
        let bytes = file::read(SECRET_FILE, path)?;
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
        let authorities = Authorities::from_pem(&file::read(CA, path)?)
            .map_err(|error| BackendFileError::NoAuthority(path.clone(), error))?;
        Ok(Some(authorities))
    }
}

/// Why a file was of no use. Every kind names the key of the configuration
/// that it is about, and none shows what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum BackendFileError {
    /// It could not be read.
    #[error(transparent)]
    File(#[from] FileError),
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
            Self::File(error) => error.key(),
            Self::NoSecret(..) => SECRET_FILE,
            Self::NoAuthority(..) => CA,
        }
    }
}
