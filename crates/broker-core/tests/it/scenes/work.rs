//! How much is done in one go, and how much is remembered to find sessions faster.

use broker_core::{INDEXED_FIELDS_MAX, Source};

use super::config;
use crate::fleet::Fleet;
use crate::seen::{Seen, joined};
use crate::steps::Role;

/// How many slices of 100 it takes to carry out a command for 60 sessions.
fn slices_of(command: &str) -> usize {
    let mut fleet = Fleet::new(1, &config(|config| config.slice = 100));
    for who in 0..60 {
        fleet.open(0, who, "a=1", Role::Untold);
    }
    fleet.ask(Source::Public, command);
    fleet.work(0);
    let mut slices = 1;
    while fleet.resume(0) {
        slices += 1;
    }
    let seen = joined(&fleet.take_seen());
    let Some(Seen::Executed { outcomes, .. }) = seen.last() else {
        panic!("{command} is not executed: {seen:?}");
    };
    let counts = ["sent", "changed", "matched"].map(|count| outcomes[0].get(count));
    assert!(counts.contains(&Some(&60.into())), "{outcomes:?}");
    slices
}

#[test]
fn a_slice_holds_less_of_what_costs_more() {
    let send = slices_of(r#"{"type":"send","message":1}"#);
    let picky = vec![r#"{"a":{"$gt":0}}"#; 100].join(",");
    let picky = slices_of(&format!(
        r#"{{"type":"send","message":1,"match":{{"$and":[{picky}]}}}}"#
    ));
    let list = slices_of(r#"{"type":"list"}"#);
    let change = slices_of(r#"{"type":"session","data":{"b":2}}"#);
    let long = "x".repeat(5_000);
    let long = slices_of(&format!(r#"{{"type":"session","data":{{"b":"{long}"}}}}"#));
    assert!(
        send < list && list < change && change < long,
        "{send} {list} {change} {long}"
    );
    assert!(send < picky, "{send} {picky}");
}

#[test]
fn fields_that_find_no_room_in_the_index_are_matched_all_the_same() {
    let mut fleet = Fleet::new(1, &config(|_| {}));
    fleet.open(0, 0, "last=1", Role::Untold);
    fleet.open(0, 1, "", Role::Untold);
    for field in 0..INDEXED_FIELDS_MAX {
        let command = format!(r#"{{"type":"send","message":1,"match":{{"field{field}":1}}}}"#);
        fleet.ask(Source::Public, &command);
    }
    fleet.settle();
    fleet.take_seen();
    fleet.ask(
        Source::Public,
        r#"{"type":"send","message":"you","match":{"last":1}}"#,
    );
    fleet.settle();
    let (to, payload) = (vec![0], r#"json "you""#.into());
    assert_eq!(fleet.take_seen()[0], Seen::Sent { to, payload });
}

/// How many slices of ten looks it takes to count those of 100 sessions whose `field` is 1, which is one session.
fn slices_to_find(fleet: &mut Fleet, field: &str) -> usize {
    fleet.ask(
        Source::Public,
        &format!(r#"{{"type":"count","match":{{"{field}":1}}}}"#),
    );
    fleet.work(0);
    let mut slices = 1;
    while fleet.resume(0) {
        slices += 1;
    }
    let Some(Seen::Executed { outcomes, .. }) = fleet.take_seen().pop() else {
        panic!("{field} is not counted");
    };
    assert_eq!(outcomes[0]["counted"], 1, "{field}");
    slices
}

fn hundred_sessions() -> Fleet {
    let mut fleet = Fleet::new(
        1,
        &config(|config| {
            config.slice = 10;
            config.max_session = 2000;
        }),
    );
    let all: Vec<String> = (0..INDEXED_FIELDS_MAX)
        .map(|field| format!("f{field}=1"))
        .collect();
    fleet.open(0, 0, &format!("{}; last=1", all.join("; ")), Role::Untold);
    for who in 1..100 {
        fleet.open(0, who, "", Role::Untold);
    }
    for field in 0..INDEXED_FIELDS_MAX {
        slices_to_find(&mut fleet, &format!("f{field}"));
    }
    fleet
}

#[test]
fn a_field_that_is_used_again_takes_the_place_of_the_one_used_longest_ago() {
    let mut fleet = hundred_sessions();
    slices_to_find(&mut fleet, "last");
    slices_to_find(&mut fleet, "last");
    assert_eq!(slices_to_find(&mut fleet, "last"), 1);
    assert_eq!(slices_to_find(&mut fleet, "f1"), 1, "used after f0");
    assert!(slices_to_find(&mut fleet, "f0") > 1, "its place is taken");
}

#[test]
fn fields_used_in_turn_do_not_push_each_other_out_of_the_index() {
    let mut fleet = hundred_sessions();
    for _ in 0..3 {
        assert!(slices_to_find(&mut fleet, "last") > 1);
        for field in 0..INDEXED_FIELDS_MAX {
            let name = format!("f{field}");
            assert_eq!(slices_to_find(&mut fleet, &name), 1, "{name}");
        }
    }
}

fn room_for_one_field() -> Fleet {
    let mut fleet = Fleet::new(
        1,
        &config(|config| {
            config.slice = 10;
            config.max_indexed_fields = 1;
        }),
    );
    fleet.open(0, 0, "a=1; b=1", Role::Untold);
    for who in 1..100 {
        fleet.open(0, who, "", Role::Untold);
    }
    fleet
}

#[test]
fn where_there_is_room_for_one_field_another_takes_its_place_when_it_is_wanted_again() {
    let mut fleet = room_for_one_field();
    slices_to_find(&mut fleet, "a");
    assert_eq!(slices_to_find(&mut fleet, "a"), 1);
    slices_to_find(&mut fleet, "b");
    slices_to_find(&mut fleet, "b");
    assert_eq!(slices_to_find(&mut fleet, "b"), 1);
    assert!(slices_to_find(&mut fleet, "a") > 1, "its place is taken");
}

#[test]
fn a_field_that_one_command_used_beside_another_is_not_pushed_out_by_that_at_once() {
    let mut fleet = room_for_one_field();
    fleet.ask(Source::Public, r#"{"type":"count","match":{"a":1,"b":1}}"#);
    fleet.settle();
    fleet.take_seen();
    slices_to_find(&mut fleet, "b");
    assert_eq!(slices_to_find(&mut fleet, "a"), 1);
}
