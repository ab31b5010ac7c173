//! Carrying out lists of commands: one after the other, each in slices where it touches very many sessions.

mod work;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use self::work::{VISIT, Work};
use super::index::{Candidates, Index};
use super::requests::Requests;
use super::sessions::Sessions;
use crate::command::{Command, CommandError, Entry, LogLevel, OtherCommand, Verb};
use crate::config::Config;
use crate::criteria::Criteria;
use crate::effect::{Effect, Effects, Orders, Source};
use crate::outcome::{Listing, Outcome};
use crate::request::Ack;
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
    /// How far the entry after them has come, if it goes through the sessions.
    tour: Option<Tour>,
}

/// How far one entry has come in going through the sessions.
#[derive(Debug)]
struct Tour {
    /// Known once the index is built.
    candidates: Option<Candidates>,
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
            tour: None,
        });
    }

    /// Works for one slice; returns each list that is completed by it.
    pub(super) fn run(
        &mut self,
        sessions: &mut Sessions,
        index: &mut Index,
        requests: &mut Requests,
        config: &Config,
        budget: &mut usize,
        out: &mut Effects,
    ) -> Option<(Orders, Vec<Outcome>)> {
        let job = self.jobs.front_mut()?;
        while job.outcomes.len() < job.orders.list.entries.len() {
            if *budget == 0 {
                return None;
            }
            let outcome = job.step(sessions, index, requests, config, budget, out)?;
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
        requests: &mut Requests,
        config: &Config,
        budget: &mut usize,
        out: &mut Effects,
    ) -> Option<Outcome> {
        let list = self.orders.list.clone();
        let entry = self.outcomes.len();
        match Task::of(&list.entries[entry], self.orders.source) {
            Task::Refuse(_) | Task::RunOther(_) | Task::Log { .. } if !self.is_leader => {
                Some(Outcome::Elsewhere)
            }
            Task::Refuse(error) => Some(Outcome::Refused(error.clone())),
            Task::RunOther(command) => {
                out.list.push(Effect::RunOther {
                    command: command.clone(),
                    origin: self.origin,
                    entry,
                });
                Some(Outcome::Refused(CommandError::Unknown(
                    command.name.clone(),
                )))
            }
            Task::Log { text, level } => {
                let text = text.into();
                out.list.push(Effect::Log { text, level });
                Some(Outcome::Logged)
            }
            Task::Answer(ack, message) => {
                // An ack of a shard that there is not was made up; one shard alone says so.
                let is_here = ack.request.shard == config.shard;
                if !is_here && (ack.request.shard < config.shards || !self.is_leader) {
                    return Some(Outcome::Elsewhere);
                }
                let (number, message) = (ack.request.number, message.cloned());
                let is_heard = is_here
                    && config.secret.has_asked(ack, None)
                    && requests.answer(number, None, message, sessions, out);
                Some(match is_heard {
                    true => Outcome::Answered,
                    false => Outcome::Refused(CommandError::NothingAsked),
                })
            }
            Task::Reach(command, criteria) => {
                let work = Work {
                    sessions,
                    index,
                    config,
                    command,
                    opened: self.opened,
                    origin: self.origin,
                    entry,
                };
                match criteria {
                    None => Some(work.for_origin(budget, out)),
                    Some(criteria) => work.for_matching(criteria, &mut self.tour, budget, out),
                }
            }
        }
    }
}

/// What there is to do about an entry.
enum Task<'a> {
    /// One shard alone gives the reason.
    Refuse(&'a CommandError),
    /// One shard alone asks the driver for it.
    RunOther(&'a OtherCommand),
    /// One shard alone writes the line.
    Log { text: &'a str, level: LogLevel },
    /// The shard of who has asked gives them the answer.
    Answer(Ack, Option<&'a Bytes>),
    /// Every shard does it to those of its sessions that match; without criteria, to the session that caused the list.
    Reach(&'a Command, Option<&'a Criteria>),
}

impl<'a> Task<'a> {
    fn of(entry: &'a Entry, source: Source) -> Task<'a> {
        let command = match entry {
            Entry::Refused { error, .. } => return Task::Refuse(error),
            Entry::Other(command) => return Task::RunOther(command),
            Entry::Run(command) => command,
        };
        let is_for_all_without_criteria = match &command.verb {
            Verb::Log { text, level } => {
                return Task::Log {
                    text,
                    level: *level,
                };
            }
            Verb::Answer { ack, message } => return Task::Answer(*ack, message.as_ref()),
            // They ask about everyone, even in the answer to an event.
            Verb::List(_) | Verb::Count { .. } => true,
            Verb::Send(_) | Verb::Session { .. } | Verb::Close { .. } => source != Source::Answer,
        };
        let everyone = is_for_all_without_criteria.then_some(&EVERYONE);
        Task::Reach(command, command.aim.criteria.as_ref().or(everyone))
    }
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
        Verb::Answer { .. } => Outcome::Answered,
        Verb::Log { .. } => Outcome::Logged,
    }
}
