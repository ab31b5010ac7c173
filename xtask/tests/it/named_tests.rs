//! The tables of `docs/testing.md` name tests; each of them exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The headings of columns that name tests.
const HEADINGS: [&str; 2] = ["held by", "caught by"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The last cell of every row under such a heading.
fn cells(document: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut names_tests = false;
    for line in document.lines() {
        let Some(row) = line.strip_prefix('|') else {
            names_tests = false;
            continue;
        };
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next();
        match last.map(str::trim) {
            Some(cell) if HEADINGS.contains(&cell) => names_tests = true,
            Some(cell) if names_tests => found.push(cell),
            Some(_) | None => {}
        }
    }
    found
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The name of a test is a claim, and so has more words than the name of a file.
fn is_test(name: &str) -> bool {
    let is_letter =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    name.matches('_').count() >= 2 && name.chars().all(is_letter)
}

/// The names of all functions in the Rust files below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("a folder of ours").path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            let after_fn = text.split("fn ").skip(1);
            names.extend(
                after_fn
                    .filter_map(|rest| rest.split(['(', '<']).next())
                    .map(str::to_owned),
            );
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let document =
        fs::read_to_string(root().join("docs/testing.md")).expect("the document is there");
    let cells = cells(&document);
    let named = || cells.iter().flat_map(|cell| quoted(cell));
    let mut known = BTreeSet::new();
    functions(&root().join("crates"), &mut known);
    let missing: Vec<&str> = named()
        .filter(|name| is_test(name) && !known.contains(*name))
        .collect();
    assert!(missing.is_empty(), "named, but not there: {missing:#?}");
    assert!(named().any(is_test), "no test is named at all");
    for file in named().filter(|name| name.ends_with(".test.mjs")) {
        assert!(
            root().join("e2e").join(file).exists(),
            "{file} is not there"
        );
    }
}

#[test]
fn every_file_of_end_to_end_tests_is_described() {
    let files = fs::read_dir(root().join("e2e")).expect("the folder is there");
    let files: Vec<String> = files
        .map(|entry| entry.expect("a folder of ours").file_name())
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".test.mjs"))
        .collect();
    assert!(!files.is_empty());
    for document in ["docs/testing.md", "e2e/README.md"] {
        let text = fs::read_to_string(root().join(document)).expect("the document is there");
        let is_missing = |name: &&String| !text.contains(&format!("`{name}`"));
        let missing: Vec<&String> = files.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{document} lacks {missing:?}");
    }
}

#[test]
fn tests_are_named_in_the_last_column_of_their_tables() {
    let document = "`not_in_a_table`\n\n| what `a_b_c` | held by |\n| --- | --- |\n| `no_test_here` | `one_two_three` (`limits`), 5 in `x.test.mjs` |\n\n\
                    | file | says |\n| --- | --- |\n| a | `something_quite_else` |\n";
    let cells = cells(document);
    let names: Vec<&str> = cells.iter().flat_map(|cell| quoted(cell)).collect();
    assert_eq!(names, ["one_two_three", "limits", "x.test.mjs"]);
    let is_test: Vec<bool> = names.into_iter().map(is_test).collect();
    assert_eq!(is_test, [true, false, false]);
}
