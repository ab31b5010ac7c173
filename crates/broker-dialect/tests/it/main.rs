//! The documentation, run.

use std::path::Path;

use broker_testkit::transcript;

#[test]
fn the_docs_are_true() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let titles = transcript::check_docs(&docs).unwrap_or_else(|faults| panic!("{faults}"));
    for topic in ["Protocol", "The dialect `wsbroker`", "The dialect `echo`"] {
        assert!(
            titles.iter().any(|title| title.starts_with(topic)),
            "no transcript under `{topic}`: {titles:?}"
        );
    }
}
