//! Whose turn it is, where more wait than may go out.

use broker_core::{Config, GateConfig};

use crate::world::{Mood, TIMEOUT_MS, World};

/// So many clients whose connect is told, and a gate that lets out one event at a time.
fn world(clients: usize, change: impl FnOnce(&mut GateConfig)) -> World {
    let mut gate = GateConfig::default();
    gate.max_in_flight = 1;
    gate.is_paced = false;
    change(&mut gate);
    let mut world = World::new(1, &gate, &Config::default());
    for _ in 0..clients {
        world.open();
    }
    world.pass(60_000);
    world.calls.clear();
    world
}

/// What kind of turn each call was that was made after the first so many.
fn turns(world: &World, first: usize, kind: impl Fn(usize) -> char) -> String {
    let calls = world.calls[first..].iter();
    calls.map(|(_, who)| kind(who[0])).collect()
}

#[test]
fn handshakes_fresh_events_and_held_ones_take_turns_and_a_farewell_goes_with_two_of_each() {
    let mut world = world(20, |gate| gate.away_after = None);
    world.mood = Mood::Unwilling(500);
    for held in 0..6 {
        world.say(held, "1");
    }
    world.pass(10);
    // One that hangs keeps all others waiting until they can be tried again.
    world.mood = Mood::Hanging;
    world.say(6, "1");
    world.pass(TIMEOUT_MS - 1);
    let so_far = world.calls.len();
    for farewell in 7..10 {
        world.leave(farewell);
    }
    for fresh in 10..16 {
        world.say(fresh, "1");
    }
    for _ in 0..6 {
        world.knock();
    }
    world.mood = Mood::Well(1);
    world.pass(22);
    let turns = turns(&world, so_far, |who| match who {
        0..=5 => 'o',
        7..=9 => 'b',
        10..=15 => 'f',
        20.. => 'h',
        other => panic!("{other}"),
    });
    // From any place on.
    let round = "hfohfob".repeat(4);
    assert!(turns.len() == 21 && round.contains(&turns), "{turns}");
    let doors: Vec<usize> = (20..26).collect();
    assert_eq!(world.admitted, doors, "who came first is let in first");
    world.end_well();
}

#[test]
fn what_piled_up_while_the_backend_was_away_keeps_nobody_waiting_who_speaks_now() {
    let mut world = world(200, |_| {});
    world.mood = Mood::Refusing;
    for who in 0..100 {
        world.say(who, "1");
    }
    world.pass(1_000);
    for who in 100..198 {
        world.say(who, "1");
        world.say(who, "2");
    }
    assert!(world.is_away());
    world.mood = Mood::Well(10);
    while world.is_away() {
        world.pass(1);
    }
    world.pass(1);
    let new = world.open();
    for _ in 0..10 {
        world.pass(40);
        world.say(new, "1");
    }
    assert!(world.events_held() > 100);
    let longest = world.longest_wait_ms(new);
    assert!(longest <= 30, "{longest} ms");
    // Among those who waited, who came first goes first.
    let piled: Vec<usize> = world.calls.iter().map(|(_, who)| who[0]).collect();
    let piled: Vec<usize> = piled
        .into_iter()
        .filter(|who| (101..198).contains(who))
        .collect();
    assert!(piled.is_sorted(), "{piled:?}");
    world.end_well();
}
