//! Names: which a session holds, and who holds those that this shard owns.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use smallvec::SmallVec;

use crate::letter::Holder;
use crate::name::{NAMES_BYTES_MAX, NAMES_MAX, Name};

/// The names that one session holds, the latest last.
#[derive(Debug, Default)]
pub(super) struct Names(SmallVec<[Held; 1]>);

/// A name that a session holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: Name,
    /// The claim by which it is held.
    pub(super) claim: u64,
}

impl Names {
    /// Whether one more name, or this one again, can be held.
    pub(super) fn have_room_for(&self, name: &Name) -> bool {
        let others = self.0.iter().map(|held| &held.name);
        let others = others.filter(|held| held.form() != name.form());
        let (count, bytes) = others.fold((0, 0), |(count, bytes), held| {
            (count + 1, bytes + held.size())
        });
        count < NAMES_MAX && bytes + name.size() <= NAMES_BYTES_MAX
    }

    /// Adds a name, or puts one that is held already behind the others.
    pub(super) fn add(&mut self, name: Name, claim: u64) {
        self.take(name.form(), None);
        self.0.push(Held { name, claim });
    }

    /// Takes a name out; with a claim, only if it is still held by that one.
    pub(super) fn take(&mut self, form: &str, claim: Option<u64>) -> Option<Name> {
        let is_it =
            |held: &Held| held.name.form() == form && claim.is_none_or(|claim| held.claim == claim);
        let place = self.0.iter().position(is_it)?;
        Some(self.0.remove(place).name)
    }

    pub(super) fn take_last(&mut self) -> Option<Held> {
        self.0.pop()
    }

    pub(super) fn into_held(self) -> impl Iterator<Item = Held> {
        self.0.into_iter()
    }

    pub(super) fn last(&self) -> Option<&Arc<str>> {
        self.0.last().map(|held| held.name.given())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who holds the names that this shard owns: the last session that has registered each.
#[derive(Debug)]
pub(super) struct Directory {
    holders: HashMap<Box<str>, Holder, SeedableRandomState>,
    /// How many claims the sessions of this shard have made, of names that any shard owns.
    claims: u64,
}

impl Directory {
    pub(super) fn new(seed: u64) -> Directory {
        // The names are chosen by clients; the seed keeps them from choosing collisions.
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        Directory {
            holders: HashMap::with_hasher(hasher),
            claims: 0,
        }
    }

    /// The number of the next claim that a session of this shard makes.
    pub(super) fn next_claim(&mut self) -> u64 {
        self.claims += 1;
        self.claims
    }

    /// Gives a name to this session; who has held it, which may be the same session by an earlier claim.
    pub(super) fn claim(&mut self, form: &str, holder: Holder) -> Option<Holder> {
        self.holders.insert(form.into(), holder)
    }

    /// Takes a name from this session, if it still holds it by this claim.
    pub(super) fn release(&mut self, form: &str, holder: Holder) {
        if self.find(form) == Some(holder) {
            self.holders.remove(form);
        }
    }

    pub(super) fn find(&self, form: &str) -> Option<Holder> {
        self.holders.get(form).copied()
    }
}
