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
        self.sessions.sort_unstable_by_key(|(order, _)| *order);
    }
}

impl CommandList {
    /// What is known of each command before any shard has said what came of it.
    #[must_use]
    pub fn no_outcomes(&self) -> Vec<Outcome> {
        vec![Outcome::Elsewhere; self.entries.len()]
    }

    /// Adds to `gathered` what one more shard has made of the commands; in what order shards are added is the same.
    pub fn gather(&self, gathered: &mut [Outcome], of_shard: Vec<Outcome>) {
        static WHOLE: Page = Page {
            fields: None,
            limit: None,
            after: None,
        };
        for ((all, one), entry) in gathered.iter_mut().zip(of_shard).zip(&self.entries) {
            let page = match entry {
                Entry::Run(Command {
                    verb: Verb::List(page),
                    ..
                }) => page,
                Entry::Run(_) | Entry::Refused { .. } | Entry::Other(_) => &WHOLE,
            };
            all.merge(one, page);
        }
    }
}

impl Outcome {
    /// Adds what another shard, or another session, has made of the same command. `page` is the page of a `list`.
    pub(crate) fn merge(&mut self, other: Outcome, page: &Page) {
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
                listing.cut(page);
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
