//! The documentation, run; and what every dialect has to hold.

mod any_dialect;

use std::path::Path;

use broker_dialect::DialectKind;
use broker_testkit::transcript;

#[test]
fn the_docs_are_true_and_every_dialect_has_a_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let titles = transcript::check_docs(&docs).unwrap_or_else(|faults| panic!("{faults}"));
    let pages = DialectKind::ALL.map(|kind| format!("The dialect `{kind}`"));
    for topic in pages.iter().map(String::as_str).chain(["Protocol"]) {
        assert!(
            titles.iter().any(|title| title.starts_with(topic)),
            "no transcript under `{topic}`: {titles:?}"
        );
    }
}
