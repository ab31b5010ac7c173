//! What comes too late, or twice, changes nothing.

use broker_core::{
    Broker, ClientMessage, CommandList, CookieRule, Effect, Effects, Info, Opening, SessionId,
    Source, Timestamp,
};
use expect_test::expect;

use super::{config, status, steady, unreachable};
use crate::fleet::{Fleet, parsed};
use crate::scene::{ANNA, BEN, Scene};
use crate::seen::Seen;
use crate::steps::Role;

#[test]
fn a_second_report_on_one_event_is_passed_over() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.answers(ANNA, "");
    scene.answers(ANNA, r#"{"type":"send","message":"twice"}"#);
    scene.fails(ANNA, unreachable());
    scene.says(ANNA, "1");
    scene.fails(ANNA, unreachable());
    scene.fails(ANNA, status(404, None));
    scene.answers(ANNA, r#"{"type":"send","message":"while it waits"}"#);
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        backend answers anna: nothing
        backend answers anna: {"type":"send","message":"twice"}
        backend fails anna: backend cannot be reached: connection refused
        anna says 1
          ↑ anna #2, try 1: 1 {}
        backend fails anna: backend cannot be reached: connection refused
          anna #2 is tried again
        backend fails anna: backend answered 404
        backend answers anna: {"type":"send","message":"while it waits"}
    "#]]);
}

#[test]
fn the_name_of_a_session_that_has_ended_reaches_nobody() {
    let mut scene = Scene::new(&steady());
    scene.opens();
    scene.leaves(ANNA);
    scene.answers(ANNA, "");
    scene.answers(ANNA, "");
    scene.opens();
    scene.says(ANNA, "1");
    scene.leaves(ANNA);
    scene.fails(ANNA, unreachable());
    scene.answers(ANNA, r#"{"type":"close"}"#);
    scene.answers(BEN, r#"{"type":"send","message":"for ben"}"#);
    scene.is(&expect![[r#"
        anna connects
          ↑ anna #1, try 1: {"type":"session-connect"} {}
        anna leaves
        backend answers anna: nothing
          ↑ anna #2, try 1: {"code":1000,"reason":"bye","type":"session-disconnect"} {}
        backend answers anna: nothing
          anna is forgotten
        ben connects
          ↑ ben #1, try 1: {"type":"session-connect"} {}
        anna says 1
        anna leaves
        backend fails anna: backend cannot be reached: connection refused
        backend answers anna: {"type":"close"}
        backend answers ben: {"type":"send","message":"for ben"}
          ← ben: json "for ben"
          executed: {"sent":1}
    "#]]);
}

#[test]
fn what_the_index_knew_of_a_session_ends_with_it() {
    let mut fleet = Fleet::new(1, &steady());
    let wanted = r#"{"type":"count","match":{"a":1}}"#;
    let counted = |fleet: &mut Fleet| {
        fleet.take_seen();
        fleet.ask(Source::Public, wanted);
        fleet.settle();
        match &fleet.take_seen()[..] {
            [Seen::Executed { outcomes, .. }] => outcomes[0]["counted"].clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(counted(&mut fleet), 0);
    fleet.open(0, 0, "a=1", Role::Untold);
    fleet.open(0, 1, "a=1", Role::Untold);
    fleet.open(0, 2, "a=1", Role::Untold);
    assert_eq!(counted(&mut fleet), 3);

    // One is closed by a command, one leaves, one changes; two slots are used again.
    let close = r#"{"type":"close","match":{"wskey":"AAAAAAAAAAAAAAAAAAAAAA"}}"#;
    fleet.ask(Source::Public, close);
    fleet.settle();
    assert_eq!(counted(&mut fleet), 2);
    fleet.leave(0, 1000, "");
    fleet.leave(1, 1000, "");
    assert_eq!(counted(&mut fleet), 1);
    fleet.ask(Source::Public, r#"{"type":"session","data":{"a":2}}"#);
    fleet.settle();
    fleet.open(0, 3, "a=2", Role::Untold);
    fleet.open(0, 4, "a=2", Role::Untold);
    assert_eq!(counted(&mut fleet), 0);
}

#[test]
fn a_slot_is_used_again_under_another_name() {
    let mut broker = Broker::new(steady());
    let mut out = Effects::default();
    let id = SessionId::new(0, [1; 14]);
    let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1000).unwrap();
    let opening = Opening::new(id, info);
    let first = broker.open(Timestamp(0), opening.clone(), &mut out);
    broker.close(Timestamp(0), first, 1000, "", &mut out);
    for _ in ["connect", "disconnect"] {
        let Some(Effect::CallBackend(call)) = out.list.pop() else {
            panic!("{out:?}");
        };
        let no_commands = [CommandList::default()];
        broker.backend_replied(Timestamp(0), call.handle, no_commands, &mut out);
    }
    assert!(matches!(out.list.last(), Some(Effect::Ended(session)) if *session == first));

    let second = broker.open(Timestamp(0), opening, &mut out);
    assert_eq!(second.slot, first.slot);
    assert_ne!(second, first);
    assert!(broker.session(first).is_none());
    assert!(broker.session(second).is_some());
}

#[test]
fn a_list_that_is_carried_out_twice_does_not_stand_for_the_next_answer() {
    let mut broker = Broker::new(config(|config| config.shards = 2));
    let mut out = Effects::default();
    let id = SessionId::new(0, [1; 14]);
    let info = Info::at_connect(std::iter::empty(), &CookieRule::All, "::1", id, 1000).unwrap();
    let session = broker.open(Timestamp(0), Opening::new(id, info), &mut out);
    for text in ["1", "2"] {
        let message = ClientMessage::parse(text).unwrap();
        broker.receive(Timestamp(0), session, message, &mut out);
    }
    // The backend answers what it was told last with a list that is for all shards.
    let routed = |broker: &mut Broker, out: &mut Effects| {
        let Some(Effect::CallBackend(call)) = out.list.pop() else {
            panic!("{out:?}");
        };
        let answer = parsed(r#"{"type":"send","match":{},"message":1}"#);
        broker.backend_replied(Timestamp(0), call.handle, [answer], out);
        let Some(Effect::Route(orders)) = out.list.pop() else {
            panic!("{out:?}");
        };
        orders
    };
    let first = routed(&mut broker, &mut out);
    broker.execute(Timestamp(0), first.clone(), &mut out);
    let second = routed(&mut broker, &mut out);
    broker.execute(Timestamp(0), first, &mut out);
    assert_eq!(
        broker.calls_in_flight(),
        0,
        "the second is not carried out yet"
    );
    broker.execute(Timestamp(0), second, &mut out);
    assert_eq!(broker.calls_in_flight(), 1);
}
