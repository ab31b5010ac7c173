//! What was passed over in lists of commands is logged once by its name: whoever misspells a field learns of it, and an
//! application that sends a spare one with every answer does not fill the log.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use broker_core::{CommandList, Overlooked};
use tracing::Level;

/// How many names are remembered; whatever comes then is not told any more.
const NAMES_MAX: usize = 256;

/// The names that have been told of. They are looked at only where debug lines are shown and a list has something to
/// tell, so the lock is nobody's burden.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeSet<Overlooked>>);

impl Told {
    /// Logs what was passed over in a list, as far as it was not told before.
    pub(crate) fn tell(&self, list: &CommandList) {
        if list.overlooked.is_empty() || !tracing::event_enabled!(Level::DEBUG) {
            return;
        }
        for overlooked in &list.overlooked {
            if self.is_new(overlooked) {
                let Overlooked { command, field } = overlooked;
                tracing::debug!(
                    event = "ignored",
                    r#type = command,
                    "field `{field}` of a `{command}` command"
                );
            }
        }
    }

    fn is_new(&self, overlooked: &Overlooked) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < NAMES_MAX && told.insert(overlooked.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_new_once_and_only_so_many_are() {
        let told = Told::default();
        let name = |number: usize| Overlooked {
            command: "send",
            field: number.to_string().into(),
        };
        let new = (0..2 * NAMES_MAX).filter(|number| told.is_new(&name(number % 200)));
        assert_eq!(new.count(), 200);
        let new = (200..1000).filter(|number| told.is_new(&name(*number)));
        assert_eq!(new.count(), NAMES_MAX - 200);
    }
}
