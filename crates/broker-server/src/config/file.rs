//! Reading the files that keys of the configuration name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest file that is read: a whole system's authorities are a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What is in the file that `key` names.
pub(super) fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |error| FileError::Unreadable(key, path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLong(key, path.to_owned()));
    }
    Ok(bytes)
}

/// Why a file could not be read. Each kind names the key of the configuration first.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is missing, or may not be read.
    #[error("`{0}`: cannot read {path}: {2}", path = .1.display())]
    Unreadable(&'static str, PathBuf, #[source] io::Error),
    /// It is nothing that this key can mean.
    #[error("`{0}`: {path} is longer than {FILE_BYTES_MAX} bytes", path = .1.display())]
    TooLong(&'static str, PathBuf),
}

impl FileError {
    /// The key of the configuration to look at.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Unreadable(key, ..) | Self::TooLong(key, _) => key,
        }
    }
}
