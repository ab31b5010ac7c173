//! Order and retries: what is told when, and what is given up.

use expect_test::expect;

use super::{config, status, steady, unreachable};
use crate::scene::{ANNA, BEN, Scene};

#[test]
fn a_session_has_one_event_with_the_backend_and_its_answer_comes_first() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.says(ANNA, r#"{"type":"hi"}"#);
    scene.says(ANNA, r#""there""#);
    scene.answers(ANNA, r#"[{"type":"session","data":{"user":7}}]"#);
    scene.answers(ANNA, r#"{"type":"send","message":"hello"}"#);
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says {"type":"hi"}
        anna says "there"
        backend answers anna: [{"type":"session","data":{"user":7}}]
          executed: {"changed":1}
          ↑ anna #2, try 1: {"type":"client-hi"} {"user":7}
        backend answers anna: {"type":"send","message":"hello"}
          ← anna: json "hello"
          executed: {"sent":1}
          ↑ anna #3, try 1: "there" {"user":7}
    "#]]);
}

#[test]
fn a_failed_event_is_tried_again_before_those_behind_it_and_in_nobody_elses_way() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.opens();
    scene.fails(ANNA, unreachable());
    scene.says(ANNA, "1");
    scene.answers(BEN, r#"{"type":"session","match":{},"data":{"n":1}}"#);
    scene.says(BEN, "2");
    scene.waits();
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben connects
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        backend fails anna: backend cannot be reached: connection refused
          anna #1 is tried again
        anna says 1
        backend answers ben: {"type":"session","match":{},"data":{"n":1}}
          executed: {"changed":2}
        ben says 2
          ↑ ben #2, try 1: 2 {"n":1}
        96 ms pass
          ↑ anna #1, try 2: {"type":"session-connect"} {"n":1}
        backend answers anna: nothing
          ↑ anna #2, try 1: 1 {"n":1}
    "#]]);
}

#[test]
fn what_another_try_cannot_help_is_dropped_and_the_next_goes_out() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.says(ANNA, "1");
    scene.fails(ANNA, status(404, Some(60)));
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.fails(ANNA, status(302, None));
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
        backend fails anna: backend answered 404
          ! anna #1 is dropped: client_error
          ↑ anna #2, try 1: 1 {}
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        96 ms pass
          ↑ anna #2, try 2: 1 {}
        backend fails anna: backend answered 302
          ! anna #2 is dropped: redirect
    "#]]);
}

#[test]
fn a_disconnect_is_told_last_and_then_the_session_is_forgotten() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.says(ANNA, "1");
    scene.leaves(ANNA);
    scene.asks(r#"{"type":"count"}"#);
    scene.answers(ANNA, r#"{"type":"send","message":"too late"}"#);
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.answers(ANNA, "");
    scene.answers(
        ANNA,
        r#"{"type":"send","match":{},"message":"nobody is left"}"#,
    );
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna says 1
        anna leaves
        somebody asks {"type":"count"}
          executed: {"by":null,"counted":0}
        backend answers anna: {"type":"send","message":"too late"}
          executed: {"sent":0}
          ↑ anna #2, try 1: 1 {}
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        96 ms pass
          ↑ anna #2, try 2: 1 {}
        backend answers anna: nothing
          ↑ anna #3, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: {"type":"send","match":{},"message":"nobody is left"}
          anna is forgotten
          executed: {"sent":0}
    "#]]);
}

#[test]
fn waits_double_from_100_ms_to_5_s_and_jitter_takes_at_most_half() {
    let mut first_waits = Vec::new();
    for seed in 0..50 {
        let mut scene = Scene::new(&config(|config| config.seed = seed));
        scene.opens();
        for doubled_ms in [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000] {
            scene.fails(ANNA, unreachable());
            let wait_ms = scene.waits();
            assert!(
                (doubled_ms / 2..=doubled_ms).contains(&wait_ms),
                "{wait_ms}"
            );
            if doubled_ms == 100 {
                first_waits.push(wait_ms);
            }
        }
        // The next event begins from the start.
        scene.says(ANNA, "1");
        scene.answers(ANNA, "");
        scene.fails(ANNA, unreachable());
        assert!(scene.waits() <= 100);
    }
    first_waits.sort_unstable();
    first_waits.dedup();
    assert!(first_waits.len() > 10, "{first_waits:?} hardly differ");
}

#[test]
fn a_backend_may_ask_for_a_longer_wait_of_at_most_an_hour_but_for_no_shorter_one() {
    let wait_ms = |code, asked_s| {
        let mut scene = Scene::new(&steady());
        scene.opens();
        scene.fails(ANNA, status(code, Some(asked_s)));
        scene.waits()
    };
    assert_eq!(wait_ms(503, 7), 7_000);
    assert_eq!(wait_ms(429, 3600), 3_600_000);
    assert_eq!(wait_ms(503, 100_000), 3_600_000);
    assert_eq!(wait_ms(500, u64::MAX), 3_600_000);
    assert!(wait_ms(503, 0) >= 50);
}
