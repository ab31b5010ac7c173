mod virtual_time;

use std::time::Duration;

use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000);

/// Pings after 25 s, and waits 20 s for each pong.
fn session(revision: Revision, transport: Transport) -> Session {
    Session::open(START, revision, transport, Arc::new(Settings::default()))
}

fn after(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn due(session: &mut Session, now: Timestamp) -> Vec<Due> {
    let mut all = Vec::new();
    session.handle_timeout(now, true, &mut |due| all.push(due));
    all
}

const PING: Due = Due::Send(Control::Ping);
const SILENT: Due = Due::Close(Fault::NoPong);

#[test]
fn the_handshake_says_how_the_session_is_kept() {
    let text = |transport| {
        let packet = session(Revision::Four, transport).open_packet("a\"b");
        String::from_utf8(packet.text_packet().to_vec()).unwrap()
    };
    assert_eq!(
        text(Transport::Polling),
        r#"0{"sid":"a\"b","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
    assert_eq!(
        text(Transport::WebSocket),
        r#"0{"sid":"a\"b","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
}

#[test]
fn the_handshake_tells_the_longest_body_that_is_taken() {
    let told = |max_payload, max_body| {
        let mut settings = Settings::default();
        (settings.max_payload, settings.max_body) = (max_payload, max_body);
        let settings = Arc::new(settings);
        let session = Session::open(START, Revision::Four, Transport::Polling, settings);
        let packet = session.open_packet("a");
        let text = String::from_utf8(packet.text_packet().to_vec()).unwrap();
        let (_, max) = text.split_once(r#""maxPayload":"#).unwrap();
        max.to_owned()
    };
    assert_eq!(told(2000, 1000), "1000}");
    assert_eq!(told(1000, 2000), "1000}");
}

#[test]
fn with_protocol_4_the_client_is_pinged_and_has_to_answer() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    assert_eq!(session.next_deadline(), Some(after(25)));
    assert_eq!(due(&mut session, after(24)), []);
    assert_eq!(due(&mut session, after(25)), [PING]);
    assert_eq!(session.next_deadline(), Some(after(45)));
    assert_eq!(session.receive(after(30), Packet::Pong), Reaction::Nothing);
    assert_eq!(session.next_deadline(), Some(after(55)));
    assert_eq!(due(&mut session, after(55)), [PING]);
    assert_eq!(due(&mut session, after(75)), [SILENT]);
    assert!(session.is_closed());
    assert_eq!(session.next_deadline(), None);
    assert_eq!(due(&mut session, after(1000)), []);
}

#[test]
fn a_client_that_speaks_gets_more_time_for_its_pong_once() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    assert_eq!(due(&mut session, after(25)), [PING]);
    assert_eq!(
        session.receive(after(40), Packet::Text("x")),
        Reaction::Text("x")
    );
    assert_eq!(session.next_deadline(), Some(after(60)));
    assert_eq!(
        session.receive(after(50), Packet::Text("y")),
        Reaction::Text("y")
    );
    assert_eq!(session.next_deadline(), Some(after(60)));
    assert_eq!(due(&mut session, after(60)), [SILENT]);
}

#[test]
fn with_protocol_3_the_client_pings_and_is_answered() {
    let mut session = session(Revision::Three, Transport::WebSocket);
    assert_eq!(session.next_deadline(), Some(after(45)));
    assert_eq!(
        session.receive(after(25), Packet::Ping("")),
        Reaction::Send(Control::Pong)
    );
    assert_eq!(session.next_deadline(), Some(after(70)));
    assert_eq!(
        session.receive(after(40), Packet::Text("x")),
        Reaction::Text("x")
    );
    assert_eq!(due(&mut session, after(84)), []);
    assert_eq!(due(&mut session, after(85)), [SILENT]);
}

#[test]
fn a_heartbeat_in_the_wrong_direction_ends_the_session() {
    let wrong = Reaction::Close(Fault::Engine(PacketError::HeartbeatDirection));
    let mut four = session(Revision::Four, Transport::WebSocket);
    assert_eq!(four.receive(after(1), Packet::Ping("")), wrong);
    assert_eq!(
        four.receive(after(1), Packet::Text("late")),
        Reaction::Nothing
    );
    let mut three = session(Revision::Three, Transport::WebSocket);
    assert_eq!(three.receive(after(1), Packet::Pong), wrong);
}

#[test]
fn the_client_ends_the_session() {
    let mut session = session(Revision::Four, Transport::Polling);
    assert!(session.may_poll_wait());
    assert_eq!(
        session.receive(after(1), Packet::Close),
        Reaction::Close(Fault::ByClient)
    );
    assert!(session.is_closed());
    assert!(!session.may_poll_wait());
    assert_eq!(session.begin_upgrade(after(1)), Err(UpgradeError::Closed));
}

#[test]
fn packets_without_a_meaning_here_are_passed_over() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    for packet in [Packet::Open, Packet::Upgrade, Packet::Noop, Packet::Pong] {
        assert_eq!(session.receive(after(1), packet), Reaction::Nothing);
    }
}

#[test]
fn a_websocket_takes_over_once_it_is_probed() {
    for revision in [Revision::Three, Revision::Four] {
        let mut session = session(revision, Transport::Polling);
        assert_eq!(session.begin_upgrade(after(1)), Ok(()));
        assert_eq!(session.begin_upgrade(after(1)), Err(UpgradeError::UnderWay));
        assert_eq!(session.next_deadline(), Some(after(11)));
        assert!(session.may_poll_wait());
        assert_eq!(
            session.receive_probe(after(2), &Packet::Ping("probe")),
            Probe::Answer(Control::ProbePong)
        );
        // The client waits for the end of its poll before it goes over.
        assert!(!session.may_poll_wait());
        assert_eq!(
            session.receive(after(2), Packet::Text("x")),
            Reaction::Text("x")
        );
        assert_eq!(session.transport, Transport::Polling);
        assert_eq!(
            session.receive_probe(after(3), &Packet::Upgrade),
            Probe::Upgraded
        );
        assert_eq!(session.transport, Transport::WebSocket);
        assert_eq!(session.begin_upgrade(after(4)), Err(UpgradeError::Done));
        assert_eq!(
            session.receive_probe(after(4), &Packet::Upgrade),
            Probe::Abandon
        );
    }
}

#[test]
fn an_upgrade_that_fails_leaves_the_session_as_it_was() {
    let mut session = session(Revision::Four, Transport::Polling);
    for packet in [
        Packet::Ping(""),
        Packet::Text("x"),
        Packet::Close,
        Packet::Pong,
    ] {
        session.begin_upgrade(after(1)).unwrap();
        assert_eq!(session.receive_probe(after(1), &packet), Probe::Abandon);
    }
    session.begin_upgrade(after(1)).unwrap();
    session.receive_probe(after(1), &Packet::Ping("probe"));
    assert_eq!(due(&mut session, after(10)), []);
    assert_eq!(due(&mut session, after(11)), [Due::AbandonUpgrade]);
    assert!(session.may_poll_wait());
    session.begin_upgrade(after(12)).unwrap();
    session.abandon_upgrade();
    assert_eq!(session.next_deadline(), Some(after(25)));
    assert_eq!(session.transport, Transport::Polling);
}

#[test]
fn a_pong_that_an_upgrade_has_lost_is_waited_for_anew() {
    let mut session = session(Revision::Four, Transport::Polling);
    assert_eq!(due(&mut session, after(25)), [PING]);
    session.receive(after(39), Packet::Text("x"));
    session.begin_upgrade(after(40)).unwrap();
    session.receive_probe(after(41), &Packet::Upgrade);
    assert_eq!(session.next_deadline(), Some(after(61)));
    // As after a ping, a client that speaks gets more time once.
    session.receive(after(60), Packet::Text("x"));
    assert_eq!(due(&mut session, after(79)), []);
    assert_eq!(due(&mut session, after(80)), [SILENT]);
}

#[test]
fn a_client_that_got_more_time_for_its_pong_is_pinged_before_it_misses_us() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    assert_eq!(due(&mut session, after(25)), [PING]);
    session.receive(after(44), Packet::Text("x"));
    session.receive(after(60), Packet::Pong);
    // 45 s after the last ping it would leave.
    assert_eq!(due(&mut session, after(65)), [PING]);
}

