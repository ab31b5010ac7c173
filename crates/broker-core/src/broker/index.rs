//! Finding sessions by the value of a field, without looking at all of them.

mod posting;

use std::collections::{HashMap, VecDeque, hash_map};

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use self::posting::{Posting, Range};
use super::sessions::{Phase, Session, Sessions};
use crate::criteria::{Clause, Criteria};
use crate::form::{self, ABSENT};
use crate::session::Info;

/// How many fields are indexed at most by default; commands that match on others look at every session.
pub const INDEXED_FIELDS_MAX: usize = 64;

/// For each indexed field, the slots of the open sessions by folded value.
///
/// A field is indexed from its first use on, so that those nobody matches on cost nothing. The build goes through the
/// slots in slices; sessions in slots that it has not reached yet are picked up when it does. Once there are as many
/// fields as may be, a further one takes the place of the one used longest ago, if it is itself wanted twice meanwhile.
/// So a name that is used once is nobody's loss, and more names in turn than there is room for do not cost a build each
/// time.
///
/// **Invariant:** in a field with `built` slots, the postings hold exactly the open sessions in slots below `built` that
/// have the field.
#[derive(Debug)]
pub(super) struct Index {
    fields: HashMap<Box<str>, Field, SeedableRandomState>,
    fields_max: usize,
    /// Fields that found no room and when they were wanted, the latest last; at most `fields_max`.
    turned_away: VecDeque<(Box<str>, u64)>,
    /// What is left of fields that gave up their places. It is let go of in slices, as it was built.
    given_up: Vec<hash_map::IntoIter<Box<str>, Posting>>,
    /// Counts the commands that have looked for sessions: the time by which uses are compared.
    uses: u64,
    hasher: SeedableRandomState,
}

#[derive(Debug)]
struct Field {
    postings: HashMap<Box<str>, Posting, SeedableRandomState>,
    built: u32,
    last_use: u64,
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
    pub(super) fn new(seed: u64, fields_max: usize) -> Index {
        // The values are chosen by clients; the seed keeps them from choosing collisions.
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        Index {
            fields: HashMap::with_hasher(hasher.clone()),
            fields_max,
            turned_away: VecDeque::new(),
            given_up: Vec::new(),
            uses: 0,
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

    /// Gives a session another info, by which commands that can reach it find it.
    pub(super) fn change(&mut self, slot: u32, session: &mut Session, info: Info) {
        let is_found = session.phase == Phase::Open;
        if is_found {
            self.remove(slot, &session.info);
        }
        session.info = info;
        if is_found {
            self.insert(slot, &session.info);
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

    /// Takes note that a command begins to look for sessions by `criteria`, and chooses which fields are indexed.
    ///
    /// Nothing else changes that choice, so the fields that a command has found indexed stay until the next one begins.
    pub(super) fn choose(&mut self, criteria: &Criteria) {
        self.uses += 1;
        // First those that are there, so that none of them is what makes room for another.
        for (name, _) in Index::equalities(criteria) {
            if let Some(field) = self.fields.get_mut(name) {
                field.last_use = self.uses;
            }
        }
        for (name, _) in Index::equalities(criteria) {
            if !self.fields.contains_key(name) && self.make_room(name) {
                let field = Field {
                    postings: HashMap::with_hasher(self.hasher.clone()),
                    built: 0,
                    last_use: self.uses,
                };
                self.fields.insert(name.into(), field);
            }
        }
    }

    /// Whether there is room for one more field, or one that has not been used since this one was wanted last.
    fn make_room(&mut self, name: &str) -> bool {
        if self.fields.len() < self.fields_max {
            return true;
        }
        let known = self.turned_away.iter();
        let place = known
            .map(|(known, _)| &**known)
            .position(|known| known == name);
        let wanted = place.and_then(|place| self.turned_away.remove(place));
        let fields = self.fields.iter();
        let fields = fields.map(|(name, field)| (field.last_use, name));
        if let (Some((_, wanted)), Some((last_use, oldest))) = (wanted, fields.min())
            && last_use < wanted
        {
            let oldest = oldest.clone();
            let field = self.fields.remove(&oldest);
            self.given_up
                .extend(field.map(|field| field.postings.into_iter()));
            return true;
        }
        self.turned_away.push_back((name.into(), self.uses));
        if self.turned_away.len() > self.fields_max {
            self.turned_away.pop_front();
        }
        false
    }

    /// Builds what `criteria` can use of the fields chosen, for at most about `budget` looks at a session; says how many
    /// are left, or none if the build is not complete.
    pub(super) fn build(
        &mut self,
        criteria: &Criteria,
        sessions: &Sessions,
        mut budget: usize,
    ) -> Option<usize> {
        while let Some(postings) = self.given_up.last_mut() {
            budget = budget.checked_sub(1)?;
            if postings.next().is_none() {
                self.given_up.pop();
            }
        }
        for (name, _) in Index::equalities(criteria) {
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

    /// The narrowest place to look for the sessions that match, once the index is built.
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
