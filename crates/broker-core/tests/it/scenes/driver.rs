//! What the driver says and asks by itself, beside what clients and the backend do.

use std::collections::BTreeSet;

use broker_core::{
    BackendGate, Broker, ClientMessage, CommandList, Config, CookieRule, Effect, Effects,
    GateConfig, Gating, HELD_EVENT_BYTES, HELD_SESSION_BYTES, Handshake, Info, Opening, Orders,
    Outcome, Reading, SessionHandle, SessionId, Source, Timestamp,
};
use bytes::Bytes;

use super::config;

const NOW: Timestamp = Timestamp(0);

/// One shard with one session, whose connect event goes out as soon as it may.
fn one_session(config: &Config) -> (Broker, SessionHandle, Effects) {
    let mut broker = Broker::new(config.clone());
    let mut out = Effects::default();
    let session = broker.open(NOW, opening(), &mut out);
    (broker, session, out)
}

/// The backend answers what it was last told, with no commands; gives what it was told.
fn answer(broker: &mut Broker, out: &mut Effects) -> String {
    let calls = out
        .list
        .extract_if(.., |effect| matches!(effect, Effect::CallBackend(_)));
    let Some(Effect::CallBackend(call)) = calls.last() else {
        panic!("the backend is not told of anything: {out:?}");
    };
    let mut told = Vec::new();
    call.events[0].fact.write_message(&mut told);
    broker.backend_replied(NOW, call.handle, [CommandList::default()], out);
    String::from_utf8(told).unwrap()
}

fn opening() -> Opening {
    let id = SessionId::new(0, [1; 14]);
    let cookies = [&b"a=1"[..]].into_iter();
    let info = Info::at_connect(cookies, &CookieRule::All, "::1", id, 1000).unwrap();
    Opening::new(id, info)
}

fn say(text: &str) -> ClientMessage {
    ClientMessage::parse(text).unwrap()
}

