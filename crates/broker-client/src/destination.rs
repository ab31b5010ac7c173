//! Whom a message is for.

use serde::Serialize;

/// The id of one client, or those of several: whatever turns into it can be given where one is asked for.
///
/// Ids are exact and case-sensitive. A client that is named twice gets the message twice; one that nobody has registered is
/// passed over by the server without a word.
///
/// ```
/// # use broker_client::Destination;
/// assert_eq!(Destination::from("a"), Destination::One("a".to_owned()));
/// assert_eq!(
///     Destination::from(["a", "b"]),
///     Destination::Several(vec!["a".to_owned(), "b".to_owned()]),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Destination {
    /// One client.
    One(String),
    /// Each of these clients.
    Several(Vec<String>),
}

impl From<&str> for Destination {
    fn from(id: &str) -> Destination {
        Destination::One(id.to_owned())
    }
}

impl From<String> for Destination {
    fn from(id: String) -> Destination {
        Destination::One(id)
    }
}

impl From<&String> for Destination {
    fn from(id: &String) -> Destination {
        Destination::One(id.clone())
    }
}

impl<S: AsRef<str>> From<&[S]> for Destination {
    fn from(ids: &[S]) -> Destination {
        Destination::Several(ids.iter().map(|id| id.as_ref().to_owned()).collect())
    }
}

impl<S: AsRef<str>> From<&Vec<S>> for Destination {
    fn from(ids: &Vec<S>) -> Destination {
        Destination::from(ids.as_slice())
    }
}

impl<S: AsRef<str>, const N: usize> From<&[S; N]> for Destination {
    fn from(ids: &[S; N]) -> Destination {
        Destination::from(ids.as_slice())
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Destination {
    fn from(ids: [S; N]) -> Destination {
        Destination::Several(ids.into_iter().map(S::into).collect())
    }
}

impl<S: Into<String>> From<Vec<S>> for Destination {
    fn from(ids: Vec<S>) -> Destination {
        Destination::Several(ids.into_iter().map(S::into).collect())
    }
}
