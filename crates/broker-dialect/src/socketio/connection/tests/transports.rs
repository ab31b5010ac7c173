//! Time, polling bodies, and the way from polling to a WebSocket.

use super::*;
use crate::socketio::engine::Probe;

#[test]
fn whoever_enters_no_namespace_is_closed_in_time() {
    let mut scene = Scene::new();
    scene.waits_until(after(25), &["send 2"]);
    scene.says("3", &[]);
    assert_eq!(scene.connection.next_deadline(), Some(after(45)));
    scene.waits_until(
        after(45),
        &["close 1008: the peer entered no namespace in time"],
    );
}

#[test]
fn whoever_waits_to_be_let_in_is_not_closed_for_it() {
    let mut scene = Scene::new();
    scene.now = after(20);
    scene.says("40", &["0: enter / {}"]);
    scene.waits_until(after(44), &["send 2"]);
    scene.says("3", &[]);
    scene.waits_until(after(60), &[]);
    let _ = scene
        .connection
        .refused(after(60), NamespaceIndex(0), "no", None);
    scene.waits_until(after(69), &["send 2"]);
    scene.waits_until(after(88), &[]);
    scene.says("3", &[]);
    scene.waits_until(
        after(105),
        &["close 1008: the peer entered no namespace in time"],
    );
}

#[test]
fn whoever_is_out_of_all_namespaces_is_closed_in_time() {
    let settings = || Settings {
        ping_interval: Duration::from_secs(100),
        ..Settings::default()
    };
    let left = "close 1008: the peer entered no namespace in time";

    let mut scene = Scene::open(Revision::Four, Transport::WebSocket, settings());
    scene.says("40", &["0: enter / {}"]);
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    assert_eq!(scene.connection.next_deadline(), Some(after(100)));
    scene.now = after(10);
    scene.says("41", &["0: leave"]);
    scene.waits_until(after(54), &[]);
    scene.waits_until(after(55), &[left]);

    let mut scene = Scene::open(Revision::Four, Transport::WebSocket, settings());
    scene.says("40", &["0: enter / {}"]);
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    let _ = scene.connection.put_out(after(20), NamespaceIndex(0));
    scene.waits_until(after(64), &[]);
    scene.waits_until(after(65), &[left]);
}

#[test]
fn a_silent_client_is_closed() {
    let mut scene = Scene::entered();
    scene.waits_until(after(25), &["send 2"]);
    scene.waits_until(
        after(45),
        &["close 4102: the peer was not heard of in time"],
    );
}

#[test]
fn a_body_holds_several_packets_and_none_behind_a_bad_one() {
    let mut scene = Scene::open(Revision::Four, Transport::Polling, Settings::default());
    assert!(scene.posts(b"40", &["0: enter / {}"]));
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    let body = "42[\"a\"]\u{1e}451-[\"b\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQI=";
    assert!(scene.posts(
        body.as_bytes(),
        &[
            r#"0: {"type":"a","args":[]}"#,
            r#"0: {"type":"b","args":[{"$binary":"AQI="}]}"#,
        ]
    ));
    assert!(!scene.posts(&vec![b'4'; 1_000_001], &[]));
    assert!(!scene.posts(
        b"42[\"c\"]\x1eabc\x1e42[\"d\"]",
        &[
            r#"0: {"type":"c","args":[]}"#,
            "close 1002: the peer sent a packet of the unknown type 'a'",
        ]
    ));
    assert!(scene.posts(b"42[\"e\"]", &[]));
}

#[test]
fn packets_behind_the_end_of_a_session_are_not_read() {
    let mut scene = Scene::open(Revision::Four, Transport::Polling, Settings::default());
    assert!(scene.posts(
        b"1\x1e40\x1eabc",
        &["close 1000: the peer ended the session"]
    ));
}

#[test]
fn a_websocket_takes_over_from_polling() {
    let mut scene = Scene::open(Revision::Four, Transport::Polling, Settings::default());
    scene.posts(b"40", &["0: enter / {}"]);
    scene.connection.begin_upgrade(after(1)).unwrap();
    let Probe::Answer(control) = scene
        .connection
        .receive_probe(after(1), Incoming::Text("2probe"))
    else {
        panic!("the probe is answered");
    };
    assert_eq!(text(&control.encoded()), "3probe");
    assert!(!scene.connection.session().may_poll_wait());
    assert_eq!(
        scene
            .connection
            .receive_probe(after(2), Incoming::Text("5")),
        Probe::Upgraded
    );
    assert_eq!(scene.connection.session().transport, Transport::WebSocket);
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    scene.says(r#"42["a"]"#, &[r#"0: {"type":"a","args":[]}"#]);
}

#[test]
fn an_upgrade_that_is_late_or_wrong_is_given_up() {
    let mut scene = Scene::open(Revision::Four, Transport::Polling, Settings::default());
    scene.posts(b"40", &["0: enter / {}"]);
    scene.connection.begin_upgrade(after(1)).unwrap();
    assert_eq!(
        scene
            .connection
            .receive_probe(after(1), Incoming::Text("x")),
        Probe::Abandon
    );
    scene.connection.begin_upgrade(after(1)).unwrap();
    scene.waits_until(after(11), &["abandon the upgrade"]);
    scene.connection.begin_upgrade(after(12)).unwrap();
    scene.connection.abandon_upgrade();
    assert_eq!(scene.connection.next_deadline(), Some(after(25)));
}
