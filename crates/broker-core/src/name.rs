//! Names that clients give themselves, by which others reach them.

use std::sync::Arc;

use crate::{form, json};

/// How long a name may be, in bytes of its string form.
pub const NAME_BYTES_MAX: usize = 1024;

/// How long it may be as it is given, in bytes of JSON: room for escapes, and for what its string form does not show.
pub const GIVEN_BYTES_MAX: usize = 8 * NAME_BYTES_MAX;

/// How many names one session may hold.
pub const NAMES_MAX: usize = 1024;

/// How much they may hold in all, in bytes: the string forms, and the names as they were given.
pub const NAMES_BYTES_MAX: usize = 64 << 10;

/// How deep in other JSON a name stands at most, such as in the session infos of a listing: everybody is to be able to read
/// that too.
const SHOWN_DEPTH: usize = 8;

/// A name as it was given, any JSON value but a falsy one, and the JavaScript string form by which it is found: `5` and
/// `"5"` are the same name. Upper and lower case differ, and no name stands for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    form: Box<str>,
    given: Arc<str>,
}

/// Why a value is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The value is absent, `null`, `false`, `0` or an empty string.
    #[error("a name may not be empty")]
    Empty,
    /// The string form is longer than [`NAME_BYTES_MAX`], or the value than [`GIVEN_BYTES_MAX`].
    #[error("a name may have at most {NAME_BYTES_MAX} bytes, and {GIVEN_BYTES_MAX} as JSON")]
    TooLong,
    /// The value is JSON, but not such as everybody can read ([`json::check`]), or is nested too deep to be shown as such.
    #[error("a name must be JSON that everybody can read")]
    Unreadable,
}

/// Why a session cannot hold one more name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// It would hold more than [`NAMES_MAX`] names, or than [`NAMES_BYTES_MAX`] bytes of them.
    #[error("a connection may hold at most {NAMES_MAX} names, and {NAMES_BYTES_MAX} bytes of them")]
    TooMany,
    /// The session info, which shows the last name as `id`, has no room for it.
    #[error("{0}")]
    NoRoom(#[from] crate::session::InfoTooLarge),
}

impl Name {
    /// Reads a name from a JSON value.
    ///
    /// # Errors
    /// When it is falsy, too long, or not such as everybody can read.
    pub fn read(value: &str) -> Result<Name, NameError> {
        if form::is_falsy(value) {
            return Err(NameError::Empty);
        }
        if value.len() > GIVEN_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        let shown = format!(
            "{}{value}{}",
            "[".repeat(SHOWN_DEPTH),
            "]".repeat(SHOWN_DEPTH)
        );
        json::check(shown.as_bytes()).map_err(|_| NameError::Unreadable)?;
        let form = form::js_string(value);
        if form.len() > NAME_BYTES_MAX {
            return Err(NameError::TooLong);
        }
        Ok(Name {
            form: form.into(),
            given: value.into(),
        })
    }

    /// What it holds, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.form.len() + self.given.len()
    }

    /// The string form, by which it is found.
    #[must_use]
    pub fn form(&self) -> &str {
        &self.form
    }

    /// The JSON value that was given.
    #[must_use]
    pub fn given(&self) -> &Arc<str> {
        &self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_string_form_and_shown_as_it_was_given() {
        for (value, form) in [
            ("\"ann\"", "ann"),
            ("5", "5"),
            ("\"5\"", "5"),
            ("\"*\"", "*"),
            ("true", "true"),
            ("[1,2]", "1,2"),
        ] {
            let name = Name::read(value).unwrap();
            assert_eq!((name.form(), &**name.given()), (form, value));
        }
    }

    #[test]
    fn what_is_falsy_or_too_long_is_no_name() {
        for value in ["\"\"", "0", "null", "false"] {
            assert_eq!(Name::read(value), Err(NameError::Empty), "{value}");
        }
        let longest = format!("\"{}\"", "x".repeat(NAME_BYTES_MAX));
        assert!(Name::read(&longest).is_ok());
        let longer = format!("\"{}\"", "x".repeat(NAME_BYTES_MAX + 1));
        assert_eq!(Name::read(&longer), Err(NameError::TooLong));
        // Six bytes as JSON for each of its own.
        let longest = format!("\"{}\"", "\\u0001".repeat(NAME_BYTES_MAX));
        assert!(Name::read(&longest).is_ok());
        let object = |bytes| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        assert!(Name::read(&object(GIVEN_BYTES_MAX)).is_ok());
        let longer = object(GIVEN_BYTES_MAX + 1);
        assert_eq!(Name::read(&longer), Err(NameError::TooLong));
    }

    #[test]
    fn what_not_everybody_can_read_is_no_name() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for value in [r#""\ud800""#, r#"["\ud800"]"#, "1e999", &nested(120)] {
            assert_eq!(Name::read(value), Err(NameError::Unreadable), "{value}");
        }
        assert!(Name::read(&nested(119)).is_ok());
    }
}
