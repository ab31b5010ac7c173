use super::*;

/// Runs the one transcript of a Markdown text; shows what differs.
fn outcome(transcript: &str) -> String {
    let text = format!("# Title\n```transcript\n{transcript}```\n");
    let blocks = page::blocks(&text);
    let path = Path::new("page.md");
    match run(&blocks[0]) {
        Err(fault) => report::broken(path, &blocks[0].title, &fault),
        Ok(differences) => {
            let shown = differences
                .iter()
                .map(|found| report::differing(path, &blocks[0].title, found));
            shown.collect()
        }
    }
}

const GREETING: &str = r#"A connects  Cookie: sid=7
  backend <- A {"type":"session-connect"}  {"sid":"7","ip":"127.0.0.1","wskey":"<A>"}
backend -> A
A -> {"type":"hi"}
  backend <- A (id <A>-2) {"type":"client-hi"}
backend -> A [{"type":"send","message":1}]
  A <- 1
"#;

#[test]
fn what_goes_as_written_passes() {
    assert_eq!(outcome(GREETING), "");
}

#[test]
fn every_other_course_is_shown_beside_what_was_written() {
    let missing = GREETING.replace("  A <- 1\n", "");
    assert_eq!(
        outcome(&missing),
        "\npage.md:8  Title\n    backend -> A [{\"type\":\"send\",\"message\":1}]\n  +   A <- 1\n"
    );
    let more = GREETING.replace("  A <- 1\n", "  A <- 1\n  A <- 2\n");
    assert_eq!(
        outcome(&more),
        "\npage.md:8  Title\n    backend -> A [{\"type\":\"send\",\"message\":1}]\n      A <- 1\n  -   A <- 2\n"
    );
    for (written, wrong) in [
        (r#"{"sid":"7""#, r#"{"sid":"8""#),
        (r#"{"type":"client-hi"}"#, r#"{"type":"client-ho"}"#),
        (r#"{"type":"client-hi"}"#, r#"{"type":"client-hi"} {}"#),
        (r#"{"type":"client-hi"}"#, r#"{"type":"client-hi"} x"#),
        ("(id <A>-2)", "(id <A>-3)"),
        ("(id <A>-2)", "(try 2)"),
        ("backend <- A (id", "backend <- B (id"),
    ] {
        assert!(GREETING.contains(written));
        let outcome = outcome(&GREETING.replace(written, wrong));
        assert!(
            outcome.contains("  -   ") && outcome.contains("  +   "),
            "{wrong}: {outcome}"
        );
    }
}

#[test]
fn a_second_try_cannot_pass_for_a_first() {
    let retried = r#"A is connected
A -> 1
  backend <- A 1
backend fails A: 502
  held A: backend answered 502
time passes
  backend <- A (try 2) 1
"#;
    assert_eq!(outcome(retried), "");
    assert!(outcome(&retried.replace("(try 2) ", "")).contains("+   backend <- A (try 2) 1"));
}

#[test]
fn what_cannot_be_done_is_a_fault_of_the_transcript() {
    for (transcript, fault) in [
        ("A <- 1\n", "page.md:3  Title\n  ! not a cue: `A <- 1`"),
        ("A -> 1\n", "! there is no A"),
        (
            "A is connected\nA is connected\n",
            "page.md:4  Title\n  ! there is a A already",
        ),
        (
            "A is connected\nbackend -> A\n",
            "! the backend has no event of A to answer",
        ),
        (
            "A is connected\nA is gone\nA -> 1\n",
            "! A has no connection",
        ),
        ("time passes\n", "! nothing is ever due"),
        ("with colour = red\n", "! `colour` cannot be set here"),
        (
            "A is connected\nwith max_session = 1\n",
            "! `max_session` cannot be set here",
        ),
        (
            "    A connects\n",
            "! goes on with a line that is not there",
        ),
    ] {
        let outcome = outcome(transcript);
        assert!(outcome.contains(fault), "{transcript}{outcome}");
    }
}

#[test]
fn an_update_makes_the_file_say_what_was_seen() {
    let text = format!(
        "# Title\n```transcript\n{}```\n",
        GREETING.replace("  A <- 1\n", "  # A comment stays.\n  A <-\n    2\n")
    );
    let differences = run(&page::blocks(&text)[0]).unwrap();
    let updated = report::rewritten(&text, differences.iter());
    assert_eq!(
        updated,
        format!(
            "# Title\n```transcript\n{}```\n",
            GREETING.replace("  A <- 1\n", "  A <- 1\n  # A comment stays.\n")
        )
    );
    assert!(run(&page::blocks(&updated)[0]).unwrap().is_empty());
}

#[test]
fn only_transcripts_are_found_each_under_its_headings() {
    let text = "# A\n## B\n```sh\n# no heading\n```\n```transcript\nx\n```\n## C\n```transcript\ny\nz\n```\n";
    let found: Vec<_> = page::blocks(text)
        .into_iter()
        .map(|block| (block.title, block.first, block.lines))
        .collect();
    assert_eq!(
        found,
        [
            ("A › B".to_owned(), 6, vec!["x"]),
            ("A › C".to_owned(), 10, vec!["y", "z"]),
        ]
    );
}
