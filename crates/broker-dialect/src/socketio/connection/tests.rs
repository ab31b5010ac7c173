mod anything;
mod entering;
mod transports;

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::Incoming;
use crate::socketio::engine::payload::Posted;

const START: Timestamp = Timestamp(1_700_000_000_000);

fn after(seconds: u64) -> Timestamp {
    START.after(Duration::from_secs(seconds))
}

fn show(action: &Action<'_>) -> String {
    match action {
        Action::Enter {
            namespace,
            name,
            auth,
        } => format!("{}: enter {name} {auth}", namespace.0),
        Action::Leave { namespace } => format!("{}: leave", namespace.0),
        Action::Event {
            namespace,
            event,
            ack,
        } => {
            let asks = ack.map(|ack| format!(" asks {ack}")).unwrap_or_default();
            format!("{}: {}{asks}", namespace.0, event.to_message())
        }
        Action::Acknowledged {
            namespace,
            ack,
            args,
        } => format!("{}: acknowledged {ack} {}", namespace.0, args.to_list()),
        Action::Send(encoded) => format!("send {}", text(encoded)),
        Action::AbandonUpgrade => "abandon the upgrade".to_owned(),
        Action::Close(fault) => format!("close {}: {fault}", fault.close_code()),
    }
}

fn text(encoded: &Encoded) -> String {
    String::from_utf8(encoded.text_packet().to_vec()).unwrap()
}

/// A connection and what it has wanted done, one line for each action.
struct Scene {
    connection: Connection,
    lines: Vec<String>,
    now: Timestamp,
}

impl Scene {
    fn open(revision: Revision, transport: Transport, settings: Settings) -> Scene {
        let mut lines = Vec::new();
        let connection = Connection::open(
            START,
            revision,
            transport,
            Arc::new(settings),
            &mut |action| {
                lines.push(show(&action));
            },
        );
        Scene {
            connection,
            lines,
            now: START,
        }
    }

    fn new() -> Scene {
        Scene::open(Revision::Four, Transport::WebSocket, Settings::default())
    }

    /// In `/`, from the start.
    fn entered() -> Scene {
        let mut scene = Scene::new();
        scene.says("40", &["0: enter / {}"]);
        scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
        scene
    }

    fn says(&mut self, text: &str, lines: &[&str]) {
        self.hears(Incoming::Text(text), lines);
    }

    fn hears(&mut self, message: Incoming<'_>, lines: &[&str]) {
        let seen = &mut self.lines;
        let act = &mut |action: Action<'_>| seen.push(show(&action));
        self.connection.receive(self.now, message, act);
        self.checks(lines, &format!("{message:?}"));
    }

    fn posts(&mut self, body: &[u8], lines: &[&str]) -> bool {
        let seen = &mut self.lines;
        let act = &mut |action: Action<'_>| seen.push(show(&action));
        let mut posted = Posted::new(Bytes::copy_from_slice(body), false);
        let mut is_good = true;
        while let Some(taken) = self.connection.receive_posted(self.now, &mut posted, act) {
            is_good &= taken.is_ok();
        }
        self.checks(lines, &format!("{body:?}"));
        is_good
    }

    fn waits_until(&mut self, now: Timestamp, lines: &[&str]) {
        self.now = now;
        let seen = &mut self.lines;
        self.connection
            .handle_timeout(now, true, &mut |action| seen.push(show(&action)));
        self.checks(lines, &format!("{now}"));
    }

    fn lets_in(&mut self, index: u16, sid: &str, packet: &str) {
        let encoded = self.connection.entered(NamespaceIndex(index), sid);
        assert_eq!(text(&encoded.unwrap()), packet);
    }

    fn checks(&mut self, lines: &[&str], cause: &str) {
        assert_eq!(std::mem::take(&mut self.lines), lines, "{cause}");
    }
}

