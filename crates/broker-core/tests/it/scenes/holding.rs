//! Limits on what is held and on what is under way.

use std::time::Duration;

use broker_core::{HELD_EVENT_BYTES, HELD_SESSION_BYTES, OnFull};
use expect_test::expect;

use super::{config, unreachable, unwavering};
use crate::scene::{ANNA, BEN, Scene};

#[test]
fn a_connection_is_read_until_one_message_is_too_many() {
    let mut scene = Scene::new(&config(|config| config.max_held_events = 1));
    scene.opens();
    scene.says(ANNA, "1");
    scene.says(ANNA, "2");
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
        anna says 2
          ‖ anna is not read
        backend fails anna: backend cannot be reached: connection refused
          anna #1 is tried again
        96 ms pass
          ↑ anna #1, try 2: {"type":"session-connect"} {}
        backend answers anna: nothing
          ↑ anna #2, try 1: 1 {}
        backend answers anna: nothing
          ▶ anna is read again
          ↑ anna #3, try 1: 2 {}
    "#]]);
}

#[test]
fn bytes_that_one_session_holds_pause_every_other_at_its_next_message() {
    let room = 2 * HELD_SESSION_BYTES + HELD_EVENT_BYTES + r#""123""#.len();
    let mut scene = Scene::new(&config(|config| config.max_held_bytes = room));
    scene.opens();
    scene.opens();
    scene.says(ANNA, r#""123""#);
    scene.says(ANNA, r#""456""#);
    scene.says(BEN, "1");
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben connects
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        anna says "123"
        anna says "456"
          ‖ anna is not read
        ben says 1
          ‖ ben is not read
        backend answers anna: nothing
          ↑ anna #2, try 1: "123" {}
        backend answers anna: nothing
          ↑ anna #3, try 1: "456" {}
        backend answers anna: nothing
          ▶ anna is read again
          ▶ ben is read again
    "#]]);
}

#[test]
fn with_no_room_at_all_a_connection_is_read_one_message_at_a_time() {
    let mut scene = Scene::new(&config(|config| {
        config.max_held_events = 0;
        config.max_held_bytes = 0;
    }));
    scene.opens();
    scene.answers(ANNA, "");
    scene.says(ANNA, "1");
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: nothing
        anna says 1
          ‖ anna is not read
          ↑ anna #2, try 1: 1 {}
        backend answers anna: nothing
          ▶ anna is read again
    "#]]);
}

#[test]
fn a_connection_that_ends_while_it_is_not_read_is_not_read_again() {
    let mut scene = Scene::new(&config(|config| config.max_held_bytes = 0));
    scene.opens();
    scene.says(ANNA, "1");
    scene.leaves(ANNA);
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
          ‖ anna is not read
        anna leaves
        backend answers anna: nothing
          ↑ anna #2, try 1: 1 {}
        backend answers anna: nothing
          ↑ anna #3, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
    "#]]);
}

#[test]
fn events_over_the_limit_wait_for_those_with_the_backend_and_a_failed_one_makes_room() {
    let mut scene = Scene::new(&config(|config| config.gate = unwavering(1)));
    scene.opens();
    scene.opens();
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.answers(BEN, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben connects
        backend fails anna: backend cannot be reached: connection refused
          anna #1 is tried again
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        96 ms pass
        backend answers ben: nothing
          ↑ anna #1, try 2: {"type":"session-connect"} {}
    "#]]);
}

#[test]
fn a_message_that_is_too_old_is_given_up_and_not_tried_again() {
    let mut scene = Scene::new(&config(|config| {
        config.max_held_age = Some(Duration::from_secs(60));
    }));
    scene.opens();
    scene.answers(ANNA, "");
    scene.says(ANNA, "1");
    scene.says(ANNA, "2");
    scene.passes(60_001);
    scene.fails(ANNA, unreachable());
    scene.says(ANNA, "3");
    scene.waits();
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: nothing
        anna says 1
          ↑ anna #2, try 1: 1 {}
        anna says 2
        60001 ms pass
          ! anna #3 is dropped: max_age
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        anna says 3
        96 ms pass
          ! anna #2 is dropped: max_age
          ↑ anna #4, try 1: 3 {}
    "#]]);
}

#[test]
fn the_oldest_message_gives_way_that_is_not_with_the_backend_be_it_one_that_is_tried_again() {
    let mut scene = Scene::new(&config(|config| {
        config.max_held_events = 2;
        config.on_full = OnFull::DropOldest;
    }));
    scene.opens();
    scene.answers(ANNA, "");
    scene.says(ANNA, "1");
    scene.says(ANNA, "2");
    scene.says(ANNA, "3");
    scene.fails(ANNA, unreachable());
    scene.says(ANNA, "4");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: nothing
        anna says 1
          ↑ anna #2, try 1: 1 {}
        anna says 2
        anna says 3
          ! anna #3 is dropped: max_events
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        anna says 4
          ! anna #2 is dropped: max_events
          ↑ anna #4, try 1: 3 {}
    "#]]);
}
