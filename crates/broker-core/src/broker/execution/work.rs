//! One slice of one command: finding the next sessions that it is for, and doing to them what it says.

use std::sync::Arc;

use super::{Tour, nothing_yet};
use crate::broker::index::{Candidates, Index};
use crate::broker::sessions::{Phase, Session, Sessions};
use crate::command::{Aim, Command, CommandError, Except, Page, Verb};
use crate::config::Config;
use crate::criteria::Criteria;
use crate::effect::{Effect, Effects};
use crate::form;
use crate::json::{self, Members};
use crate::outcome::Outcome;
use crate::session::{Info, SessionHandle};

/// What a look at a session costs, and what is done with it on top, in units of [`Config::slice`].
pub(super) const VISIT: usize = 1;
const SEND: usize = 1;
const LIST: usize = 4;
const CHANGE: usize = 20;

/// How many comparisons, and how many bytes to merge, cost as much as a look at a session.
const COMPARISONS: usize = 4;
const BYTES: usize = 100;

/// One slice of one command.
pub(super) struct Work<'a> {
    pub(super) sessions: &'a mut Sessions,
    pub(super) index: &'a mut Index,
    pub(super) config: &'a Config,
    pub(super) command: &'a Command,
    pub(super) opened: u64,
    pub(super) origin: Option<SessionHandle>,
    /// The place of the command in its list.
    pub(super) entry: usize,
}

