//! What an application knows of a client before its session begins.

use broker_core::json::{self, JsonError, Members};
use serde::Serialize;

/// Fields with which a session begins: a JSON object that is merged over the cookies. `ip` and `wskey` in it are ignored,
/// since they are the broker's own; with the cookies it is bounded by `limits.max_session`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// A JSON object that passes [`json::check`].
    text: Box<str>,
}

/// Why a value is no session info.
#[derive(Debug, thiserror::Error)]
pub enum SessionInfoError {
    /// It cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// It is nested too deep, or was written as JSON that nobody can read back.
    #[error("is not sound as JSON: {0}")]
    Unsound(#[from] JsonError),
    /// It is JSON, but no object.
    #[error("session info is a JSON object")]
    NotAnObject,
}

impl SessionInfo {
    /// The fields of whatever is an object in JSON: a struct, a map, a `serde_json::Value`.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(fields: &impl Serialize) -> Result<SessionInfo, SessionInfoError> {
        let text = serde_json::to_string(fields)?;
        json::check(text.as_bytes())?;
        json::members(&text)?.ok_or(SessionInfoError::NotAnObject)?;
        Ok(SessionInfo { text: text.into() })
    }

    pub(crate) fn members(&self) -> Members<'_> {
        // It is an object, so there are some, or none.
        json::members(&self.text).ok().flatten().unwrap_or_default()
    }
}

impl Default for SessionInfo {
    /// No fields.
    fn default() -> SessionInfo {
        SessionInfo { text: "{}".into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_an_object_is_session_info() {
        for value in [json!(null), json!([1]), json!("{}"), json!(5)] {
            let refused = SessionInfo::new(&value).unwrap_err();
            assert!(
                matches!(refused, SessionInfoError::NotAnObject),
                "{refused}"
            );
        }
        assert_eq!(
            SessionInfo::new(&json!({})).unwrap(),
            SessionInfo::default()
        );
    }

    #[test]
    fn what_is_nested_deeper_than_anybody_reads_is_refused() {
        let nested = (0..200).fold(Value::Null, |inner, _| json!({ "in": inner }));
        let refused = SessionInfo::new(&nested).unwrap_err();
        assert!(matches!(refused, SessionInfoError::Unsound(_)), "{refused}");
    }
}