/// What a command comes to that is asked for at a door.
fn asked(broker: &mut Broker, command: &'static str) -> Outcome {
    let reading = Reading::strict(1);
    let list = CommandList::parse(&Bytes::from_static(command.as_bytes()), reading).unwrap();
    let orders = Orders {
        list: list.into(),
        source: Source::Admin,
        origin: None,
        ticket: 0,
    };
    let mut out = Effects::default();
    broker.execute(NOW, orders, &mut out);
    match out.list.pop() {
        Some(Effect::Executed { mut outcomes, .. }) => outcomes.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_that_the_driver_closes_matches_nothing_and_its_client_is_heard_to_the_end() {
    let (mut broker, session, mut out) = one_session(&Config::default());
    let everyone = r#"{"type":"count"}"#;
    let by_field = r#"{"type":"count","match":{"a":1}}"#;
    let counted = |matched| Outcome::Counted { matched, by: None };
    assert_eq!(asked(&mut broker, everyone), counted(1));
    assert_eq!(asked(&mut broker, by_field), counted(1));

    broker.begin_closing(session);
    assert_eq!(asked(&mut broker, everyone), counted(0));
    assert_eq!(asked(&mut broker, by_field), counted(0));

    broker.receive(NOW, session, say("1"), &mut out);
    broker.close(NOW, session, 1001, "", &mut out);
    // Its connection has ended, and nothing can begin with it any more.
    broker.begin_closing(session);
    broker.receive(NOW, session, say("2"), &mut out);
    let told = [(); 3].map(|()| answer(&mut broker, &mut out));
    assert_eq!(
        told,
        [
            r#"{"type":"session-connect"}"#,
            "1",
            r#"{"type":"session-disconnect","code":1001,"reason":""}"#
        ]
    );
    assert_eq!(broker.sessions(), 0);
}

#[test]
fn who_is_being_closed_while_the_backend_decides_is_never_matched_and_ends_as_the_driver_says() {
    for closes_before_the_answer in [true, false] {
        let mut broker = Broker::new(config(|config| config.shards = 2));
        let mut out = Effects::default();
        let mut opening = opening();
        opening.is_asked = true;
        let session = broker.open(NOW, opening, &mut out);
        let Some(Effect::CallBackend(call)) = out.list.pop() else {
            panic!("{out:?}");
        };
        if closes_before_the_answer {
            broker.begin_closing(session);
        }
        // All shards carry it out, so that it comes back.
        let list = Bytes::from_static(br#"[{"type":"send","match":"*","message":1}]"#);
        let list = CommandList::parse(&list, Reading::lenient(10)).unwrap();
        broker.backend_replied(NOW, call.handle, [list], &mut out);
        broker.begin_closing(session);
        let Some(Effect::Route(orders)) = out.list.pop() else {
            panic!("{out:?}");
        };
        broker.execute(NOW, orders, &mut out);
        assert!(matches!(out.list[..], [Effect::Executed { .. }]), "{out:?}");
        out.list.clear();
        let counted = asked(&mut broker, r#"{"type":"count"}"#);
        let nobody = Outcome::Counted {
            matched: 0,
            by: None,
        };
        assert_eq!(counted, nobody);

        broker.close(NOW, session, 1012, "", &mut out);
        let told = answer(&mut broker, &mut out);
        assert_eq!(
            told,
            r#"{"type":"session-disconnect","code":1012,"reason":""}"#
        );
        assert_eq!(broker.sessions(), 0);
    }
}

#[test]
fn a_session_says_that_it_is_paused_from_its_pause_to_its_resume() {
    let (mut broker, session, mut out) = one_session(&config(|config| config.max_held_events = 1));
    broker.receive(NOW, session, say("1"), &mut out);
    assert!(!broker.is_paused(session));
    broker.receive(NOW, session, say("2"), &mut out);
    assert!(matches!(out.list.pop(), Some(Effect::Pause(paused)) if paused == session));
    assert!(broker.is_paused(session));
    answer(&mut broker, &mut out);
    assert!(broker.is_paused(session));
    answer(&mut broker, &mut out);
    assert!(matches!(
        out.list[..],
        [Effect::Resume(_), Effect::CallBackend(_)]
    ));
    assert!(!broker.is_paused(session));
}

#[test]
fn the_request_that_opened_a_session_can_be_seen_and_is_told_with_each_event() {
    let mut broker = Broker::new(Config::default());
    let mut out = Effects::default();
    let mut opening = opening();
    let handshake = Handshake {
        path: "/chat?room=1".into(),
        headers: [("x-user".into(), "7".into())].into(),
    };
    opening.handshake = handshake.into();
    let (id, handshake) = (opening.id, opening.handshake.clone());
    let session = broker.open(NOW, opening, &mut out);

    let view = broker.session(session).unwrap();
    assert_eq!((view.id, view.handshake), (id, &handshake));
    assert_eq!(view.info.get("a"), Some("\"1\""));
    let [Effect::CallBackend(call)] = &out.list[..] else {
        panic!("{out:?}");
    };
    assert_eq!(call.events[0].handshake, handshake);
}

/// Tells the gate what a shard has to tell it; says whether that was anything, and which shards it rings.
fn claims(
    shard: u16,
    broker: &mut Broker,
    gate: &mut BackendGate,
    out: &mut Effects,
) -> (bool, BTreeSet<u16>) {
    let mut rung = BTreeSet::new();
    let mut has_claimed = false;
    for round in 0.. {
        assert!(round < 5, "there is always another claim");
        let Some(claim) = broker.claim() else { break };
        has_claimed = true;
        let grant = gate.claim(NOW, shard, claim, |other| {
            rung.insert(other);
        });
        broker.granted(NOW, grant, out);
    }
    (has_claimed, rung)
}

#[test]
fn there_is_room_for_a_session_while_its_connect_and_disconnect_fit_beside_all_that_is_held() {
    let longest_reason = 123;
    let both = 2 * HELD_EVENT_BYTES + longest_reason;
    assert!((both..both + 8).contains(&HELD_SESSION_BYTES));

    let text = r#""hello""#;
    let room = 3 * HELD_SESSION_BYTES + HELD_EVENT_BYTES + text.len();
    let (mut broker, session, mut out) =
        one_session(&config(|config| config.max_held_bytes = room));
    let mut second = opening();
    second.id = SessionId::new(0, [2; 14]);
    broker.open(NOW, second, &mut out);
    assert!(broker.has_room_for_session());
    broker.receive(NOW, session, say(text), &mut out);
    assert!(broker.has_room_for_session(), "just so much");
    broker.receive(NOW, session, say("1"), &mut out);
    assert!(!broker.has_room_for_session());
}

#[test]
fn behind_a_gate_of_one_permit_an_event_waits_for_that_of_another_shard() {
    let behind_a_gate = config(|config| config.gate = Gating::Shared);
    let mut one_permit = GateConfig::default();
    one_permit.max_in_flight = 1;
    let mut gate = BackendGate::new(2, &one_permit);
    let (mut here, session, mut out) = one_session(&behind_a_gate);
    assert_eq!(here.calls_in_flight(), 0, "nobody has been asked");
    assert_eq!(claims(0, &mut here, &mut gate, &mut out), (true, [].into()));
    assert_eq!(here.calls_in_flight(), 1);

    let (mut there, _, mut out_there) = one_session(&behind_a_gate);
    let claimed = claims(1, &mut there, &mut gate, &mut out_there);
    assert_eq!(claimed, (true, [0].into()), "the permit is called back");
    assert_eq!(there.calls_in_flight(), 0);

    here.ring();
    assert_eq!(claims(0, &mut here, &mut gate, &mut out), (true, [].into()));
    here.receive(NOW, session, say("1"), &mut out);
    answer(&mut here, &mut out);
    assert_eq!(
        claims(0, &mut here, &mut gate, &mut out),
        (true, [1].into())
    );
    assert_eq!(here.calls_in_flight(), 0, "the other has its turn");

    there.ring();
    claims(1, &mut there, &mut gate, &mut out_there);
    assert_eq!(there.calls_in_flight(), 1);
}
