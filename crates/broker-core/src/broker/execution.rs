//! Carrying out lists of commands: one after the other, each in slices where it touches very many sessions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::index::{Candidates, Index};
use super::sessions::{Phase, Session, Sessions};
use crate::command::{Aim, Command, CommandError, Entry, Except, Page, Verb};
use crate::config::Config;
use crate::criteria::Criteria;
use crate::effect::{Effect, Effects, Orders, Source};
use crate::form;
use crate::json::{self, Members};
use crate::outcome::{Listing, Outcome};
use crate::session::{Info, SessionHandle};

/// What a look at a session costs, and what is done with it on top, in units of [`Config::slice`].
const VISIT: usize = 1;
const SEND: usize = 1;
const LIST: usize = 4;
const CHANGE: usize = 20;

/// How many comparisons, and how many bytes to merge, cost as much as a look at a session.
const COMPARISONS: usize = 4;
const BYTES: usize = 100;

static EVERYONE: Criteria = Criteria::EVERYONE;

/// The lists that a shard has yet to carry out, oldest first.
#[derive(Debug, Default)]
pub(super) struct Executor {
    jobs: VecDeque<Job>,
}

/// A list that is being carried out.
#[derive(Debug)]
struct Job {
    orders: Orders,
    /// The session that caused it, if it lives on this shard.
    origin: Option<SessionHandle>,
    /// Whether what concerns no session in particular is this shard's to do.
    is_leader: bool,
    /// Sessions opened later are not meant.
    opened: u64,
    /// The entries that are done.
    outcomes: Vec<Outcome>,
    /// How far the entry after them has come.
    progress: Option<Progress>,
}

/// How far one entry has come in going through the sessions.
#[derive(Debug)]
struct Progress {
    candidates: Candidates,
    /// All slots before this one are done.
    slot: u32,
    outcome: Outcome,
}

impl Executor {
    pub(super) fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    pub(super) fn push(&mut self, orders: Orders, sessions: &Sessions, config: &Config) {
        let (origin, is_leader) = match orders.origin {
            Some(origin) if origin.shard == config.shard => (Some(origin.session), true),
            Some(_) => (None, false),
            None => (None, config.shard == 0),
        };
        let outcomes = Vec::with_capacity(orders.list.entries.len());
        self.jobs.push_back(Job {
            orders,
            origin,
            is_leader,
            opened: sessions.opened(),
            outcomes,
            progress: None,
        });
    }

    /// Works for one slice; returns each list that is completed by it.
    pub(super) fn run(
        &mut self,
        sessions: &mut Sessions,
        index: &mut Index,
        config: &Config,
        budget: &mut usize,
        out: &mut Effects,
    ) -> Option<(Orders, Vec<Outcome>)> {
        let job = self.jobs.front_mut()?;
        while job.outcomes.len() < job.orders.list.entries.len() {
            if *budget == 0 {
                return None;
            }
            let outcome = job.step(sessions, index, config, budget, out)?;
            job.outcomes.push(outcome);
            *budget = budget.saturating_sub(VISIT);
        }
        self.jobs.pop_front().map(|job| (job.orders, job.outcomes))
    }
}

