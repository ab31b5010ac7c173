//! Carrying out lists of commands: one after the other, each in slices where it touches very many sessions.

mod work;

use std::collections::{BTreeMap, VecDeque};

use self::work::{VISIT, Work};
use super::index::{Candidates, Index};
use super::sessions::Sessions;
use crate::command::{CommandError, Entry, Verb};
use crate::config::Config;
use crate::criteria::Criteria;
use crate::effect::{Effect, Effects, Orders, Source};
use crate::outcome::{Listing, Outcome};
use crate::session::SessionHandle;

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
