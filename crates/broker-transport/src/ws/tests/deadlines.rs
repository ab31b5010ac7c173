//! What happens as time passes.

use super::*;

fn after(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

/// Lets time pass to `end`, the way a driver does, and tells what falls due, in seconds since the start.
fn pass_time(websocket: &mut WebSocket, end: Timestamp) -> String {
    let mut seen = String::new();
    while let Some(deadline) = websocket.next_deadline()
        && deadline <= end
    {
        let just_before = Timestamp(deadline.0 - 1);
        assert_eq!(
            websocket.handle_timeout(just_before),
            None,
            "due before its deadline"
        );
        let due = match websocket.handle_timeout(deadline).expect("nothing was due") {
            Due::Ping => "ping".to_owned(),
            Due::Failed { violation, reply } => failure(&violation, reply),
            Due::Drop => "drop".to_owned(),
        };
        let at = deadline.since(START).as_secs();
        writeln!(seen, "{at} {due}").unwrap();
        if due == "drop" {
            break;
        }
    }
    seen
}

#[test]
fn a_silent_peer_is_pinged_then_failed_then_dropped() {
    let mut websocket = open(Settings::default());
    expect![[r#"
        25 ping
        35 4102, did not answer a ping
        40 drop
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(60)));
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut websocket = open(Settings::default());
    feed(&mut websocket, after(10), Vec::new());
    assert_eq!(
        websocket.next_deadline(),
        Some(after(25)),
        "no byte is none"
    );
    // One byte of a header, long before the rest of it.
    feed(&mut websocket, after(20), b"\x81".to_vec());
    assert_eq!(websocket.next_deadline(), Some(after(45)));
    expect![[r#"
        45 ping
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(46)));

    feed(&mut websocket, after(47), b"\x80".to_vec());
    expect![[r#"
        50 1008, took too long over a message
        55 drop
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(60)));
}

#[test]
fn a_pong_begins_the_next_interval() {
    let mut websocket = open(Settings::default());
    pass_time(&mut websocket, after(25));
    assert_eq!(
        feed(&mut websocket, after(26), masked(0x8a, b"")),
        "pong \"\"\n"
    );
    assert_eq!(websocket.next_deadline(), Some(after(51)));
}

#[test]
fn a_ping_interval_of_zero_is_never() {
    let websocket = open(Settings {
        ping_interval: Duration::ZERO,
        ..Settings::default()
    });
    assert_eq!(websocket.next_deadline(), None);
}

#[test]
fn a_pong_timeout_of_zero_waits_for_ever() {
    let mut websocket = open(Settings {
        pong_timeout: Duration::ZERO,
        ..Settings::default()
    });
    expect![[r#"
        25 ping
        50 ping
        75 ping
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(80)));
}

#[test]
fn a_message_that_takes_too_long_is_refused_however_lively_its_peer() {
    let beginnings: [&[u8]; 4] = [
        b"\x81",
        b"\x81\x85\0\0\0\0hel",
        b"\x01\x82\0\0\0\0he",
        b"\x89\x85\0\0\0\0",
    ];
    for beginning in beginnings {
        let mut websocket = open(Settings::default());
        feed(&mut websocket, after(5), beginning.to_vec());
        assert_eq!(pass_time(&mut websocket, after(34)), "30 ping\n");
        assert_eq!(
            pass_time(&mut websocket, after(35)),
            "35 1008, took too long over a message\n"
        );
    }
}

#[test]
fn fragments_and_pings_do_not_lengthen_the_time_of_a_message() {
    let mut websocket = open(Settings::default());
    feed(&mut websocket, after(5), masked(0x01, b"a"));
    for seconds in 6..35 {
        let more = [masked(0, b"b"), masked(0x89, b"")].concat();
        assert_eq!(feed(&mut websocket, after(seconds), more), "ping \"\"\n");
    }
    assert_eq!(websocket.next_deadline(), Some(after(35)));
}

#[test]
fn a_message_timeout_of_zero_is_never() {
    let mut websocket = open(Settings {
        message_timeout: Duration::ZERO,
        ping_interval: Duration::ZERO,
        ..Settings::default()
    });
    feed(&mut websocket, START, b"\x81".to_vec());
    assert_eq!(websocket.next_deadline(), None);
}

#[test]
fn a_peer_that_does_not_answer_our_close_is_dropped() {
    let mut websocket = open(Settings::default());
    websocket.close(after(1), 1000, "");
    websocket.close_has_left(after(1));
    // Neither messages nor half of one put it off.
    feed(
        &mut websocket,
        after(5),
        [masked(0x81, b"still here"), b"\x81".to_vec()].concat(),
    );
    expect![[r#"
        6 drop
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(60)));
}

#[test]
fn the_time_for_an_answer_runs_from_when_our_close_has_left() {
    let mut websocket = open(Settings::default());
    websocket.close_has_left(START);
    assert!(websocket.is_open(), "there was none");
    websocket.close(after(1), 1000, "");
    assert_eq!(pass_time(&mut websocket, after(100)), "");
    websocket.close_has_left(after(100));
    websocket.close_has_left(after(103));
    assert_eq!(pass_time(&mut websocket, after(200)), "105 drop\n");
}

#[test]
fn after_the_close_handshake_the_end_of_the_stream_is_waited_for() {
    let mut websocket = open(Settings::default());
    websocket.close(after(1), 1000, "");
    websocket.close_has_left(after(2));
    feed(&mut websocket, after(3), masked(0x88, b""));
    feed(&mut websocket, after(7), masked(0x81, b"noise"));
    expect![[r#"
        8 drop
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(60)));
}

#[test]
fn while_nobody_reads_the_peer_is_pinged_but_not_blamed() {
    let mut websocket = open(Settings::default());
    feed(&mut websocket, START, b"\x01\x82\0\0\0\0he".to_vec());
    assert_eq!(pass_time(&mut websocket, after(25)), "25 ping\n");
    websocket.pause();
    expect![[r#"
        50 ping
        75 ping
        100 ping
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(120)));

    websocket.resume(after(120));
    expect![[r#"
        145 ping
        150 1008, took too long over a message
        155 drop
    "#]]
    .assert_eq(&pass_time(&mut websocket, after(200)));
}