impl Job {
    /// Carries on with the current entry; its outcome, once it is done.
    fn step(
        &mut self,
        sessions: &mut Sessions,
        index: &mut Index,
        config: &Config,
        budget: &mut usize,
        out: &mut Effects,
    ) -> Option<Outcome> {
        let list = self.orders.list.clone();
        let entry = self.outcomes.len();
        let command = match &list.entries[entry] {
            Entry::Run(command) => command,
            Entry::Refused { error, .. } => {
                return Some(self.leaders_own(|| Outcome::Refused(error.clone())));
            }
            Entry::Other(command) => {
                return Some(self.leaders_own(|| {
                    out.list.push(Effect::RunOther {
                        command: command.clone(),
                        origin: self.origin,
                        entry,
                    });
                    Outcome::Refused(CommandError::Unknown(command.name.clone()))
                }));
            }
        };
        if let Verb::Log { text, level } = &command.verb {
            return Some(self.leaders_own(|| {
                out.list.push(Effect::Log {
                    text: text.clone(),
                    level: *level,
                });
                Outcome::Logged
            }));
        }
        let mut work = Work {
            sessions,
            index,
            config,
            command,
            opened: self.opened,
            origin: self.origin,
        };
        let start = out.recipients.len();
        if self.orders.source == Source::Answer
            && command.aim.criteria.is_none()
            && !finds_all(&command.verb)
        {
            let mut outcome = nothing_yet(&command.verb);
            work.gather_origin(out);
            *budget = budget.saturating_sub(work.cost_of_match());
            work.apply(start, entry, &mut outcome, out);
            return Some(outcome);
        }
        let criteria = command.aim.criteria.as_ref().unwrap_or(&EVERYONE);
        let progress = match &mut self.progress {
            Some(progress) => progress,
            None => {
                let left = work.index.prepare(criteria, work.sessions, *budget);
                *budget = left.unwrap_or(0);
                left?;
                let candidates = work.index.candidates(criteria);
                self.progress.insert(Progress {
                    candidates,
                    slot: 0,
                    outcome: nothing_yet(&command.verb),
                })
            }
        };
        let is_done = work.gather(criteria, progress, budget, out);
        work.apply(start, entry, &mut progress.outcome, out);
        if !is_done {
            return None;
        }
        let mut outcome = self.progress.take()?.outcome;
        if let (Outcome::Listed(listing), Verb::List(page)) = (&mut outcome, &command.verb) {
            listing.cut(page);
        }
        Some(outcome)
    }

    fn leaders_own(&self, outcome: impl FnOnce() -> Outcome) -> Outcome {
        if self.is_leader {
            outcome()
        } else {
            Outcome::Elsewhere
        }
    }
}

/// Whether a command without criteria is for everyone, even in the answer to an event.
fn finds_all(verb: &Verb) -> bool {
    matches!(verb, Verb::List(_) | Verb::Count { .. })
}

fn nothing_yet(verb: &Verb) -> Outcome {
    match verb {
        Verb::Send(_) => Outcome::Sent {
            matched: 0,
            dropped: 0,
        },
        Verb::Session { .. } => Outcome::Changed { matched: 0 },
        Verb::Close { .. } => Outcome::Closed { matched: 0 },
        Verb::List(_) => Outcome::Listed(Listing::default()),
        Verb::Count { by } => Outcome::Counted {
            matched: 0,
            by: by.as_ref().map(|_| BTreeMap::new()),
        },
        Verb::Log { .. } => Outcome::Logged,
    }
}

/// One slice of one command.
struct Work<'a> {
    sessions: &'a mut Sessions,
    index: &'a mut Index,
    config: &'a Config,
    command: &'a Command,
    opened: u64,
    origin: Option<SessionHandle>,
}

impl Work<'_> {
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
        progress: &mut Progress,
        budget: &mut usize,
        out: &mut Effects,
    ) -> bool {
        let end = self.sessions.slots_end();
        match &progress.candidates {
            Candidates::All => self.filter(
                progress.slot..end,
                criteria,
                criteria.is_everyone(),
                &mut progress.slot,
                budget,
                out,
            ),
            Candidates::Having { field, form } => {
                match self.index.having(field, form, progress.slot) {
                    None => true,
                    // The only comparison there is has been made by the index.
                    Some(slots) => {
                        let is_sure = criteria.clauses.len() == 1;
                        self.filter(slots, criteria, is_sure, &mut progress.slot, budget, out)
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
            Verb::Count { .. } | Verb::Log { .. } => LIST,
        }
    }

    /// Does to the sessions gathered from `start` on what the command says.
    fn apply(&mut self, start: usize, entry: usize, outcome: &mut Outcome, out: &mut Effects) {
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
                    entry,
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
                self.index.remove(handle.slot, &session.info);
                session.info = changed;
                self.index.insert(handle.slot, &session.info);
                outcome.merge(Outcome::Changed { matched: 1 }, &Page::default());
            }
            Err(first) => {
                let full = CommandError::SessionsFull {
                    matched: 1,
                    refused: 1,
                    first,
                };
                outcome.merge(Outcome::Refused(full), &Page::default());
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
    let mut text = vec![b'{'];
    for (name, value) in info
        .fields()
        .filter(|(name, _)| fields.iter().any(|wanted| **wanted == **name))
    {
        if text.len() > 1 {
            text.push(b',');
        }
        json::write_string(&mut text, &name);
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
    }
    text.push(b'}');
    String::from_utf8(text).unwrap_or_default().into()
}
