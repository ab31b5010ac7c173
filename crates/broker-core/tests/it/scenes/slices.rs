//! How much of each command fits into one slice of work.

use std::fmt::Write;

use broker_core::Source;
use expect_test::expect;

use super::config;
use crate::fleet::Fleet;
use crate::steps::Role;

/// A shard of slices of 100, with so many sessions.
fn shard_of(sessions: usize) -> Fleet {
    let mut fleet = Fleet::new(
        1,
        &config(|config| {
            config.slice = 100;
            config.max_session = 2000;
        }),
    );
    for who in 0..sessions {
        fleet.open(0, who, "a=1", Role::Untold);
    }
    fleet
}

/// How many slices it takes to carry out a command.
fn slices_of(command: &str, fleet: &mut Fleet) -> usize {
    fleet.ask(Source::Public, command);
    fleet.work(0);
    let mut slices = 1;
    while fleet.resume(0) {
        slices += 1;
    }
    slices
}

/// A test that holds for all, or for none, and is no work for the index.
const ALL: &str = r#"{"a":{"$exists":true}}"#;
const NONE: &str = r#"{"b":{"$exists":true}}"#;

#[test]
fn looks_comparisons_and_what_is_done_have_their_costs() {
    let send = |more: &str| format!(r#"{{"type":"send","message":1{more}}}"#);
    let several = |count: usize| vec![NONE; count].join(",");
    let with_match = |criteria: &str| send(&format!(r#","match":{criteria}"#));
    let any = |count: usize| with_match(&format!(r#"{{"$or":[{}]}}"#, several(count)));
    let change = |bytes: usize, unset: &str| {
        let long = "x".repeat(bytes - r#"{"c":""}"#.len());
        format!(r#"{{"type":"session","data":{{"c":"{long}"}},"unset":[{unset}]}}"#)
    };
    let mut seen = String::new();
    for (what, command) in [
        ("send to nobody", with_match(NONE)),
        ("send to all", send("")),
        ("send to all of 1 comparison", with_match(ALL)),
        ("send to none of 1 + 2 comparisons", any(1)),
        ("send to none of 1 + 4 comparisons", any(2)),
        ("send to none of 1 + 6 comparisons", any(3)),
        ("send to none of 1 + 8 comparisons", any(4)),
        ("send to none of 1 + 14 comparisons", any(7)),
        (
            "send to none of 1 + 2 comparisons, but for 1",
            send(&format!(r#","match":{{"$or":[{NONE}]}},"except":{NONE}"#)),
        ),
        ("send to all but all", send(&format!(r#","except":{ALL}"#))),
        (
            "send to all of not (1 + 6 comparisons)",
            with_match(&format!(r#"{{"$not":{{"$or":[{}]}}}}"#, several(3))),
        ),
        ("close", r#"{"type":"close"}"#.into()),
        ("count", r#"{"type":"count"}"#.into()),
        ("list", r#"{"type":"list"}"#.into()),
        (
            "list of 5 fields",
            r#"{"type":"list","fields":["a","b","c","d","e"]}"#.into(),
        ),
        ("session of 99 bytes", change(99, "")),
        ("session of 1000 bytes", change(1000, "")),
        (
            "session of 1000 bytes without 15 fields",
            change(1000, &vec![r#""d""#; 15].join(",")),
        ),
    ] {
        writeln!(
            seen,
            "{what}: {} slices",
            slices_of(&command, &mut shard_of(200))
        )
        .unwrap();
    }
    expect![[r#"
        send to nobody: 2 slices
        send to all: 4 slices
        send to all of 1 comparison: 4 slices
        send to none of 1 + 2 comparisons: 2 slices
        send to none of 1 + 4 comparisons: 4 slices
        send to none of 1 + 6 comparisons: 4 slices
        send to none of 1 + 8 comparisons: 6 slices
        send to none of 1 + 14 comparisons: 8 slices
        send to none of 1 + 2 comparisons, but for 1: 4 slices
        send to all but all: 2 slices
        send to all of not (1 + 6 comparisons): 8 slices
        close: 4 slices
        count: 10 slices
        list: 10 slices
        list of 5 fields: 20 slices
        session of 99 bytes: 40 slices
        session of 1000 bytes: 50 slices
        session of 1000 bytes without 15 fields: 67 slices
    "#]]
    .assert_eq(&seen);
}

#[test]
fn a_field_is_indexed_with_one_look_at_each_session() {
    let count = r#"{"type":"count","match":{"b":1}}"#;
    let nobody_has_it = |sessions| {
        let mut fleet = shard_of(sessions);
        [(); 2].map(|()| slices_of(count, &mut fleet))
    };
    assert_eq!(nobody_has_it(200), [2, 1]);
    assert_eq!(nobody_has_it(201), [3, 1]);
}
