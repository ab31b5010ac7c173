//! How many calls may be with the backend, and what raises and lowers that.

use broker_core::{Config, GateConfig};

use crate::world::{Mood, World};

fn world(shards: u16, clients: usize, change: impl FnOnce(&mut GateConfig, &mut Config)) -> World {
    let mut gate = GateConfig::default();
    let mut config = Config::default();
    change(&mut gate, &mut config);
    let mut world = World::new(shards, &gate, &config);
    for _ in 0..clients {
        world.open();
    }
    world.pass(20_000);
    world
}

/// How many may be under way after so many seconds in which very many wait all the time.
fn limit_after(world: &mut World, seconds: u64) -> usize {
    let clients = world.clients();
    for round in 0..seconds * 10 {
        if world.events_held() < 2 * clients {
            for who in 0..clients {
                world.say(who, "1");
                world.say(who, "1");
            }
        }
        world.pass(100);
        assert!(round == 0 || world.events_held() > world.standing().limit);
    }
    world.standing().limit
}

#[test]
fn where_more_calls_get_more_done_there_are_more_until_the_backend_has_too_much_to_do() {
    let mut world = world(1, 400, |_, _| {});
    let first = world.standing().limit;
    world.mood = Mood::Well(100);
    let more = limit_after(&mut world, 20);
    assert!(more > first, "{first} {more}");

    world.mood = Mood::Unwilling(500);
    world.pass(101);
    world.mood = Mood::Well(100);
    assert_eq!(world.standing().limit, more, "a failure is no complaint");
}

#[test]
fn a_backend_that_says_that_it_has_too_much_to_do_gets_fewer_calls() {
    let mut world = world(1, 400, |gate, _| gate.away_after = None);
    let first = world.standing().limit;
    let mut limit_after_400 = |mood| {
        world.mood = mood;
        for who in 0..400 {
            world.say(who, "1");
        }
        world.pass(500);
        world.standing().limit
    };
    assert_eq!(
        limit_after_400(Mood::Unwilling(500)),
        first,
        "that it fails is no complaint"
    );
    assert!(limit_after_400(Mood::Unwilling(503)) < first);
}

#[test]
fn a_backend_that_is_back_gets_as_many_calls_as_one_that_nothing_is_known_of() {
    let first = world(1, 0, |_, _| {}).standing().limit;
    let mut world = world(1, 400, |_, _| {});
    world.mood = Mood::Well(100);
    assert!(limit_after(&mut world, 20) > first);
    world.mood = Mood::Refusing;
    world.pass(1_000);
    assert!(world.is_away());
    world.mood = Mood::Well(5);
    while world.is_away() {
        world.pass(1);
    }
    assert_eq!(world.standing().limit, first);
}

#[test]
fn it_is_counted_how_often_events_wait_for_a_permit_but_not_that_they_wait_for_the_backend() {
    let mut world = world(1, 6, |gate, _| gate.max_in_flight = 1);
    world.mood = Mood::Well(10);
    let before = world.standing().held_back;
    world.say(0, "1");
    assert_eq!(world.standing().held_back, before);
    world.say(1, "1");
    assert_eq!(world.standing().held_back, before + 1);
    world.say(3, "1");
    assert_eq!(
        world.standing().held_back,
        before + 1,
        "its shard waits already"
    );
    world.pass(1_000);
    world.mood = Mood::Refusing;
    world.say(0, "1");
    world.pass(1);
    assert!(world.is_away());
    let before = world.standing().held_back;
    world.say(1, "1");
    world.say(2, "1");
    world.pass(5_000);
    assert_eq!(world.standing().held_back, before);
    world.end_well();
}

#[test]
fn a_shard_that_gives_back_permits_keeps_those_for_events_that_wait_for_company() {
    let mut world = world(2, 24, |gate, config| {
        gate.max_in_flight = 10;
        gate.is_paced = false;
        config.batch = 4;
    });
    world.mood = Mood::Well(1_000);
    world.say(0, "1");
    world.say(2, "1");
    // The other shard takes all there are, the idle ones of the first too. The world holds them to ten.
    for who in (1..24).step_by(2) {
        world.say(who, "1");
        world.pass(6);
    }
    world.pass(100);
    world.end_well();
}
