//! A set of slots: a few in place, many in a compressed bitmap.

use roaring::RoaringBitmap;
use smallvec::SmallVec;

/// How many slots are kept in place; most values belong to one session or a few.
const FEW: usize = 4;

#[derive(Debug)]
pub(super) enum Posting {
    /// Sorted.
    Few(SmallVec<[u32; FEW]>),
    Many(RoaringBitmap),
}

impl Posting {
    pub(super) fn of(slot: u32) -> Posting {
        Posting::Few(SmallVec::from_slice(&[slot]))
    }

    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            Posting::Few(slots) => {
                let Err(place) = slots.binary_search(&slot) else {
                    return;
                };
                if slots.len() < FEW {
                    slots.insert(place, slot);
                } else {
                    let mut many: RoaringBitmap = slots.iter().copied().collect();
                    many.insert(slot);
                    *self = Posting::Many(many);
                }
            }
            Posting::Many(slots) => {
                slots.insert(slot);
            }
        }
    }

    pub(super) fn remove(&mut self, slot: u32) {
        match self {
            Posting::Few(slots) => {
                if let Ok(place) = slots.binary_search(&slot) {
                    slots.remove(place);
                }
            }
            Posting::Many(slots) => {
                slots.remove(slot);
                // Half the border, so that a set at the border does not change its shape each time.
                if slots.len() as usize <= FEW / 2 {
                    *self = Posting::Few(slots.iter().collect());
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Posting::Few(slots) => slots.len(),
            Posting::Many(slots) => slots.len() as usize,
        }
    }

    /// The slots from `from` on, in order.
    pub(super) fn range(&self, from: u32) -> Range<'_> {
        match self {
            Posting::Few(slots) => {
                Range::Few(slots[slots.partition_point(|&slot| slot < from)..].iter())
            }
            Posting::Many(slots) => Range::Many(slots.range(from..)),
        }
    }
}

/// The slots of a posting, from some slot on.
pub(in crate::broker) enum Range<'a> {
    Few(std::slice::Iter<'a, u32>),
    Many(roaring::bitmap::Iter<'a>),
}

impl Iterator for Range<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self {
            Range::Few(slots) => slots.next().copied(),
            Range::Many(slots) => slots.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_slots_are_in_place_and_a_set_at_the_border_keeps_its_shape() {
        let is_few = |posting: &Posting| matches!(posting, Posting::Few(_));
        let mut posting = Posting::of(1);
        let grows = [2, 3, 4, 5, 6].map(|slot| {
            posting.insert(slot);
            is_few(&posting)
        });
        assert_eq!(grows, [true, true, true, false, false]);
        let shrinks = [6, 5, 4, 3, 2].map(|slot| {
            posting.remove(slot);
            is_few(&posting)
        });
        assert_eq!(shrinks, [false, false, false, true, true]);
    }

    proptest! {
        #[test]
        fn a_posting_is_a_set_of_slots(steps in prop::collection::vec((any::<bool>(), 0u32..12), 1..60)) {
            let mut posting = Posting::of(0);
            let mut model = BTreeSet::from([0]);
            for (inserts, slot) in steps {
                if inserts {
                    posting.insert(slot);
                    model.insert(slot);
                } else {
                    posting.remove(slot);
                    model.remove(&slot);
                }
                prop_assert_eq!(posting.len(), model.len());
                for from in 0..13 {
                    let slots: Vec<_> = posting.range(from).collect();
                    prop_assert_eq!(slots, model.range(from..).copied().collect::<Vec<_>>());
                }
            }
        }
    }
}