#[test]
fn a_client_that_is_read_by_fits_and_starts_is_pinged_all_the_same() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    assert_eq!(due(&mut session, after(25)), [PING]);
    // It misses us after 45 s without a ping, wherever its pong stands.
    for seconds in [30, 40, 44] {
        session.read_on(after(seconds));
        session.receive(after(seconds), Packet::Text("x"));
    }
    assert_eq!(due(&mut session, after(45)), [PING]);
    session.read_on(after(60));
    assert_eq!(due(&mut session, after(65)), [PING]);
    // Once it is read for good, it is missed if it says nothing.
    assert_eq!(due(&mut session, after(85)), [SILENT]);
}

#[test]
fn a_pong_of_long_ago_puts_off_no_ping() {
    let mut session = session(Revision::Four, Transport::WebSocket);
    for seconds in [25, 50, 75] {
        let mut all = Vec::new();
        session.handle_timeout(after(seconds), false, &mut |due| all.push(due));
        assert_eq!(all, [PING]);
    }
    session.read_on(after(90));
    for seconds in [91, 95, 99] {
        session.receive(after(seconds), Packet::Pong);
        assert_eq!(session.next_deadline(), Some(after(100)));
    }
    assert_eq!(due(&mut session, after(100)), [PING]);
    // All is as ever again.
    session.receive(after(101), Packet::Pong);
    assert_eq!(session.next_deadline(), Some(after(126)));
}
