//! Whose turn it is to be told.

use std::collections::VecDeque;

use crate::event::CallHandle;
use crate::session::SessionHandle;

/// Who is told next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The oldest event of this session.
    Session(SessionHandle),
    /// A call that has failed, once more.
    Call(CallHandle),
}

/// The lines in which events wait until one more may go out. Within each, who came first goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The broker has started: nothing goes before that.
    Start,
    /// Clients who wait for the backend to let them in.
    Handshakes,
    /// What has just happened.
    Fresh,
    /// What could not be told when it happened.
    Held,
    /// Those who have left.
    Farewells,
}

/// Fresh events and held ones take turns, so that what has piled up is told without keeping the living waiting. That
/// somebody has left is told behind both: after a mass loss there are very many who have, and nobody waits for it.
const ORDER: [Line; 7] = [
    Line::Handshakes,
    Line::Fresh,
    Line::Held,
    Line::Handshakes,
    Line::Fresh,
    Line::Held,
    Line::Farewells,
];

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Its word comes before all others, for as long as it has not been told.
    starting: Option<SessionHandle>,
    start: Option<Turn>,
    handshakes: VecDeque<SessionHandle>,
    fresh: VecDeque<SessionHandle>,
    held: VecDeque<Turn>,
    farewells: VecDeque<SessionHandle>,
    /// The place in [`ORDER`] that is next.
    next: usize,
}

impl Lines {
    /// Nothing is told before what this session has to say.
    pub(super) fn start_with(&mut self, session: SessionHandle) {
        self.starting = Some(session);
    }

    pub(super) fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    pub(super) fn enter(&mut self, line: Line, session: SessionHandle) {
        match line {
            Line::Start => self.start = Some(Turn::Session(session)),
            Line::Handshakes => self.handshakes.push_back(session),
            Line::Fresh => self.fresh.push_back(session),
            Line::Held => self.held.push_back(Turn::Session(session)),
            Line::Farewells => self.farewells.push_back(session),
        }
    }

    /// A call is to be made again, about this session among others.
    pub(super) fn enter_again(&mut self, call: CallHandle, session: SessionHandle) {
        if self.starting == Some(session) {
            self.start = Some(Turn::Call(call));
        } else {
            self.held.push_back(Turn::Call(call));
        }
    }

    /// A session has ended; says whether it was the one that came before all others, which may go now.
    pub(super) fn end(&mut self, session: SessionHandle) -> bool {
        let was_first = self.starting == Some(session);
        if was_first {
            self.starting = None;
        }
        was_first
    }

    /// How many could go.
    pub(super) fn len(&self) -> usize {
        if self.starting.is_some() {
            return usize::from(self.start.is_some());
        }
        self.handshakes.len() + self.fresh.len() + self.held.len() + self.farewells.len()
    }

    /// Who goes next.
    pub(super) fn pop(&mut self) -> Option<Turn> {
        if self.starting.is_some() {
            return self.start.take();
        }
        for step in 0..ORDER.len() {
            let place = (self.next + step) % ORDER.len();
            let turn = match ORDER[place] {
                Line::Start => None,
                Line::Handshakes => self.handshakes.pop_front().map(Turn::Session),
                Line::Fresh => self.fresh.pop_front().map(Turn::Session),
                Line::Held => self.held.pop_front(),
                Line::Farewells => self.farewells.pop_front().map(Turn::Session),
            };
            if turn.is_some() {
                self.next = place + 1;
                return turn;
            }
        }
        None
    }

    /// The next session whose event can go out together with others, if it is one's turn.
    pub(super) fn pop_companion(&mut self) -> Option<SessionHandle> {
        if let Some(session) = self.fresh.pop_front() {
            return Some(session);
        }
        if let Some(&Turn::Session(session)) = self.held.front() {
            self.held.pop_front();
            return Some(session);
        }
        self.farewells.pop_front()
    }

    /// Whether somebody waits whom nobody can go out with.
    pub(super) fn has_loners(&self) -> bool {
        !self.handshakes.is_empty()
            || self.start.is_some()
            || matches!(self.held.front(), Some(Turn::Call(_)))
    }

    /// The backend is away: what has just happened is not fresh when it comes back.
    pub(super) fn hold_all(&mut self) {
        self.held.extend(self.fresh.drain(..).map(Turn::Session));
    }

    /// The client who has waited longest to be let in.
    pub(super) fn first_handshake(&self) -> Option<SessionHandle> {
        self.handshakes.front().copied()
    }

    /// Takes that client out of its line.
    pub(super) fn dismiss_first_handshake(&mut self) {
        self.handshakes.pop_front();
    }

    /// Sends away the clients who wait to be let in.
    pub(super) fn dismiss_handshakes(&mut self) -> VecDeque<SessionHandle> {
        std::mem::take(&mut self.handshakes)
    }
}
