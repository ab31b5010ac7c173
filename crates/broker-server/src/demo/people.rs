//! Who is in the chat, and what they are called.

use std::collections::BTreeMap;

use broker_core::SessionId;

use super::message::{Guest, Here, Person, Room};

/// How many characters a name has at most.
pub(super) const NAME_CHARS_MAX: usize = 24;

/// How many people of a room are listed by name.
pub(super) const LISTED_MAX: usize = 50;

/// Who is in the chat. The broker knows it too; this is only for the list on the page.
#[derive(Debug, Default)]
pub(super) struct People {
    /// How many guests there have been.
    guests: u64,
    /// How often something here has changed.
    revision: u64,
    present: BTreeMap<SessionId, Person>,
}

impl People {
    /// A number for a newcomer.
    pub(super) fn next_guest(&mut self) -> u64 {
        self.guests += 1;
        self.guests
    }

    /// Notes where somebody is, and under which name.
    pub(super) fn put(&mut self, session: SessionId, person: Person) {
        self.revision += 1;
        self.present.insert(session, person);
    }

    /// Forgets somebody.
    pub(super) fn remove(&mut self, session: SessionId) {
        self.revision += 1;
        self.present.remove(&session);
    }

    /// Who is in a room.
    pub(super) fn here(&self, room: Room) -> Here {
        let mut people: Vec<&Person> = self
            .present
            .values()
            .filter(|person| person.room == room)
            .collect();
        people.sort_unstable_by_key(|person| person.guest);
        let listed = people.iter().take(LISTED_MAX).map(|person| Guest {
            guest: person.guest,
            name: person.name.clone(),
        });
        Here {
            revision: self.revision,
            room,
            count: people.len(),
            people: listed.collect(),
        }
    }
}

/// A name as it may be shown: on one line, and not too long. None where nothing is left of it.
pub(super) fn clean_name(name: &str) -> Option<String> {
    let visible: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = visible.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(NAME_CHARS_MAX).collect();
    let name = name.trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

/// A name for somebody who has not chosen one; the first 256 differ.
pub(super) fn guest_name(guest: u64) -> String {
    const MOODS: [&str; 16] = [
        "Quiet", "Amber", "Gentle", "Bright", "Clever", "Silver", "Merry", "Patient", "Velvet",
        "Sunny", "Brave", "Misty", "Nimble", "Golden", "Humble", "Curious",
    ];
    const ANIMALS: [&str; 16] = [
        "Heron", "Fox", "Otter", "Wren", "Badger", "Hare", "Lynx", "Finch", "Seal", "Robin",
        "Marten", "Owl", "Beaver", "Swift", "Hedgehog", "Crane",
    ];
    let mood = guest % 16;
    let animal = (mood + guest / 16 % 16) % 16;
    format!("{} {}", MOODS[mood as usize], ANIMALS[animal as usize])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        let check = |name: &str, cleaned: Option<&str>| {
            assert_eq!(clean_name(name).as_deref(), cleaned, "{name:?}");
        };
        check("Ann", Some("Ann"));
        check("  Ann \n\t of\0the\u{85}lake ", Some("Ann of the lake"));
        check("å€😀", Some("å€😀"));
        check("", None);
        check(" \u{7f}\n", None);
        check(&"é".repeat(1000), Some(&"é".repeat(NAME_CHARS_MAX)));
        check(
            "abcdefghijklmnopqrstuvw xyz",
            Some("abcdefghijklmnopqrstuvw"),
        );
    }

    #[test]
    fn guests_have_names_of_their_own() {
        let names: BTreeSet<String> = (1..=256).map(guest_name).collect();
        assert_eq!(names.len(), 256);
        assert_eq!(guest_name(u64::MAX), "Curious Hedgehog");
    }
}
