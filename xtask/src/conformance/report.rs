//! What kosoku writes down, and what of it is a fault.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::Result;

use super::selection::Selection;

/// The verdicts of one run, by the number of the section and of the case in it.
#[derive(Debug)]
pub(super) struct Report {
    sections: BTreeMap<u32, Vec<Case>>,
}

#[derive(Debug, Deserialize)]
struct Case {
    #[serde(skip)]
    name: String,
    /// On what the broker echoed.
    behavior: String,
    /// On how it closed.
    #[serde(rename = "behaviorClose")]
    behavior_close: String,
}

impl Report {
    /// Reads an `index.json`: for the one server that was played against, each case by its name.
    pub(super) fn read(text: &str) -> Result<Report> {
        let servers: BTreeMap<String, BTreeMap<String, Case>> = serde_json::from_str(text)
            .map_err(|error| format!("the report of the cases can't be read: {error}"))?;
        let mut servers = servers.into_values();
        let (Some(cases), None) = (servers.next(), servers.next()) else {
            return Err("the report is not about one server".into());
        };
        let mut sections: BTreeMap<u32, Vec<Case>> = BTreeMap::new();
        for (name, case) in cases {
            let section = name
                .split('.')
                .next()
                .and_then(|number| number.parse().ok());
            let section = section.ok_or_else(|| format!("`{name}` names no case"))?;
            sections
                .entry(section)
                .or_default()
                .push(Case { name, ..case });
        }
        Ok(Report { sections })
    }

    /// A line for each section, and the sum.
    pub(super) fn table(&self) -> String {
        let mut table = format!(
            "\n{:<7} {:>6} {:>6} {:>14} {:>11}\n",
            "section", "cases", "OK", "informational", "not passed"
        );
        let mut line = |name: &str, cases: &[&Case]| {
            let of = |holds: fn(&Case) -> bool| cases.iter().filter(|case| holds(case)).count();
            let (ok, not_passed) = (of(Case::is_ok), of(|case| !case.has_passed()));
            let rest = cases.len() - ok - not_passed;
            // A String takes whatever is written.
            let _ = writeln!(
                table,
                "{name:<7} {:>6} {ok:>6} {rest:>14} {not_passed:>11}",
                cases.len()
            );
        };
        for (number, cases) in &self.sections {
            line(&number.to_string(), &cases.iter().collect::<Vec<_>>());
        }
        line("all", &self.sections.values().flatten().collect::<Vec<_>>());
        table
    }

    /// What keeps the run from being passed, one line each: cases that did not pass, and sections with another number
    /// of cases than were chosen.
    pub(super) fn faults(&self, selection: &Selection) -> Vec<String> {
        let cases = self.sections.values().flatten();
        let failed = cases.filter(|case| !case.has_passed()).map(|case| {
            let Case {
                name,
                behavior,
                behavior_close,
            } = case;
            format!("{name}: {behavior}, and its closing {behavior_close}")
        });
        let chosen: BTreeMap<u32, usize> = { &selection.sections }
            .iter()
            .map(|section| (section.number, section.cases))
            .collect();
        let all = { chosen.keys() }.chain(
            self.sections
                .keys()
                .filter(|number| !chosen.contains_key(number)),
        );
        let missing = all.filter_map(|number| {
            let wanted = chosen.get(number).copied().unwrap_or(0);
            let played = self.sections.get(number).map_or(0, Vec::len);
            (wanted != played).then(|| format!("section {number}: {played} cases, not {wanted}"))
        });
        failed.chain(missing).collect()
    }
}

impl Case {
    fn is_ok(&self) -> bool {
        self.behavior == "OK" && self.behavior_close == "OK"
    }

    fn has_passed(&self) -> bool {
        [&self.behavior, &self.behavior_close]
            .into_iter()
            .all(|verdict| matches!(verdict.as_str(), "OK" | "INFORMATIONAL"))
    }
}

#[cfg(test)]
mod tests;
