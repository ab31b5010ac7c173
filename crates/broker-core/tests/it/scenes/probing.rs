//! Finding out whether a backend is back that was away, in ways that are harder than usual.

use std::num::NonZeroU32;
use std::time::Duration;

use broker_core::{Config, GateConfig, Loss};

use crate::world::{Mood, POISON, TIMEOUT_MS, World};

fn world(shards: u16, change: impl FnOnce(&mut GateConfig, &mut Config)) -> World {
    let mut gate = GateConfig::default();
    let mut config = Config::default();
    change(&mut gate, &mut config);
    let mut world = World::new(shards, &gate, &config);
    for _ in 0..8 {
        world.open();
    }
    world.pass(1_000);
    world
}

#[test]
fn calls_from_before_it_was_away_say_nothing_about_a_backend_that_is_back() {
    let mut world = world(1, |_, _| {});
    world.mood = Mood::Hanging;
    for who in 0..6 {
        world.say(who, "1");
    }
    world.pass(100);
    world.mood = Mood::Refusing;
    world.say(6, "1");
    world.pass(10);
    assert!(world.is_away());
    world.mood = Mood::Well(5);
    world.pass(1_000);
    assert!(!world.is_away());
    world.mood = Mood::Hanging;
    world.pass(TIMEOUT_MS - 1_000);
    assert!(!world.is_away(), "six have failed, and none of them is new");
    world.end_well();
}

#[test]
fn calls_from_before_it_was_away_do_not_bring_back_a_backend_that_is_away() {
    let mut world = world(1, |_, _| {});
    world.mood = Mood::Well(100);
    world.say(0, "1");
    world.mood = Mood::Refusing;
    world.say(1, "1");
    let before = world.calls.len();
    world.pass(3_000);
    assert!(world.is_away());
    assert!(world.calls.len() - before < 10, "only probes are made");
    world.end_well();
}

#[test]
fn a_call_from_before_it_was_away_counts_for_its_event_though_not_for_the_backend() {
    let mut world = world(1, |_, config| config.retries = 2);
    world.mood = Mood::Hanging;
    world.say(0, POISON);
    world.mood = Mood::Refusing;
    world.knock();
    world.pass(10);
    assert!(world.is_away());
    world.mood = Mood::Well(5);
    world.say(1, "1");
    world.pass(TIMEOUT_MS - 10);
    world.say(1, "1");
    assert!(world.lost.is_empty());
    // Another is answered between its two failures.
    world.pass(300);
    let [(0, Loss::Poison(_))] = &world.lost[..] else {
        panic!("{:?}", world.lost);
    };
    world.end_well();
}

#[test]
fn a_shard_that_has_nothing_to_probe_with_any_more_lets_another_probe() {
    let mut world = world(2, |_, config| {
        config.max_held_age = Some(Duration::from_millis(10));
    });
    world.open();
    world.pass(100);
    world.mood = Mood::Refusing;
    world.say(0, "1");
    world.pass(1);
    assert!(world.is_away());
    // The first shard waits for its turn with a message that will be too old by then.
    world.say(2, "1");
    world.mood = Mood::Well(5);
    let last = world.open();
    world.pass(200);
    assert!(!world.is_away());
    assert!(world.longest_wait_ms(last) <= 110);
    assert!(world.lost.iter().all(|(_, why)| *why == Loss::Expired));
    world.end_well();
}

#[test]
fn a_probe_waits_for_company_like_any_other_call() {
    let mut world = world(1, |_, config| config.batch = 4);
    world.mood = Mood::Hanging;
    world.say(0, "1");
    // It is not asked about again, so that only what is said from now on can probe.
    world.mood = Mood::Refusing;
    world.knock();
    world.pass(200);
    assert!(world.is_away());
    world.mood = Mood::Well(5);
    world.calls.clear();
    let start = world.now.0;
    world.say(1, "1");
    world.pass(2);
    world.say(2, "1");
    world.pass(20);
    let [(time, who)] = &world.calls[..] else {
        panic!("{:?}", world.calls);
    };
    assert_eq!((time.0 - start, &who[..]), (5, &[1, 2][..]));
    assert!(!world.is_away());
    world.end_well();
}

#[test]
fn events_that_go_out_together_are_of_several_connections() {
    let mut world = world(1, |gate, config| {
        gate.away_after = NonZeroU32::new(2);
        config.batch = 4;
    });
    world.mood = Mood::Well(TIMEOUT_MS);
    world.say(0, "1");
    world.mood = Mood::Unwilling(500);
    world.say(1, "1");
    world.say(2, "1");
    world.pass(7);
    assert!(!world.is_away());
    world.calls.clear();
    world.pass(102);
    assert!(world.is_away());
    assert_eq!(world.calls.len(), 1, "the second try was enough");
    world.end_well();
}

#[test]
fn a_shard_that_has_nothing_to_tell_hears_all_the_same_that_the_backend_is_back() {
    let mut world = world(2, |_, _| {});
    // The second shard hears last of the gate while the first probes, and knows of no later probe.
    world.mood = Mood::Well(2_000);
    world.say(1, "1");
    world.mood = Mood::Refusing;
    world.say(0, "1");
    world.pass(10);
    assert!(world.is_away());
    world.mood = Mood::Well(3_000);
    world.pass(2_500);
    assert!(world.is_away());
    world.pass(1_000);
    world.mood = Mood::Well(5);
    world.open();
    let new = world.knock();
    world.pass(100);
    assert_eq!(world.admitted, [new], "{:?}", world.refused);
}
