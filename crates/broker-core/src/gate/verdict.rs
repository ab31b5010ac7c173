//! Whether the backend is there, judged by what comes of calls.

use std::num::NonZeroU32;

use super::GateConfig;
use crate::config::Backoff;
use crate::random::Dice;
use crate::session::SessionHandle;
use crate::time::Timestamp;

/// What came of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// When it went out.
    pub(crate) sent: Timestamp,
    pub(crate) is_probe: bool,
    pub(crate) news: News,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// The backend has answered, whatever it said.
    Answered,
    /// It has not, or has said that it can't.
    Failed {
        /// Whose event it was; the first one's, if it was about several.
        session: SessionHandle,
        is_about_several: bool,
        /// No connection could be made.
        is_refusal: bool,
        /// The backend has too much to do.
        is_overload: bool,
    },
}

/// The backend is *away* when it refuses connections, or when the last calls have all failed, over at least two
/// connections or the only one. From then on one probe at a time finds out whether it is back.
///
/// Calls that were under way when the verdict changed say nothing about the time since, and are passed over.
#[derive(Debug)]
pub(super) struct Verdict {
    away_after: Option<NonZeroU32>,
    probing: Backoff,
    dice: Dice,
    presence: Presence,
    /// When it last changed.
    since: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum Presence {
    Here {
        /// How many calls have failed since the last one that was answered.
        failures: u32,
        /// Whose event the first of them was.
        first: Option<(u16, SessionHandle)>,
        are_of_several: bool,
    },
    Away {
        failed_probes: u32,
        /// When the next probe may be made.
        probe_at: Timestamp,
        /// Who is making one.
        prober: Option<u16>,
        /// Nobody but this shard may, since it has to tell the backend first that the broker has started.
        starter: Option<u16>,
    },
}

const HERE: Presence = Presence::Here {
    failures: 0,
    first: None,
    are_of_several: false,
};

impl Verdict {
    pub(super) fn new(config: &GateConfig) -> Verdict {
        Verdict {
            away_after: config.away_after,
            probing: config.probing,
            dice: Dice::new(config.seed),
            presence: if config.begins_shut {
                Presence::Away {
                    failed_probes: 0,
                    probe_at: Timestamp(0),
                    prober: None,
                    starter: Some(0),
                }
            } else {
                HERE
            },
            since: Timestamp(0),
        }
    }

    /// Whether nothing may go out but a probe.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.presence, Presence::Away { .. })
    }

    /// Whether the backend is known to be away; when the broker has just started, nothing is known.
    pub(super) fn is_away(&self) -> bool {
        match self.presence {
            Presence::Here { .. } => false,
            Presence::Away {
                failed_probes,
                starter,
                ..
            } => starter.is_none() || failed_probes > 0,
        }
    }

    /// Whether every answer matters, since it ends a row of failures.
    pub(super) fn is_watching(&self) -> bool {
        matches!(self.presence, Presence::Here { failures: 1.., .. })
    }

    pub(super) fn hear(&mut self, now: Timestamp, shard: u16, report: &Report, is_only: bool) {
        if report.is_probe {
            self.hear_of_probe(now, shard, report);
        } else if report.sent >= self.since && !self.is_shut() {
            self.hear_of_call(now, shard, report, is_only);
        }
    }

    fn hear_of_probe(&mut self, now: Timestamp, shard: u16, report: &Report) {
        let Presence::Away {
            failed_probes,
            starter,
            prober,
            ..
        } = self.presence
        else {
            return;
        };
        if prober != Some(shard) {
            return;
        }
        match report.news {
            News::Answered => self.change(now, HERE),
            News::Failed { .. } => {
                let failed_probes = failed_probes.saturating_add(1);
                self.presence = self.away(now, failed_probes, starter);
            }
        }
    }

    fn hear_of_call(&mut self, now: Timestamp, shard: u16, report: &Report, is_only: bool) {
        let News::Failed {
            session,
            is_about_several,
            is_refusal,
            ..
        } = report.news
        else {
            self.presence = HERE;
            return;
        };
        if let Presence::Here {
            failures,
            first,
            are_of_several,
        } = &mut self.presence
        {
            let who = (shard, session);
            *failures = failures.saturating_add(1);
            *are_of_several |= is_about_several || first.is_some_and(|first| first != who);
            first.get_or_insert(who);
            let Some(away_after) = self.away_after else {
                return;
            };
            let is_enough = *failures >= away_after.get() && (*are_of_several || is_only);
            if is_refusal || is_enough {
                let away = self.away(now, 0, None);
                self.change(now, away);
            }
        }
    }

    fn away(&mut self, now: Timestamp, failed_probes: u32, starter: Option<u16>) -> Presence {
        let wait = self
            .probing
            .wait(failed_probes.saturating_add(1), self.dice.roll(), None);
        Presence::Away {
            failed_probes,
            probe_at: now.after(wait),
            prober: None,
            starter,
        }
    }

    fn change(&mut self, now: Timestamp, presence: Presence) {
        self.presence = presence;
        self.since = now;
    }

    /// When a shard may probe; never, while another does or another has to.
    pub(super) fn probe_at(&self, shard: u16) -> Option<Timestamp> {
        match self.presence {
            Presence::Away {
                probe_at,
                prober: None,
                starter,
                ..
            } if starter.is_none_or(|starter| starter == shard) => Some(probe_at),
            Presence::Away { .. } | Presence::Here { .. } => None,
        }
    }

    pub(super) fn prober(&self) -> Option<u16> {
        match self.presence {
            Presence::Away { prober, .. } => prober,
            Presence::Here { .. } => None,
        }
    }

    pub(super) fn probe_given_to(&mut self, shard: u16) {
        if let Presence::Away { prober, .. } = &mut self.presence {
            *prober = Some(shard);
        }
    }

    /// A shard that was to probe does not.
    pub(super) fn probe_given_up(&mut self, shard: u16) {
        if let Presence::Away { prober, .. } = &mut self.presence
            && *prober == Some(shard)
        {
            *prober = None;
        }
    }

    /// A shard has told the backend that the broker has started, or has given up on it.
    pub(super) fn start_is_over(&mut self, shard: u16) {
        if let Presence::Away { starter, .. } = &mut self.presence
            && *starter == Some(shard)
        {
            *starter = None;
        }
    }
}
