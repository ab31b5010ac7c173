//! A broker that has just started: nothing is told before the backend knows of it.

use std::num::NonZeroU32;

use broker_core::{Config, GateConfig, Loss};

use crate::world::{Mood, World};

/// A gate that lets nothing through before the start is told.
fn shut() -> GateConfig {
    let mut gate = GateConfig::default();
    gate.begins_shut = true;
    gate
}

/// One that is never shut, so that it is the shard that keeps the order.
fn open() -> GateConfig {
    let mut gate = GateConfig::default();
    gate.away_after = None;
    gate
}

#[test]
fn no_shard_tells_anything_before_the_backend_knows_that_the_broker_has_started() {
    let mut config = Config::default();
    config.batch = 8;
    let mut world = World::new(3, &shut(), &config);
    world.mood = Mood::Refusing;
    let start = world.start();
    let everyone: Vec<usize> = (0..9).map(|_| world.open()).collect();
    world.pass(20_000);
    assert!(world.calls.len() > 5);
    assert!(world.calls.iter().all(|(_, who)| *who == [start]));
    world.mood = Mood::Well(5);
    world.pass(6_000);
    world.end_well();
    for who in everyone {
        assert!(world.calls.iter().any(|(_, told)| told.contains(&who)));
    }
}

#[test]
fn a_backend_that_does_not_take_the_start_is_away_from_the_first_failure_on() {
    let mut gate = shut();
    gate.away_after = NonZeroU32::new(100);
    let mut world = World::new(2, &gate, &Config::default());
    world.mood = Mood::Unwilling(503);
    world.start();
    assert!(!world.is_away(), "nothing is known yet");
    world.pass(60_000);
    assert!(world.is_away());
    let times: Vec<u64> = world.calls.iter().map(|(time, _)| time.0).collect();
    let waits: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits[0] <= 200, "{waits:?}");
    assert!(*waits.last().unwrap() >= 2_500, "{waits:?}");
    world.end_well();
}

#[test]
fn a_start_that_fails_keeps_its_place_before_all_others() {
    let mut config = Config::default();
    config.batch = 8;
    let mut world = World::new(1, &open(), &config);
    world.mood = Mood::Unwilling(500);
    let start = world.start();
    for _ in 0..5 {
        world.open();
    }
    assert_eq!(world.sessions(), 5, "the start is not one of them");
    world.pass(10_000);
    assert!(world.calls.len() > 3);
    assert!(world.calls.iter().all(|(_, who)| *who == [start]));
    world.mood = Mood::Well(5);
    world.pass(6_000);
    assert_eq!((world.events_held(), world.sessions()), (0, 5));
    world.end_well();
}

#[test]
fn a_start_that_is_given_up_lets_the_others_go() {
    let mut world = World::new(1, &open(), &Config::default());
    world.mood = Mood::Unwilling(404);
    let start = world.start();
    world.mood = Mood::Well(5);
    world.open();
    world.pass(20);
    let [(who, Loss::Refused(_))] = &world.lost[..] else {
        panic!("{:?}", world.lost);
    };
    assert_eq!(*who, start);
    assert_eq!((world.events_held(), world.sessions()), (0, 1));
    world.end_well();
}
