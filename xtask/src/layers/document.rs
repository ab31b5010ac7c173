//! The crates that `docs/architecture.md` names, against those that there are.

use std::collections::BTreeSet;

/// Every crate of the tree must be named in code quotes; every table row that opens with a crate's name must have one.
pub(super) fn faults_of(text: &str, crates: &BTreeSet<&str>) -> Vec<String> {
    let unnamed = crates
        .iter()
        .filter(|name| !text.contains(&format!("`{name}`")))
        .map(|name| format!("docs/architecture.md does not name `{name}`"));
    let invented = text
        .lines()
        .filter_map(crate_of_row)
        .filter(|name| !crates.contains(name))
        .map(|name| {
            format!("docs/architecture.md has a row for `{name}`, which is not in crates/")
        });
    unnamed.chain(invented).collect()
}

/// `broker-core` for the line "| `broker-core` | … |".
fn crate_of_row(line: &str) -> Option<&str> {
    let cell = line.trim_start().strip_prefix('|')?.split('|').next()?;
    let name = cell.trim().strip_prefix('`')?.split('`').next()?;
    name.starts_with("broker-").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "| crate | holds |\n| --- | --- |\n| `broker-core` | state |\n\nSee `broker-bench`.";

    #[test]
    fn a_document_that_names_all_crates_is_right() {
        let crates = BTreeSet::from(["broker-bench", "broker-core"]);
        assert_eq!(faults_of(DOCUMENT, &crates), [""; 0]);
    }

    #[test]
    fn a_crate_that_the_document_leaves_out_is_found() {
        let crates = BTreeSet::from(["broker-bench", "broker-core", "broker-cor"]);
        assert_eq!(
            faults_of(DOCUMENT, &crates),
            ["docs/architecture.md does not name `broker-cor`"]
        );
    }

    #[test]
    fn a_row_for_a_crate_that_is_gone_is_found() {
        let crates = BTreeSet::from(["broker-bench"]);
        assert_eq!(
            faults_of(DOCUMENT, &crates),
            ["docs/architecture.md has a row for `broker-core`, which is not in crates/"]
        );
    }
}
