//! A backend that is away: who finds out that it is back, and what comes then.

use broker_core::{Config, GateConfig, Loss};

use crate::world::{Mood, POISON, TIMEOUT_MS, World};

fn world(shards: u16) -> World {
    World::new(shards, &GateConfig::default(), &Config::default())
}

/// How many calls were made since there were so many.
fn calls_since(world: &World, before: usize) -> usize {
    world.calls.len() - before
}

#[test]
fn ten_minutes_of_502_cost_no_event_and_few_calls() {
    let mut world = world(3);
    for _ in 0..200 {
        world.open();
    }
    world.pass(1_000);
    world.mood = Mood::Unwilling(502);
    let before = world.calls.len();
    for _ in 0..600 {
        for who in 0..20 {
            world.say((who * 7) % 200, r#""hi""#);
        }
        world.pass(1_000);
    }
    assert!(world.is_away());
    // The first failures, and then a probe in 2.5 to 5 seconds.
    let calls = calls_since(&world, before);
    assert!((120..300).contains(&calls), "{calls} calls");
    assert_eq!(world.events_held(), 600 * 20);
    world.end_well();
    assert!(world.lost.is_empty(), "{:?}", world.lost);
}

#[test]
fn probes_come_one_after_the_other_each_with_another_connections_event() {
    let mut world = world(2);
    world.mood = Mood::Refusing;
    for _ in 0..10 {
        world.open();
    }
    world.pass(60_000);
    let probes: Vec<usize> = world.calls.iter().map(|(_, who)| who[0]).collect();
    assert!((12..40).contains(&probes.len()), "{probes:?}");
    for window in probes.windows(5) {
        let different: std::collections::BTreeSet<_> = window.iter().collect();
        assert_eq!(different.len(), 5, "{probes:?}");
    }
    // Their waits double from 100 ms to 5 s.
    let last = world.calls.len() - 1;
    let wait = world.calls[last].0.0 - world.calls[last - 1].0.0;
    assert!((2_500..=5_100).contains(&wait), "{wait}");
}

#[test]
fn one_connection_that_fails_says_nothing_about_the_backend() {
    let mut world = world(2);
    let (quiet, loud) = (world.open(), world.open());
    world.pass(1_000);
    world.say(loud, POISON);
    world.pass(60_000);
    assert!(!world.is_away());
    // Nobody else is answered meanwhile, so it is nobody's fault, and tried for ever.
    assert!(world.lost.is_empty());
    world.say(quiet, r#""hi""#);
    world.pass(100);
    assert!(world.longest_wait_ms(quiet) < 100);
}

#[test]
fn the_only_connection_says_all_there_is_to_know() {
    let mut world = world(3);
    let only = world.open();
    world.pass(1_000);
    world.mood = Mood::Unwilling(500);
    world.say(only, r#""hi""#);
    world.pass(20_000);
    assert!(world.is_away());
    world.end_well();
}

#[test]
fn five_failures_over_two_connections_say_that_the_backend_is_away_and_an_answer_between_them_that_it_is_not()
 {
    let mut world = world(1);
    for _ in 0..6 {
        world.open();
    }
    world.pass(1_000);
    for who in 0..6 {
        world.mood = if who == 4 {
            Mood::Well(0)
        } else {
            Mood::Unwilling(503)
        };
        world.say(who, r#""hi""#);
        world.pass(2);
        assert!(!world.is_away());
    }
    world.mood = Mood::Unwilling(503);
    world.pass(2_000);
    assert!(world.is_away());
    world.end_well();
}

#[test]
fn poison_is_given_up_when_it_has_failed_eight_times_while_others_were_answered() {
    let mut world = world(2);
    let (bad, good) = (world.open(), world.open());
    world.pass(1_000);
    world.say(bad, POISON);
    world.say(bad, r#""next""#);
    for _ in 0..400 {
        world.say(good, r#""hi""#);
        world.pass(100);
    }
    let [(who, Loss::Poison(_))] = &world.lost[..] else {
        panic!("{:?}", world.lost);
    };
    assert_eq!(*who, bad);
    let tries = world.calls.iter().filter(|(_, who)| who[0] == bad).count();
    // Its connect, what it said next, and eight tries, or nine if nobody was answered between two of them.
    assert!((10..=11).contains(&tries), "{tries}");
    assert!(
        world.longest_wait_ms(good) < 50,
        "others do not wait for it"
    );
    world.end_well();
}

#[test]
fn whoever_goes_out_with_poison_is_told_by_itself_after_two_failures() {
    let mut config = Config::default();
    config.batch = 8;
    let mut world = World::new(1, &GateConfig::default(), &config);
    let everyone: Vec<usize> = (0..9).map(|_| world.open()).collect();
    world.pass(1_000);
    // The first goes out alone, and the others together when it is back.
    world.mood = Mood::Well(3);
    let before = world.calls.len();
    world.say(everyone[8], r#""hi""#);
    world.say(everyone[0], POISON);
    for who in &everyone[1..8] {
        world.say(*who, r#""hi""#);
    }
    for _ in 0..10 {
        world.pass(500);
        world.say(everyone[8], r#""hi""#);
    }
    let sizes: Vec<usize> = world.calls[before..]
        .iter()
        .map(|(_, who)| who.len())
        .collect();
    assert_eq!(
        sizes.iter().filter(|size| **size == 8).count(),
        2,
        "{sizes:?}"
    );
    assert!(sizes.iter().all(|size| [1, 8].contains(size)), "{sizes:?}");
    for who in &everyone[1..8] {
        assert!(world.longest_wait_ms(*who) < 2_000);
    }
}

#[test]
fn a_poison_that_hangs_keeps_others_waiting_no_longer_than_its_own_time_out() {
    let mut gate = GateConfig::default();
    gate.max_in_flight = 2;
    let mut world = World::new(1, &gate, &Config::default());
    let (bad, good) = (world.open(), world.open());
    world.pass(1_000);
    world.mood = Mood::Hanging;
    world.say(bad, r#""hang""#);
    world.mood = Mood::Well(5);
    for _ in 0..100 {
        world.say(good, r#""hi""#);
        world.pass(200);
    }
    assert!(world.longest_wait_ms(good) < 50);
    assert!(world.longest_wait_ms(bad) > TIMEOUT_MS);
}

#[test]
fn after_a_mass_loss_farewells_keep_nobody_waiting_who_is_there() {
    let mut gate = GateConfig::default();
    gate.max_in_flight = 4;
    gate.is_paced = false;
    let mut world = World::new(1, &gate, &Config::default());
    let everyone: Vec<usize> = (0..2_000).map(|_| world.open()).collect();
    world.pass(60_000);
    world.mood = Mood::Well(10);
    for who in &everyone[10..] {
        world.leave(*who);
    }
    for _ in 0..100 {
        for who in &everyone[..10] {
            world.say(*who, r#""hi""#);
        }
        world.pass(100);
    }
    let longest = everyone[..10]
        .iter()
        .map(|who| world.longest_wait_ms(*who))
        .max()
        .unwrap();
    assert!(longest < 100, "{longest} ms");
    world.end_well();
}