#[test]
fn what_breaks_the_protocol_ends_the_connection() {
    for (packet, fault) in [
        ("40", "the peer entered a namespace that it is in"),
        (
            r#"44{"message":"x"}"#,
            "the peer sent a packet that only servers send",
        ),
        ("4abc", "the peer sent a packet of the unknown type 'a'"),
        ("42{}", "the peer sent a payload that is not a list"),
        (r#"42abc["x"]"#, "the peer sent a payload that is not JSON"),
        ("abc", "the peer sent a packet of the unknown type 'a'"),
        ("4", "the peer sent an empty packet"),
        ("2", "the peer sent a heartbeat in the wrong direction"),
        (
            "bAQI=",
            "the peer sent binary data that no packet announced",
        ),
    ] {
        let mut scene = Scene::entered();
        scene.says(packet, &[&format!("close 1002: {fault}")]);
        scene.says(r#"42["late"]"#, &[]);
        assert_eq!(scene.connection.next_deadline(), None);
        assert_eq!(scene.connection.put_out(scene.now, NamespaceIndex(0)), None);
    }
    let mut scene = Scene::entered();
    scene.says("1", &["close 1000: the peer ended the session"]);
}

#[test]
fn events_and_acknowledgements_are_told_with_their_numbers() {
    let mut scene = Scene::entered();
    scene.says(
        r#"42456["ask",1,"2",{"3":[false]}]"#,
        &[r#"0: {"type":"ask","args":[1,"2",{"3":[false]}]} asks 456"#],
    );
    scene.says(r#"4312["yes"]"#, &[r#"0: acknowledged 12 ["yes"]"#]);
}

#[test]
fn old_clients_enter_the_main_namespace_unasked_and_give_a_query_for_auth() {
    let settings = Settings {
        allow_eio3: true,
        ..Settings::default()
    };
    let mut scene = Scene::open(Revision::Three, Transport::WebSocket, settings);
    scene.checks(&["0: enter / {}"], "open");
    scene.lets_in(0, "me", "40");
    scene.says(
        "40/admin?token=x+y&n=1",
        &[r#"1: enter /admin {"token":"x y","n":"1"}"#],
    );
    scene.lets_in(1, "me2", "40/admin,");
    scene.says(r#"42/admin,["a"]"#, &[r#"1: {"type":"a","args":[]}"#]);
    scene.says("2", &["send 3"]);
    scene.says(r#"451-["f",{"_placeholder":true,"num":0}]"#, &[]);
    scene.hears(
        Incoming::Binary(&[4, 1, 2]),
        &[r#"0: {"type":"f","args":[{"$binary":"AQI="}]}"#],
    );
    scene.says("41/admin", &["1: leave"]);
    scene.says(
        "3",
        &["close 1002: the peer sent a heartbeat in the wrong direction"],
    );
}

#[test]
fn an_idle_connection_is_small() {
    assert!(size_of::<Connection>() <= 96);
}

#[test]
fn attachments_complete_their_packet() {
    let mut scene = Scene::entered();
    scene.says(
        r#"452-7["file",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
        &[],
    );
    scene.hears(Incoming::Binary(&[1, 2, 3]), &[]);
    // A heartbeat may stand between them.
    scene.says("3", &[]);
    scene.says(
        "bBAUG",
        &[r#"0: {"type":"file","args":[{"$binary":"AQID"},{"$binary":"BAUG"}]} asks 7"#],
    );
    scene.says(r#"461-5[{"_placeholder":true,"num":0}]"#, &[]);
    scene.hears(
        Incoming::Binary(&[1]),
        &[r#"0: acknowledged 5 [{"$binary":"AQ=="}]"#],
    );
    scene.says(r#"42["next"]"#, &[r#"0: {"type":"next","args":[]}"#]);
}

#[test]
fn attachments_that_do_not_fit_end_the_connection() {
    let announce = r#"451-["file",{"_placeholder":true,"num":0}]"#;
    let mut scene = Scene::entered();
    scene.says(announce, &[]);
    scene.says(
        r#"42["a"]"#,
        &["close 1002: the peer sent a packet where an attachment was due"],
    );

    let mut scene = Scene::entered();
    scene.hears(
        Incoming::Binary(&[1]),
        &["close 1002: the peer sent binary data that no packet announced"],
    );

    let mut scene = Scene::entered();
    scene.says(r#"451-["file",{"_placeholder":true,"num":1}]"#, &[]);
    scene.hears(
        Incoming::Binary(&[1]),
        &["close 1002: the peer sent a placeholder of an attachment that there is not"],
    );

    let settings = Settings {
        max_payload: 40,
        ..Settings::default()
    };
    let mut scene = Scene::open(Revision::Four, Transport::WebSocket, settings);
    scene.says("40", &["0: enter / {}"]);
    scene.lets_in(0, "me", r#"40{"sid":"me"}"#);
    scene.says(announce, &[]);
    scene.hears(
        Incoming::Binary(&[0; 12]),
        &["close 1009: a packet of 41 bytes with its attachments is over the limit of 40"],
    );
}
