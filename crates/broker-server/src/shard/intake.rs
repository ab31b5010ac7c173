//! Whether a connection is read.

/// What a connection is not read for want of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Room in the core for what its client says.
    Hold,
    /// Room in its own queue for replies to its client.
    Queue,
    /// Room for what its client says to those on other shards.
    Transit,
}

/// Open, unless something is lacking.
#[derive(Debug, Default)]
pub(super) struct Intake {
    hold: bool,
    queue: bool,
    transit: bool,
}

impl Intake {
    pub(super) fn is_open(&self) -> bool {
        !self.hold && !self.queue && !self.transit
    }

    /// Notes that there is no room.
    pub(super) fn shut(&mut self, lack: Lack) {
        *self.lacks(lack) = true;
    }

    /// Notes that there is room; says whether it is open now and was not before.
    pub(super) fn open(&mut self, lack: Lack) -> bool {
        std::mem::take(self.lacks(lack)) && self.is_open()
    }

    fn lacks(&mut self, lack: Lack) -> &mut bool {
        match lack {
            Lack::Hold => &mut self.hold,
            Lack::Queue => &mut self.queue,
            Lack::Transit => &mut self.transit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_once_nothing_is_lacking_any_more() {
        let mut intake = Intake::default();
        assert!(!intake.open(Lack::Queue), "it was open");
        intake.shut(Lack::Hold);
        intake.shut(Lack::Queue);
        intake.shut(Lack::Queue);
        assert!(!intake.open(Lack::Queue) && !intake.is_open());
        assert!(intake.open(Lack::Hold) && intake.is_open());
        assert!(!intake.open(Lack::Hold));
    }
}
