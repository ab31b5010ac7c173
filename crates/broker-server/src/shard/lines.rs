//! Whose turn it is to be written to.

use std::collections::VecDeque;

use broker_core::{SessionHandle, Timestamp};

use super::connection::Waiting;

/// Why something waits for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is sent something of its own, which does not wait behind fan-outs.
    Prompt,
    /// It is one of many that are sent the same.
    FanOut,
}

/// The connections that something waits for, each at most once in each line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    prompt: VecDeque<SessionHandle>,
    fan_out: VecDeque<SessionHandle>,
}

/// How far the writing to one connection is.
#[derive(Debug, Default)]
pub(super) struct Writing {
    is_prompt: bool,
    is_in_fan_out: bool,
    blocked: Option<Blocked>,
}

/// A socket takes nothing for now.
#[derive(Debug)]
struct Blocked {
    since: Timestamp,
    /// The wait until it does. It ends with the connection, so that nothing keeps the socket of one that is given up.
    waiting: Option<Waiting>,
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.prompt.is_empty() && self.fan_out.is_empty()
    }

    /// Puts a connection into a line, unless it stands there, or is written to anyway once its socket takes something.
    pub(super) fn enter(&mut self, line: Line, session: SessionHandle, writing: &mut Writing) {
        if !writing.is_blocked() && !std::mem::replace(writing.place(line), true) {
            self.line(line).push_back(session);
        }
    }

    /// Whose turn it is: the next in this line, or else in the other. It has to [leave](Writing::leave) the line.
    pub(super) fn next(&mut self, line: Line) -> Option<(Line, SessionHandle)> {
        let other = match line {
            Line::Prompt => Line::FanOut,
            Line::FanOut => Line::Prompt,
        };
        [line, other]
            .into_iter()
            .find_map(|line| Some((line, self.line(line).pop_front()?)))
    }

    fn line(&mut self, line: Line) -> &mut VecDeque<SessionHandle> {
        match line {
            Line::Prompt => &mut self.prompt,
            Line::FanOut => &mut self.fan_out,
        }
    }
}

impl Writing {
    /// Notes that its turn in a line has come.
    pub(super) fn leave(&mut self, line: Line) {
        *self.place(line) = false;
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Since when its socket takes nothing, if it does not.
    pub(super) fn blocked_since(&self) -> Option<Timestamp> {
        Some(self.blocked.as_ref()?.since)
    }

    /// Notes that its socket takes no more.
    pub(super) fn block(&mut self, since: Timestamp) {
        self.blocked = Some(Blocked {
            since,
            waiting: None,
        });
    }

    /// Remembers who waits for its socket.
    pub(super) fn wait_with(&mut self, waiting: Waiting) {
        if let Some(blocked) = &mut self.blocked {
            blocked.waiting = Some(waiting);
        }
    }

    /// Notes that its socket takes something again, or has failed.
    pub(super) fn unblock(&mut self) {
        self.blocked = None;
    }

    fn place(&mut self, line: Line) -> &mut bool {
        match line {
            Line::Prompt => &mut self.is_prompt,
            Line::FanOut => &mut self.is_in_fan_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: SessionHandle = SessionHandle {
        slot: 0,
        generation: 0,
    };
    const BOB: SessionHandle = SessionHandle {
        slot: 1,
        generation: 0,
    };

    #[test]
    fn a_connection_stands_once_in_each_line_and_in_none_while_it_is_blocked() {
        let mut lines = Lines::default();
        let (mut ann, mut bob) = (Writing::default(), Writing::default());
        for _ in 0..3 {
            lines.enter(Line::FanOut, ANN, &mut ann);
            lines.enter(Line::FanOut, BOB, &mut bob);
            lines.enter(Line::Prompt, BOB, &mut bob);
        }
        assert_eq!(lines.next(Line::Prompt), Some((Line::Prompt, BOB)));
        bob.leave(Line::Prompt);
        assert_eq!(lines.next(Line::Prompt), Some((Line::FanOut, ANN)));
        ann.leave(Line::FanOut);

        bob.block(Timestamp(0));
        lines.enter(Line::Prompt, BOB, &mut bob);
        assert_eq!(lines.next(Line::Prompt), Some((Line::FanOut, BOB)));
        bob.leave(Line::FanOut);
        assert!(lines.is_empty());
        bob.unblock();
        lines.enter(Line::FanOut, BOB, &mut bob);
        assert_eq!(lines.next(Line::FanOut), Some((Line::FanOut, BOB)));
    }
}
