//! Finding sessions by the value of a field, without looking at all of them.

mod posting;

use std::collections::HashMap;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use self::posting::{Posting, Range};
use super::sessions::Sessions;
use crate::criteria::{Clause, Criteria};
use crate::form::{self, ABSENT};
use crate::session::Info;

/// How many fields are indexed at most; commands that match on others look at every session.
pub const INDEXED_FIELDS_MAX: usize = 64;

/// For each indexed field, the slots of the open sessions by folded value.
///
/// A field is indexed from its first use on, so that those nobody matches on cost nothing. The build goes through the
/// slots in slices; sessions in slots that it has not reached yet are picked up when it does.
///
/// **Invariant:** in a field with `built` slots, the postings hold exactly the open sessions in slots below `built` that
/// have the field.
#[derive(Debug)]
pub(super) struct Index {
    fields: HashMap<Box<str>, Field, SeedableRandomState>,
    hasher: SeedableRandomState,
}

#[derive(Debug)]
struct Field {
    postings: HashMap<Box<str>, Posting, SeedableRandomState>,
    built: u32,
}

/// Where a command finds the sessions that may match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Candidates {
    /// In every slot.
    All,
    /// Among the sessions whose field has this folded value.
    Having {
        /// The field.
        field: Box<str>,
        /// Its folded value.
        form: Box<str>,
    },
}

impl Index {
    pub(super) fn new(seed: u64) -> Index {
        // The values are chosen by clients; the seed keeps them from choosing collisions.
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        Index {
            fields: HashMap::with_hasher(hasher.clone()),
            hasher,
        }
    }

    /// Enters a session that has been opened or changed.
    pub(super) fn insert(&mut self, slot: u32, info: &Info) {
        for (name, field) in &mut self.fields {
            if slot < field.built {
                field.insert(slot, info.get(name));
            }
        }
    }

    /// Takes out a session, by the info it was entered with.
    pub(super) fn remove(&mut self, slot: u32, info: &Info) {
        for (name, field) in &mut self.fields {
            if slot < field.built {
                field.remove(slot, info.get(name));
            }
        }
    }

    /// The comparisons of `criteria` that an index can answer.
    fn equalities(criteria: &Criteria) -> impl Iterator<Item = (&str, &str)> {
        criteria.clauses.iter().filter_map(|clause| match clause {
            // An absent field is in no posting, but has the form of one.
            Clause::Equals { field, form } => (**form != *ABSENT).then_some((&**field, &**form)),
            Clause::Holds { .. } | Clause::Any(_) | Clause::All(_) | Clause::Not(_) => None,
        })
    }

    /// Builds what `criteria` can use, for at most about `budget` looks at a session; says how many are left, or none
    /// if the build is not complete.
    pub(super) fn prepare(
        &mut self,
        criteria: &Criteria,
        sessions: &Sessions,
        mut budget: usize,
    ) -> Option<usize> {
        for (name, _) in Index::equalities(criteria) {
            if !self.fields.contains_key(name) {
                if self.fields.len() == INDEXED_FIELDS_MAX {
                    continue;
                }
                let postings = HashMap::with_hasher(self.hasher.clone());
                self.fields
                    .insert(name.into(), Field { postings, built: 0 });
            }
            let Some(field) = self.fields.get_mut(name) else {
                continue;
            };
            while field.built < sessions.slots_end() {
                budget = budget.checked_sub(1)?;
                let slot = field.built;
                field.built += 1;
                if let Some((_, session)) = sessions.open_in(slot) {
                    field.insert(slot, session.info.get(name));
                }
            }
        }
        Some(budget)
    }

    /// The narrowest place to look for the sessions that match, once the index is prepared.
    pub(super) fn candidates(&self, criteria: &Criteria) -> Candidates {
        let known = Index::equalities(criteria).filter_map(|(name, form)| {
            let field = self.fields.get(name)?;
            let size = field.postings.get(form).map_or(0, Posting::len);
            Some((size, name, form))
        });
        match known.min_by_key(|(size, ..)| *size) {
            None => Candidates::All,
            Some((_, field, form)) => Candidates::Having {
                field: field.into(),
                form: form.into(),
            },
        }
    }

    /// The slots of the sessions whose field has this folded value, from `from` on, in order.
    pub(super) fn having(&self, field: &str, form: &str, from: u32) -> Option<Range<'_>> {
        Some(self.fields.get(field)?.postings.get(form)?.range(from))
    }
}

impl Field {
    fn insert(&mut self, slot: u32, value: Option<&str>) {
        let Some(value) = value else { return };
        let form = form::folded(value);
        match self.postings.get_mut(&*form) {
            Some(posting) => posting.insert(slot),
            None => {
                self.postings.insert(form.into(), Posting::of(slot));
            }
        }
    }

    fn remove(&mut self, slot: u32, value: Option<&str>) {
        let Some(value) = value else { return };
        let form = form::folded(value);
        if let Some(posting) = self.postings.get_mut(&*form) {
            posting.remove(slot);
            if posting.len() == 0 {
                self.postings.remove(&*form);
            }
        }
    }
}
