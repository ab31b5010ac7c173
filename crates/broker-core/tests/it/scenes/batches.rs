//! Events that go out together.

use broker_core::{Config, GateConfig};

use crate::world::{Mood, World};

/// One shard that tells four events at once, to a backend that takes 100 ms; so many clients whose connect is told.
fn world(clients: usize, max_in_flight: usize) -> World {
    let mut config = Config::default();
    config.batch = 4;
    let mut gate = GateConfig::default();
    gate.max_in_flight = max_in_flight;
    gate.is_paced = false;
    let mut world = World::new(1, &gate, &config);
    for _ in 0..clients {
        world.open();
    }
    world.pass(10_000);
    world.mood = Mood::Well(100);
    world.calls.clear();
    world
}

/// When each call was made, in milliseconds since `start`, and for whom.
fn calls(world: &World, start: u64) -> Vec<(u64, &[usize])> {
    let calls = world.calls.iter();
    calls
        .map(|(time, who)| (time.0 - start, &who[..]))
        .collect()
}

#[test]
fn an_event_with_nothing_under_way_goes_out_at_once_and_others_wait_5_ms_for_company() {
    let mut world = world(8, 0);
    let start = world.now.0;
    world.say(0, "1");
    world.say(1, "1");
    world.pass(3);
    world.say(2, "1");
    world.pass(1_000);
    assert_eq!(calls(&world, start), [(0, &[0][..]), (5, &[1, 2])]);
}

#[test]
fn as_many_as_go_out_together_wait_for_nobody() {
    let mut world = world(8, 0);
    let start = world.now.0;
    for who in 0..6 {
        world.say(who, "1");
    }
    world.pass(50);
    let expected = [(0, &[0][..]), (0, &[1, 2, 3, 4]), (5, &[5])];
    assert_eq!(calls(&world, start), expected);
}

#[test]
fn those_who_wait_for_a_permit_go_out_together_when_there_is_one() {
    let mut world = world(8, 1);
    let start = world.now.0;
    for who in 0..7 {
        world.say(who, "1");
    }
    world.pass(1_000);
    let expected = [(0, &[0][..]), (100, &[1, 2, 3, 4]), (200, &[5, 6])];
    assert_eq!(calls(&world, start), expected);
}

#[test]
fn whom_a_full_call_leaves_behind_waits_5_ms_from_then_on() {
    let mut world = world(9, 2);
    let start = world.now.0;
    world.say(0, "1");
    world.say(1, "1");
    world.pass(10);
    for who in 2..8 {
        world.say(who, "1");
    }
    world.pass(1_000);
    let expected = [
        (0, &[0][..]),
        (5, &[1]),
        (100, &[2, 3, 4, 5]),
        (105, &[6, 7]),
    ];
    assert_eq!(calls(&world, start), expected);
}

#[test]
fn those_who_have_left_go_out_with_those_who_are_there() {
    let mut world = world(8, 1);
    let start = world.now.0;
    world.say(0, "1");
    world.leave(1);
    world.leave(2);
    world.say(3, "1");
    world.pass(1_000);
    let [(0, [0]), (100, together)] = calls(&world, start)[..] else {
        panic!("{:?}", world.calls);
    };
    assert_eq!(together.len(), 3);
}

#[test]
fn a_call_that_is_made_again_is_made_as_it_was_and_keeps_nobody_waiting() {
    let mut world = world(8, 0);
    let start = world.now.0;
    world.mood = Mood::Well(1_000);
    world.say(7, "1");
    world.mood = Mood::Unwilling(500);
    world.say(0, "1");
    world.say(1, "1");
    world.pass(5);
    world.mood = Mood::Well(100);
    world.pass(1_000);
    // It has failed after 1 ms, and its wait is 96 ms.
    let expected = [(0, &[7][..]), (5, &[0, 1]), (102, &[0, 1])];
    assert_eq!(calls(&world, start), expected);
}

#[test]
fn a_handshake_goes_out_at_once_and_alone() {
    let mut world = world(8, 0);
    let start = world.now.0;
    world.say(0, "1");
    world.say(1, "1");
    let new = world.knock();
    world.pass(50);
    // Whoever waited for company goes with it, though not in it.
    let made = calls(&world, start);
    assert!(made.contains(&(0, &[new][..])), "{made:?}");
    assert!(made.iter().all(|(_, who)| who.len() == 1), "{made:?}");
    world.pass(100);
    assert_eq!(world.admitted, [new]);
}
