//! Handshakes that the backend decides on: who is let in, who is not, and what the backend is told of it.

use std::time::Duration;

use broker_core::{Config, Failure, GateConfig, Gating, Source};
use expect_test::expect;

use super::{config, status, steady, unreachable, unwavering};
use crate::scene::{ANNA, BEN, CLEO, Scene};

fn interrupted() -> Failure {
    Failure::Interrupted("reset".into())
}

#[test]
fn who_is_let_in_is_reached_by_the_answer_and_by_nobody_before_it() {
    let mut scene = Scene::new(&steady());
    scene.knocks();
    scene.asks(r#"{"type":"send","message":"too early"}"#);
    scene.answers(
        ANNA,
        r#"[{"type":"session","data":{"user":7}},{"type":"send","message":"welcome"}]"#,
    );
    scene.says(ANNA, "1");
    scene.asks(r#"{"type":"count","match":{"user":7}}"#);
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        somebody asks {"type":"send","message":"too early"}
          executed: {"sent":0}
        backend answers anna: [{"type":"session","data":{"user":7}},{"type":"send","message":"welcome"}]
          ← anna: json "welcome"
          anna is let in
          executed: {"changed":1}, {"sent":1}
        anna says 1
          ↑ anna #2, try 1: 1 {"user":7}
        somebody asks {"type":"count","match":{"user":7}}
          executed: {"by":null,"counted":1}
    "#]]);
}

#[test]
fn an_answer_without_commands_lets_in_and_what_follows_is_told_as_ever() {
    let mut scene = Scene::new(&steady());
    scene.knocks();
    scene.answers(ANNA, "");
    scene.leaves(ANNA);
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: nothing
          anna is let in
        anna leaves
          ↑ anna #2, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        96 ms pass
          ↑ anna #2, try 2: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
    "#]]);
}

#[test]
fn whom_the_backend_has_not_taken_in_is_forgotten_and_is_asked_about_once() {
    let mut scene = Scene::new(&steady());
    for (who, failure) in [
        (ANNA, status(404, None)),
        (BEN, status(503, Some(7))),
        (CLEO, unreachable()),
    ] {
        scene.knocks();
        scene.fails(who, failure);
    }
    assert_eq!(scene.fleet.next_deadline_ms(), None);
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend fails anna: backend answered 404
          anna is not let in: backend answered 404
          anna is forgotten
        ben knocks
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        backend fails ben: backend answered 503
          ben is not let in: backend answered 503
          ben is forgotten
        cleo knocks
          ↑ cleo #1, try 1: {"type":"session-connect"} {}
        backend fails cleo: backend cannot be reached: connection refused
          cleo is not let in: backend cannot be reached: connection refused
          cleo is forgotten
    "#]]);
}

#[test]
fn who_may_have_been_taken_in_is_told_of_as_gone() {
    let mut scene = Scene::new(&steady());
    scene.knocks();
    scene.fails(ANNA, interrupted());
    scene.fails(ANNA, unreachable());
    scene.waits();
    scene.answers(ANNA, "");
    scene.knocks();
    scene.fails(BEN, Failure::TimedOut(Duration::from_secs(10)));
    scene.answers(BEN, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend fails anna: connection to the backend was lost: reset
          anna is not let in: connection to the backend was lost: reset
          ↑ anna #2, try 1: {"code":1006,"reason":"","type":"session-disconnect"} {}
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        96 ms pass
          ↑ anna #2, try 2: {"code":1006,"reason":"","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
        ben knocks
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        backend fails ben: backend did not answer within 10s
          ben is not let in: backend did not answer within 10s
          ↑ ben #2, try 1: {"code":1006,"reason":"","type":"session-disconnect"} {}
        backend answers ben: nothing
          ben is forgotten
    "#]]);
}

#[test]
fn an_answer_that_closes_the_connection_refuses_the_handshake() {
    let mut scene = Scene::new(&steady());
    scene.knocks();
    scene.answers(
        ANNA,
        r#"[{"type":"send","message":"sorry"},{"type":"close"}]"#,
    );
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: [{"type":"send","message":"sorry"},{"type":"close"}]
          ← anna: json "sorry"
          × anna: 1000 
          anna is not let in: a command closes the connection
          anna is forgotten
          executed: {"sent":1}, {"closed":1}
    "#]]);
}

#[test]
fn a_client_that_is_gone_before_the_backend_was_asked_is_not_told_of() {
    let mut scene = Scene::new(&config(|config| config.gate = unwavering(1)));
    scene.opens();
    scene.knocks();
    scene.leaves(BEN);
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben knocks
        ben leaves
          ben is forgotten
        backend answers anna: nothing
    "#]]);
}

#[test]
fn a_client_that_is_gone_while_the_backend_is_asked_is_told_of_as_gone_if_it_was_let_in() {
    let mut scene = Scene::new(&steady());
    for _ in 0..3 {
        scene.knocks();
    }
    for who in [ANNA, BEN, CLEO] {
        scene.leaves(who);
    }
    scene.answers(ANNA, r#"{"type":"send","message":"welcome"}"#);
    scene.fails(BEN, status(404, None));
    scene.fails(CLEO, interrupted());
    scene.answers(ANNA, "");
    scene.answers(CLEO, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben knocks
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        cleo knocks
          ↑ cleo #1, try 1: {"type":"session-connect"} {}
        anna leaves
        ben leaves
        cleo leaves
        backend answers anna: {"type":"send","message":"welcome"}
          executed: {"sent":0}
          ↑ anna #2, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend fails ben: backend answered 404
          ben is forgotten
        backend fails cleo: connection to the backend was lost: reset
          ↑ cleo #2, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
        backend answers cleo: nothing
          cleo is forgotten
    "#]]);
}

#[test]
fn a_client_that_is_gone_while_the_answer_is_carried_out_is_told_of_as_gone() {
    let mut scene = Scene::new(&config(|config| config.slice = 1));
    scene.knocks();
    scene.answers(
        ANNA,
        r#"[{"type":"send","message":"welcome"},{"type":"send","match":{},"message":"she is here"}]"#,
    );
    scene.leaves(ANNA);
    scene.passes(0);
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: [{"type":"send","message":"welcome"},{"type":"send","match":{},"message":"she is here"}]
          ← anna: json "welcome"
        anna leaves
        0 ms pass
          executed: {"sent":1}, {"sent":0}
          ↑ anna #2, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
    "#]]);
}

/// The backend is away, and anna has to be told of when it is back.
fn away() -> Scene {
    let mut scene = Scene::new(&Config::default());
    scene.opens();
    scene.fails(ANNA, unreachable());
    scene
}

#[test]
fn while_the_backend_is_away_nobody_is_kept_waiting_at_the_door() {
    let mut scene = away();
    scene.knocks();
    scene.waits();
    // Her event is the probe, and nobody knows when the next one may be made.
    scene.knocks();
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend fails anna: backend cannot be reached: connection refused
          anna #1 is tried again
        ben knocks
          ben is not let in: the backend is away, for 96ms
          ben is forgotten
        96 ms pass
          ↑ anna #1, try 2: {"type":"session-connect"} {}
        cleo knocks
          cleo is not let in: the backend is away, for 1s
          cleo is forgotten
    "#]]);
}

#[test]
fn who_waits_at_the_door_when_the_backend_goes_away_is_sent_away() {
    let mut scene = Scene::new(&config(|config| {
        let mut gate = GateConfig::default();
        gate.max_in_flight = 1;
        config.gate = Gating::Own(gate);
    }));
    scene.opens();
    scene.knocks();
    scene.fails(ANNA, unreachable());
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        ben knocks
        backend fails anna: backend cannot be reached: connection refused
          anna #1 is tried again
          ben is not let in: the backend is away, for 1s
          ben is forgotten
    "#]]);
}

#[test]
fn who_comes_when_a_probe_is_due_is_the_probe() {
    let mut scene = Scene::new(&Config::default());
    scene.knocks();
    scene.fails(ANNA, unreachable());
    scene.passes(5_000);
    scene.knocks();
    scene.answers(BEN, "");
    scene.knocks();
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend fails anna: backend cannot be reached: connection refused
          anna is not let in: backend cannot be reached: connection refused
          anna is forgotten
        5000 ms pass
        ben knocks
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        backend answers ben: nothing
          ben is let in
        cleo knocks
          ↑ cleo #1, try 1: {"type":"session-connect"} {}
    "#]]);
}

#[test]
fn a_client_that_others_close_before_it_is_let_in_is_told_of_as_gone() {
    let mut scene = Scene::new(&config(|config| config.slice = 1));
    scene.knocks();
    // A list that began before the backend said yes, and closes everybody when it comes to that.
    let list = r#"[{"type":"log","text":"bye"},{"type":"close","match":{}}]"#;
    scene.fleet.ask(Source::Public, list);
    scene.fleet.work(0);
    scene.answers(ANNA, r#"{"type":"send","message":"welcome"}"#);
    scene.passes(0);
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: {"type":"send","message":"welcome"}
          log Info: "bye"
          × anna: 1000 
          executed: "logged", {"closed":1}
        0 ms pass
          anna is not let in: a command closes the connection
          executed: {"sent":0}
          ↑ anna #2, try 1: {"code":1006,"reason":"","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
    "#]]);
}

#[test]
fn whoever_has_waited_for_its_turn_for_as_long_as_it_may_is_sent_away() {
    let mut scene = Scene::new(&config(|config| {
        config.gate = unwavering(1);
        config.handshake_wait = Duration::from_secs(7);
    }));
    scene.knocks();
    scene.passes(1_000);
    scene.knocks();
    scene.knocks();
    scene.leaves(BEN);
    scene.passes(500);
    assert_eq!(scene.waits(), 6_500);
    // The first is being asked about, for as long as that takes.
    scene.answers(ANNA, "");
    scene.is(&expect![[r#"
        anna knocks
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        1000 ms pass
        ben knocks
        cleo knocks
        ben leaves
          ben is forgotten
        500 ms pass
        6500 ms pass
          cleo is not let in: the backend is away, for 1s
          cleo is forgotten
        backend answers anna: nothing
          anna is let in
    "#]]);
}