impl Work<'_> {
    /// Does what a command says to the session that caused its list alone.
    pub(super) fn for_origin(mut self, budget: &mut usize, out: &mut Effects) -> Outcome {
        let mut outcome = nothing_yet(&self.command.verb);
        let start = out.recipients.len();
        self.gather_origin(out);
        *budget = budget.saturating_sub(self.cost_of_match());
        self.apply(start, &mut outcome, out);
        outcome
    }

    /// Does what a command says to the next sessions that match, and notes in `tour` how far it has come; its outcome,
    /// once there are no more.
    pub(super) fn for_matching(
        mut self,
        criteria: &Criteria,
        tour: &mut Option<Tour>,
        budget: &mut usize,
        out: &mut Effects,
    ) -> Option<Outcome> {
        let Tour {
            candidates,
            slot,
            outcome,
        } = tour.get_or_insert_with(|| {
            self.index.choose(criteria);
            Tour {
                candidates: None,
                slot: 0,
                outcome: nothing_yet(&self.command.verb),
            }
        });
        let candidates = match candidates {
            Some(candidates) => candidates,
            None => {
                let left = self.index.build(criteria, self.sessions, *budget);
                *budget = left.unwrap_or(0);
                left?;
                candidates.insert(self.index.candidates(criteria))
            }
        };
        let start = out.recipients.len();
        let is_done = self.gather(criteria, candidates, slot, budget, out);
        self.apply(start, outcome, out);
        if !is_done {
            return None;
        }
        let mut outcome = tour.take()?.outcome;
        if let (Outcome::Listed(listing), Verb::List(page)) = (&mut outcome, &self.command.verb) {
            listing.cut(page);
        }
        Some(outcome)
    }

    fn gather_origin(&self, out: &mut Effects) {
        let Some(origin) = self.origin else { return };
        if let Some(session) = self.sessions.get(origin)
            && session.phase == Phase::Open
            && !is_excepted(&self.command.aim, self.origin, origin, session)
        {
            out.recipients.push(origin);
        }
    }

    /// Finds the next sessions that match; true when there are no more.
    fn gather(
        &self,
        criteria: &Criteria,
        candidates: &Candidates,
        slot: &mut u32,
        budget: &mut usize,
        out: &mut Effects,
    ) -> bool {
        let end = self.sessions.slots_end();
        match candidates {
            Candidates::All => self.filter(
                *slot..end,
                criteria,
                criteria.is_everyone(),
                slot,
                budget,
                out,
            ),
            Candidates::Having { field, form } => {
                match self.index.having(field, form, *slot) {
                    None => true,
                    // The only comparison there is has been made by the index.
                    Some(slots) => {
                        let is_sure = criteria.clauses.len() == 1;
                        self.filter(slots, criteria, is_sure, slot, budget, out)
                    }
                }
            }
        }
    }

    fn filter(
        &self,
        slots: impl Iterator<Item = u32>,
        criteria: &Criteria,
        is_sure: bool,
        done: &mut u32,
        budget: &mut usize,
        out: &mut Effects,
    ) -> bool {
        let except = match &self.command.aim.except {
            Some(Except::Matching(except)) => except.cost(),
            Some(Except::Origin) | None => 0,
        };
        let cost_of_visit = VISIT + (criteria.cost() + except) / COMPARISONS;
        let cost_of_match = self.cost_of_match();
        for slot in slots {
            if *budget == 0 {
                return false;
            }
            *budget = budget.saturating_sub(cost_of_visit);
            *done = slot + 1;
            let Some((handle, session)) = self.sessions.open_in(slot) else {
                continue;
            };
            if session.serial <= self.opened
                && (is_sure || criteria.matches(&session.info))
                && !is_excepted(&self.command.aim, self.origin, handle, session)
            {
                *budget = budget.saturating_sub(cost_of_match);
                out.recipients.push(handle);
            }
        }
        true
    }

    /// What it costs to do to one session what the command says.
    fn cost_of_match(&self) -> usize {
        match &self.command.verb {
            Verb::Send(_) | Verb::Close { .. } => SEND,
            Verb::Session { data, unset } => CHANGE + data.len() / BYTES + unset.len(),
            Verb::List(page) => LIST + page.fields.as_ref().map_or(0, Vec::len),
            Verb::Count { .. } | Verb::Answer { .. } | Verb::Log { .. } => LIST,
        }
    }

    /// Does to the sessions gathered from `start` on what the command says.
    fn apply(&mut self, start: usize, outcome: &mut Outcome, out: &mut Effects) {
        let to = start..out.recipients.len();
        if to.is_empty() {
            return;
        }
        match (&self.command.verb, outcome) {
            (Verb::Send(message), Outcome::Sent { matched, .. }) => {
                *matched += to.len();
                out.list.push(Effect::Deliver {
                    message: message.clone(),
                    to,
                    entry: self.entry,
                });
            }
            (Verb::Close { code, reason }, Outcome::Closed { matched }) => {
                *matched += to.len();
                for &handle in &out.recipients[to.clone()] {
                    self.begin_closing(handle);
                }
                out.list.push(Effect::Close {
                    to,
                    code: *code,
                    reason: reason.clone(),
                });
            }
            (Verb::Session { data, unset }, outcome) => {
                // An embedder's data need not have been checked, and the merge goes as deep as it is nested.
                let is_sound = json::check(data.as_bytes()).is_ok();
                let data = json::members(data).ok().flatten().filter(|_| is_sound);
                let data = data.unwrap_or_default();
                for &handle in &out.recipients[to.clone()] {
                    self.change(handle, &data, unset, outcome);
                }
                out.recipients.truncate(start);
            }
            (Verb::List(page), Outcome::Listed(listing)) => {
                for session in out
                    .recipients
                    .drain(to)
                    .filter_map(|handle| self.sessions.get(handle))
                {
                    listing.matched += 1;
                    if page.after.is_none_or(|after| session.order > after) {
                        listing
                            .sessions
                            .push((session.order, listed(&session.info, page)));
                    }
                }
                // A short page of very many sessions need not hold them all until the end.
                if listing.sessions.len() / 2 > page.limit.unwrap_or(usize::MAX) {
                    listing.cut(page);
                }
            }
            (
                Verb::Count { by },
                Outcome::Counted {
                    matched,
                    by: counts,
                },
            ) => {
                *matched += to.len();
                let handles = out.recipients.drain(to);
                if let (Some(field), Some(counts)) = (by, counts) {
                    for session in handles.filter_map(|handle| self.sessions.get(handle)) {
                        if let Some(value) = session.info.get(field) {
                            *counts.entry(form::js_string(value).into()).or_default() += 1;
                        }
                    }
                }
            }
            // The outcome was made for the verb.
            (_, _) => {}
        }
    }

    fn begin_closing(&mut self, handle: SessionHandle) {
        if let Some(session) = self.sessions.get_mut(handle) {
            session.phase = Phase::Unreachable;
            self.index.remove(handle.slot, &session.info);
        }
    }

    fn change(
        &mut self,
        handle: SessionHandle,
        data: &Members<'_>,
        unset: &[Box<str>],
        outcome: &mut Outcome,
    ) {
        let Some(session) = self.sessions.get_mut(handle) else {
            return;
        };
        match session.info.merged(data, unset, self.config.max_session) {
            Ok(changed) => {
                self.index.change(handle.slot, session, changed);
                outcome.merge(Outcome::Changed { matched: 1 });
            }
            Err(first) => {
                let full = CommandError::SessionsFull {
                    matched: 1,
                    refused: 1,
                    first,
                };
                outcome.merge(Outcome::Refused(full));
            }
        }
    }
}

fn is_excepted(
    aim: &Aim,
    origin: Option<SessionHandle>,
    handle: SessionHandle,
    session: &Session,
) -> bool {
    match &aim.except {
        None => false,
        Some(Except::Origin) => origin == Some(handle),
        Some(Except::Matching(criteria)) => criteria.matches(&session.info),
    }
}

/// What a `list` shows of a session.
fn listed(info: &Info, page: &Page) -> Arc<str> {
    let Some(fields) = &page.fields else {
        return info.text().clone();
    };
    let is_wanted = |name: &str| fields.iter().any(|wanted| **wanted == *name);
    json::object(info.fields().filter(|(name, _)| is_wanted(name))).into()
}
