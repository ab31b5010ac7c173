//! What came of a command.

mod results;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::{Command, CommandError, CommandList, Entry, Page, Verb};

pub use results::{write_receipts, write_results};

/// What came of one command, on one shard or, merged, on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `send`
    Sent {
        /// How many sessions it was for.
        matched: usize,
        /// How many of them got nothing, since their queue was full; set by the driver.
        dropped: usize,
    },
    /// `session`
    Changed {
        /// How many sessions it was for.
        matched: usize,
    },
    /// `close`
    Closed {
        /// How many connections it closes.
        matched: usize,
    },
    /// `list`
    Listed(Listing),
    /// `count`
    Counted {
        /// How many sessions it was for.
        matched: usize,
        /// Where a field was named: how many sessions have each of its values, by JavaScript string form. Sessions
        /// without the field are not in it.
        by: Option<BTreeMap<Box<str>, usize>>,
    },
    /// `answer`
    Answered,
    /// `log`
    Logged,
    /// A command of the embedder's own; its value is JSON text.
    Own(Box<str>),
    /// The command was refused, or did not do all that was asked.
    Refused(CommandError),
    /// The command was another shard's alone.
    Elsewhere,
}

/// The sessions that a `list` found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// How many sessions it was for, whether listed or not.
    pub matched: usize,
    /// Place in the order of connecting, and session info as JSON text; in that order.
    pub sessions: Vec<(u64, Arc<str>)>,
    /// Whether more match after the last one listed.
    pub has_more: bool,
}

impl Listing {
    /// Where the next page begins: [`Page::after`] of the next `list`.
    #[must_use]
    pub fn cursor(&self) -> Option<u64> {
        self.sessions
            .last()
            .filter(|_| self.has_more)
            .map(|(order, _)| *order)
    }

    /// Puts the sessions in order and cuts them to the page.
    pub(crate) fn cut(&mut self, page: &Page) {
        let limit = page.limit.unwrap_or(usize::MAX);
        if self.sessions.len() > limit {
            if limit > 0 {
                self.sessions
                    .select_nth_unstable_by_key(limit - 1, |(order, _)| *order);
            }
            self.sessions.truncate(limit);
            self.has_more = true;
        }
        // Each shard's part is in order by itself; a stable sort finds such runs and merges them.
        self.sessions.sort_by_key(|(order, _)| *order);
    }
}

impl CommandList {
    /// Puts together what all shards have made of the commands, whose parts may come in any order.
    ///
    /// It takes time where very much was found: see [`Outcome::findings`].
    #[must_use]
    pub fn merge(&self, of_shards: impl IntoIterator<Item = Vec<Outcome>>) -> Vec<Outcome> {
        let mut merged = vec![Outcome::Elsewhere; self.entries.len()];
        for of_shard in of_shards {
            for (all, one) in merged.iter_mut().zip(of_shard) {
                all.merge(one);
            }
        }
        for (outcome, entry) in merged.iter_mut().zip(&self.entries) {
            if let (Outcome::Listed(listing), Some(page)) = (outcome, page_of(entry)) {
                listing.cut(page);
            }
        }
        merged
    }
}

fn page_of(entry: &Entry) -> Option<&Page> {
    match entry {
        Entry::Run(Command {
            verb: Verb::List(page),
            ..
        }) => Some(page),
        Entry::Run(_) | Entry::Refused { .. } | Entry::Other(_) => None,
    }
}

impl Outcome {
    /// How many sessions or values it shows: what it costs to merge it with others and to write it.
    #[must_use]
    pub fn findings(&self) -> usize {
        match self {
            Outcome::Listed(listing) => listing.sessions.len(),
            Outcome::Counted { by: Some(by), .. } => by.len(),
            Outcome::Counted { by: None, .. }
            | Outcome::Sent { .. }
            | Outcome::Changed { .. }
            | Outcome::Closed { .. }
            | Outcome::Answered
            | Outcome::Logged
            | Outcome::Own(_)
            | Outcome::Refused(_)
            | Outcome::Elsewhere => 0,
        }
    }

    /// Adds what another shard, or another session, has made of the same command. Sessions listed are not put in order.
    pub(crate) fn merge(&mut self, other: Outcome) {
        match (&mut *self, other) {
            (_, Outcome::Elsewhere) => {}
            (Outcome::Elsewhere, other) => *self = other,
            (
                Outcome::Sent { matched, dropped },
                Outcome::Sent {
                    matched: more,
                    dropped: lost,
                },
            ) => {
                *matched += more;
                *dropped += lost;
            }
            (Outcome::Changed { matched }, Outcome::Changed { matched: more })
            | (Outcome::Closed { matched }, Outcome::Closed { matched: more }) => *matched += more,
            (Outcome::Listed(listing), Outcome::Listed(more)) => {
                listing.matched += more.matched;
                listing.has_more |= more.has_more;
                listing.sessions.extend(more.sessions);
            }
            (
                Outcome::Counted { matched, by },
                Outcome::Counted {
                    matched: more,
                    by: others,
                },
            ) => {
                *matched += more;
                if let (Some(by), Some(others)) = (by, others) {
                    for (value, count) in others {
                        *by.entry(value).or_default() += count;
                    }
                }
            }
            (
                Outcome::Refused(CommandError::SessionsFull {
                    matched, refused, ..
                }),
                Outcome::Refused(CommandError::SessionsFull {
                    matched: more,
                    refused: unchanged,
                    ..
                }),
            ) => {
                *matched += more;
                *refused += unchanged;
            }
            (
                Outcome::Refused(CommandError::SessionsFull { matched, .. }),
                Outcome::Changed { matched: more },
            ) => *matched += more,
            (
                Outcome::Changed { matched: more },
                Outcome::Refused(CommandError::SessionsFull {
                    matched,
                    refused,
                    first,
                }),
            ) => {
                *self = Outcome::Refused(CommandError::SessionsFull {
                    matched: matched + *more,
                    refused,
                    first,
                });
            }
            // Every shard runs the same command, so nothing else can meet.
            (_, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
