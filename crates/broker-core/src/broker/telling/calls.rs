//! Calls to the backend that are not answered yet: what is told together, and how often it was tried.

use slab::Slab;
use smallvec::SmallVec;

use crate::event::CallHandle;
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// The sessions whose oldest events a call tells; usually one.
pub(super) type Told = SmallVec<[SessionHandle; 1]>;

/// A call, from its first try until it is answered or given up.
#[derive(Debug)]
pub(super) struct Tried {
    generation: u32,
    pub(super) sessions: Told,
    /// How often it was tried.
    pub(super) attempt: u32,
    /// How often it failed: once, and once more for each failure since which others have been answered.
    pub(super) failures: u32,
    /// How many answers others had had when it last failed.
    pub(super) answers: u64,
    pub(super) stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the line of those that may go out.
    Ready,
    /// With the backend, since then.
    Out { sent: Timestamp, is_probe: bool },
    /// Failed; made again then.
    Waiting(Timestamp),
}

#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Slab<Tried>,
    made: u32,
}

impl Calls {
    /// A new call about these sessions, ready to go out.
    pub(super) fn make(&mut self, sessions: Told) -> CallHandle {
        self.made = self.made.wrapping_add(1);
        let generation = self.made;
        let slot = self.slots.insert(Tried {
            generation,
            sessions,
            attempt: 0,
            failures: 0,
            answers: 0,
            stage: Stage::Ready,
        });
        CallHandle {
            slot: slot as u32,
            generation,
        }
    }

    pub(super) fn get(&self, handle: CallHandle) -> Option<&Tried> {
        let call = self.slots.get(handle.slot as usize)?;
        (call.generation == handle.generation).then_some(call)
    }

    pub(super) fn get_mut(&mut self, handle: CallHandle) -> Option<&mut Tried> {
        let call = self.slots.get_mut(handle.slot as usize)?;
        (call.generation == handle.generation).then_some(call)
    }

    /// Forgets a call that is answered or given up; the sessions whose events it told.
    pub(super) fn remove(&mut self, handle: CallHandle) -> Told {
        if self.get(handle).is_none() {
            return Told::new();
        }
        self.slots.remove(handle.slot as usize).sessions
    }
}
