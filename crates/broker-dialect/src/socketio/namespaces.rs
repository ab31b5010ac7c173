//! The namespaces that a connection is in.

/// Names a namespace of one connection. It is used again once the client has left the namespace or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceIndex(pub u16);

/// The namespaces of a connection; mostly it is one.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    /// Empty when the slot is free.
    name: Box<str>,
    standing: Standing,
}

/// How a client stands to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The slot is free.
    Free,
    /// The client has asked to enter, and is not answered yet.
    Entering,
    /// The client is in it.
    Entered,
    /// The client was put out of it. What it had sent before it heard of that may still arrive, and is not its fault.
    PutOut,
}

/// What becomes of the wish to enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It is to be decided.
    Asked(NamespaceIndex),
    /// It is being decided already.
    Pending,
    /// The client is in it.
    Entered,
    /// There is no room for another namespace.
    Full,
}

impl Namespaces {
    pub(super) fn ask(&mut self, name: &str, max: u16) -> Wish {
        if let Some((index, standing)) = self.find(name) {
            return match standing {
                Standing::Entering => Wish::Pending,
                Standing::Entered => Wish::Entered,
                Standing::PutOut | Standing::Free => self.occupy(index, name),
            };
        }
        let slots = || (0_u16..).zip(&self.0);
        let of = |wanted| slots().find(|(_, slot)| slot.standing == wanted);
        if let Some((index, _)) = of(Standing::Free) {
            return self.occupy(NamespaceIndex(index), name);
        }
        let next = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        if next < max {
            self.0.reserve_exact(1);
            self.0.push(Slot {
                name: name.into(),
                standing: Standing::Entering,
            });
            return Wish::Asked(NamespaceIndex(next));
        }
        match of(Standing::PutOut) {
            Some((index, _)) => self.occupy(NamespaceIndex(index), name),
            None => Wish::Full,
        }
    }

    fn occupy(&mut self, index: NamespaceIndex, name: &str) -> Wish {
        if let Some(slot) = self.0.get_mut(usize::from(index.0)) {
            *slot = Slot {
                name: name.into(),
                standing: Standing::Entering,
            };
        }
        Wish::Asked(index)
    }

    /// The namespace of that name, unless it is unknown.
    pub(super) fn find(&self, name: &str) -> Option<(NamespaceIndex, Standing)> {
        let mut slots = (0_u16..).zip(&self.0);
        slots
            .find(|(_, slot)| *slot.name == *name && slot.standing != Standing::Free)
            .map(|(index, slot)| (NamespaceIndex(index), slot.standing))
    }

    pub(super) fn name(&self, index: NamespaceIndex) -> Option<&str> {
        let slot = self.0.get(usize::from(index.0))?;
        (slot.standing != Standing::Free).then_some(&*slot.name)
    }

    pub(super) fn standing(&self, index: NamespaceIndex) -> Standing {
        let slot = self.0.get(usize::from(index.0));
        slot.map_or(Standing::Free, |slot| slot.standing)
    }

    /// Changes how the client stands to a namespace; with [`Standing::Free`] its name is forgotten.
    pub(super) fn set(&mut self, index: NamespaceIndex, standing: Standing) {
        if let Some(slot) = self.0.get_mut(usize::from(index.0)) {
            slot.standing = standing;
            if standing == Standing::Free {
                slot.name = Box::default();
            }
        }
    }

    /// Those that the client is in or has asked for, in the order of their indices.
    pub(super) fn live(&self) -> impl Iterator<Item = NamespaceIndex> + '_ {
        let is_live = |slot: &Slot| matches!(slot.standing, Standing::Entering | Standing::Entered);
        (0_u16..)
            .zip(&self.0)
            .filter(move |(_, slot)| is_live(slot))
            .map(|(index, _)| NamespaceIndex(index))
    }
}
