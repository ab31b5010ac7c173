//! Messages that are held for too long.

use std::time::Duration;

use broker_core::{Config, GateConfig, Loss};
use expect_test::expect;

use super::config;
use crate::scene::{ANNA, Scene};
use crate::world::{Mood, World};

fn aged(seconds: u64) -> Config {
    config(|config| config.max_held_age = Some(Duration::from_secs(seconds)))
}

#[test]
fn a_message_that_is_just_as_old_as_it_may_be_is_told() {
    let mut scene = Scene::new(&aged(60));
    scene.opens();
    scene.says(ANNA, "1");
    scene.passes(60_000);
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
        60000 ms pass
        backend answers anna: nothing
          ↑ anna #2, try 1: 1 {}
    "#]]);
}

#[test]
fn old_messages_are_looked_for_when_the_oldest_may_be_one_but_not_all_the_time() {
    let mut scene = Scene::new(&aged(160));
    scene.opens();
    scene.says(ANNA, "1");
    scene.passes(100_000);
    scene.says(ANNA, "2");
    for _ in 0..4 {
        scene.waits();
    }
    assert_eq!(scene.fleet.next_deadline_ms(), None, "there are none left");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
        100000 ms pass
        anna says 2
        60000 ms pass
        10000 ms pass
          ! anna #2 is dropped: max_age
        90000 ms pass
        10000 ms pass
          ! anna #3 is dropped: max_age
    "#]]);
}

#[test]
fn very_many_sessions_are_looked_at_bit_by_bit_and_none_is_passed_over() {
    let mut gate = GateConfig::default();
    gate.max_in_flight = 1;
    gate.away_after = None;
    let mut world = World::new(1, &gate, &aged(60));
    world.mood = Mood::Hanging;
    for _ in 0..9_000 {
        let who = world.open();
        world.say(who, "1");
    }
    world.pass(60_000);
    assert!(world.lost.is_empty());
    world.pass(60_000 / 16);
    let old = world.lost.iter().filter(|(_, why)| *why == Loss::Expired);
    assert_eq!(old.count(), 9_000);
}

#[test]
fn messages_that_may_be_held_for_a_moment_only_are_not_looked_for_without_a_pause() {
    let mut scene = Scene::new(&config(|config| {
        config.max_held_age = Some(Duration::from_millis(10));
    }));
    scene.opens();
    scene.says(ANNA, "1");
    assert_eq!([scene.waits(), scene.waits()], [10, 1]);
    assert_eq!(scene.fleet.next_deadline_ms(), None, "it is given up");
}
