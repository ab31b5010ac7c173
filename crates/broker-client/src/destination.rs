//! Whom a message is for.

use serde::Serialize;

use crate::error::TooManyDestinations;

/// How long an id may be, in bytes. wsbroker passes over the registration of a longer one without a word, so that it is not
/// asked for.
pub const ID_BYTES_MAX: usize = 1024;

/// How many ids one message may be for. wsbroker passes over a message for more without a word, so that it is not sent.
pub const DESTINATIONS_MAX: usize = 1024;

/// How many bytes the message of a request may have as JSON, times the ids that it is for, if they are several: 4 MiB.
/// wsbroker, which writes it anew for each, passes over a longer one without a word, so that it is not sent.
pub const ASKED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The id of one client, or those of several, [`DESTINATIONS_MAX`] at most: whatever turns into it can be given where one is
/// asked for.
///
/// Ids are exact and case-sensitive. A client that is named twice gets the message twice; one that nobody has registered is
/// passed over by the server without a word, and so is a list of none.
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

impl Destination {
    /// How many ids these are, each as often as it stands there.
    pub(crate) fn count(&self) -> Result<usize, TooManyDestinations> {
        match self {
            Destination::One(_) => Ok(1),
            Destination::Several(ids) if ids.len() > DESTINATIONS_MAX => {
                Err(TooManyDestinations { count: ids.len() })
            }
            Destination::Several(ids) => Ok(ids.len()),
        }
    }
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
