use std::collections::BTreeMap;
use std::sync::Arc;

use broker_core::{ClientMessage, Entry, EventId, Handshake, SessionHandle, Timestamp};
use expect_test::{Expect, expect};
use serde_json::{Map, Value, json};

use super::*;

/// A chat, and what the broker keeps of those who are connected to it.
#[derive(Default)]
struct Stage {
    chat: Chat,
    sessions: BTreeMap<String, (SessionId, Map<String, Value>)>,
}

impl Stage {
    /// Plays one line: `NAME connects PATH`, `NAME says JSON` or `NAME leaves`.
    fn play(&mut self, line: &str) -> Vec<Value> {
        let (who, line) = line.split_once(' ').unwrap();
        let (what, detail) = line.split_once(' ').unwrap_or((line, ""));
        let fact = match what {
            "connects" => {
                let id = SessionId::new(0, [self.sessions.len() as u8 + 1; 14]);
                let info = json!({"sid": "a secret", "ip": "192.0.2.1", "wskey": id.to_string()});
                let info = info.as_object().unwrap().clone();
                self.sessions.insert(who.to_owned(), (id, info));
                Fact::Connected
            }
            "says" => Fact::Received(ClientMessage::parse(detail).unwrap()),
            "leaves" => Fact::Disconnected {
                code: 1001,
                reason: "".into(),
            },
            _ => panic!("{what}"),
        };
        let (session, info) = self.sessions.get_mut(who).unwrap();
        let event = Event {
            id: EventId {
                session: *session,
                number: 1,
            },
            session: SessionHandle {
                slot: 0,
                generation: 0,
            },
            time: Timestamp(0),
            attempt: 1,
            fact: Arc::new(fact),
            connection: serde_json::to_string(info).unwrap().into(),
            handshake: Arc::new(Handshake {
                path: detail.into(),
                headers: Box::default(),
            }),
        };
        let commands = self.chat.with_report(&event);
        let list = written(&commands).unwrap();
        for entry in &list.entries {
            assert!(matches!(entry, Entry::Run(_)), "{entry:?}");
        }
        for command in &commands {
            if let Command::Session { data } = command {
                let data = serde_json::to_value(data).unwrap();
                info.extend(data.as_object().unwrap().clone());
            }
        }
        commands
            .iter()
            .map(|command| serde_json::to_value(command).unwrap())
            .collect()
    }
}

fn is_report(command: &Value) -> bool {
    command["message"]["type"] == "report"
}

/// Plays lines, and shows what the last one is answered with, but for the report.
fn check(lines: &[&str], answer: Expect) {
    let mut stage = Stage::default();
    let answers = lines.iter().map(|line| stage.play(line)).last().unwrap();
    let shown: String = answers
        .iter()
        .filter(|command| !is_report(command))
        .map(|command| format!("{command}\n"))
        .collect();
    answer.assert_eq(&shown);
}

/// Plays lines, and gives the report on the last one.
fn report_on(lines: &[&str]) -> Option<Value> {
    let mut stage = Stage::default();
    let mut answer = lines.iter().map(|line| stage.play(line)).last().unwrap();
    assert!(
        !answer.iter().rev().skip(1).any(is_report),
        "the report is last"
    );
    answer.pop().filter(is_report)
}

#[test]
fn a_newcomer_is_given_a_name_and_the_others_are_told() {
    check(
        &["ann connects /", "bob connects /"],
        expect![[r#"
            {"data":{"guest":2,"name":"Gentle Otter","room":"lobby"},"type":"session"}
            {"message":{"guest":2,"name":"Gentle Otter","room":"lobby","type":"welcome"},"type":"send"}
            {"except":"self","match":{"room":"lobby"},"message":{"guest":2,"name":"Gentle Otter","room":"lobby","type":"joined"},"type":"send"}
            {"match":{"room":"lobby"},"message":{"count":2,"people":[{"guest":1,"name":"Amber Fox"},{"guest":2,"name":"Gentle Otter"}],"revision":2,"room":"lobby","type":"here"},"type":"send"}
        "#]],
    );
}

#[test]
fn who_comes_back_keeps_name_and_room() {
    check(
        &["ann connects /?room=garden&name=Ann%20of+the%0Alake"],
        expect![[r#"
            {"data":{"guest":1,"name":"Ann of the lake","room":"garden"},"type":"session"}
            {"message":{"guest":1,"name":"Ann of the lake","room":"garden","type":"welcome"},"type":"send"}
            {"except":"self","match":{"room":"garden"},"message":{"guest":1,"name":"Ann of the lake","room":"garden","type":"joined"},"type":"send"}
            {"match":{"room":"garden"},"message":{"count":1,"people":[{"guest":1,"name":"Ann of the lake"}],"revision":1,"room":"garden","type":"here"},"type":"send"}
        "#]],
    );
    check(
        &["ann connects /x?name=%20&room=attic"],
        expect![[r#"
        {"data":{"guest":1,"name":"Amber Fox","room":"lobby"},"type":"session"}
        {"message":{"guest":1,"name":"Amber Fox","room":"lobby","type":"welcome"},"type":"send"}
        {"except":"self","match":{"room":"lobby"},"message":{"guest":1,"name":"Amber Fox","room":"lobby","type":"joined"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Amber Fox"}],"revision":1,"room":"lobby","type":"here"},"type":"send"}
    "#]],
    );
}

#[test]
fn what_is_said_reaches_the_speakers_room() {
    check(
        &[
            "ann connects /?name=Ann&room=kitchen",
            r#"ann says {"type":"say","text":" <b>hi</b> \u0000 "}"#,
        ],
        expect![[r#"
            {"match":{"room":"kitchen"},"message":{"guest":1,"name":"Ann","text":"<b>hi</b> \u0000","type":"said"},"type":"send"}
        "#]],
    );
}

#[test]
fn a_new_name_is_told_and_stays() {
    let rename = [
        "ann connects /",
        r#"ann says {"type":"name","name":"  Ann\n"}"#,
        r#"ann says {"type":"say","text":"it is me"}"#,
    ];
    check(
        &rename[..2],
        expect![[r#"
        {"data":{"name":"Ann"},"type":"session"}
        {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","old":"Amber Fox","type":"renamed"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Ann"}],"revision":2,"room":"lobby","type":"here"},"type":"send"}
    "#]],
    );
    check(
        &rename,
        expect![[r#"
        {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","text":"it is me","type":"said"},"type":"send"}
    "#]],
    );
}

#[test]
fn who_goes_to_another_room_leaves_the_old_one() {
    let join = [
        "bob connects /?name=Bob",
        "ann connects /?name=Ann",
        r#"ann says {"type":"join","room":"kitchen"}"#,
        r#"ann says {"type":"join","room":"kitchen"}"#,
    ];
    check(
        &join[..3],
        expect![[r#"
        {"data":{"room":"kitchen"},"type":"session"}
        {"match":{"room":"lobby"},"message":{"guest":2,"name":"Ann","type":"left"},"type":"send"}
        {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":1,"name":"Bob"}],"revision":3,"room":"lobby","type":"here"},"type":"send"}
        {"message":{"guest":2,"name":"Ann","room":"kitchen","type":"welcome"},"type":"send"}
        {"except":"self","match":{"room":"kitchen"},"message":{"guest":2,"name":"Ann","room":"kitchen","type":"joined"},"type":"send"}
        {"match":{"room":"kitchen"},"message":{"count":1,"people":[{"guest":2,"name":"Ann"}],"revision":4,"room":"kitchen","type":"here"},"type":"send"}
    "#]],
    );
    check(&join, expect![[""]]);
}

#[test]
fn who_disconnects_is_missed() {
    check(
        &[
            "ann connects /?name=Ann",
            "bob connects /?name=Bob",
            "ann leaves",
        ],
        expect![[r#"
            {"match":{"room":"lobby"},"message":{"guest":1,"name":"Ann","type":"left"},"type":"send"}
            {"match":{"room":"lobby"},"message":{"count":1,"people":[{"guest":2,"name":"Bob"}],"revision":3,"room":"lobby","type":"here"},"type":"send"}
        "#]],
    );
}

#[test]
fn what_is_not_known_or_too_long_is_refused_with_a_reason() {
    let refused = |message: &str, answer: Expect| {
        check(
            &["ann connects /?name=Ann", &format!("ann says {message}")],
            answer,
        );
    };
    refused(
        r#"{"type":"fly"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: unknown variant `client-fly`, expected one of `client-say`, `client-name`, `client-join` at line 1 column 20.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"say"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: missing field `text`.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"say","text":5}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: invalid type: integer `5`, expected a string.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"join","room":"*"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: unknown variant `*`, expected one of `lobby`, `kitchen`, `garden`.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"name","name":"\t"}"#,
        expect![[r#"
        {"message":{"text":"A name has at least one letter.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        "null",
        expect![[r#"
            {"message":{"text":"That is not known here: invalid type: null, expected an object with a type at line 1 column 4.","type":"error"},"type":"send"}
        "#]],
    );
    let say = |length| json!({"type": "say", "text": "é".repeat(length)}).to_string();
    refused(
        &say(TEXT_CHARS_MAX + 1),
        expect![[r#"
        {"message":{"text":"A message has at most 1000 characters; this one has 1001.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        &json!({"type": "x".repeat(10_000)}).to_string(),
        expect![[r#"
            {"message":{"text":"That is not known here: unknown variant `client-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","type":"error"},"type":"send"}
        "#]],
    );
    // Nothing to say is nothing to refuse.
    refused(r#"{"type":"say","text":" \n"}"#, expect![[""]]);
}

#[test]
fn the_longest_message_is_said() {
    let text = "é".repeat(TEXT_CHARS_MAX);
    let said = json!({"type": "say", "text": text});
    let mut stage = Stage::default();
    stage.play("ann connects /");
    let answer = stage.play(&format!("ann says {said}"));
    assert_eq!(answer[0]["message"]["text"], *text);
}

#[test]
fn a_session_that_an_operator_changed_does_no_harm() {
    let mut stage = Stage::default();
    stage.play("ann connects /");
    let (_, info) = stage.sessions.get_mut("ann").unwrap();
    info.insert("room".into(), json!(["*"]));
    let answer = stage.play(r#"ann says {"type":"say","text":"hi"}"#);
    assert_eq!(answer[0]["match"], json!({"room": "lobby"}));
    assert_eq!(answer[0]["message"]["name"], "Somebody");
}

#[test]
fn in_a_crowd_nobody_is_told_who_comes_and_goes() {
    let mut stage = Stage::default();
    for number in 0..CROWD {
        let answer = stage.play(&format!("{number} connects /"));
        assert_eq!(answer[2]["match"], json!({"room": "lobby"}), "{number}");
    }
    let newcomer = stage.play("ann connects /");
    assert_eq!(newcomer[3]["message"]["count"], CROWD + 1);
    let listed = newcomer[3]["message"]["people"].as_array().unwrap();
    assert_eq!(listed.len(), people::LISTED_MAX);
    let aims_elsewhere =
        |answer: &[Value]| answer.iter().any(|command| !command["match"].is_null());
    assert!(!aims_elsewhere(&newcomer));
    let said = stage.play(r#"ann says {"type":"say","text":"hi"}"#);
    assert!(aims_elsewhere(&said), "what is said is told in a crowd too");
    assert_eq!(
        stage.play("ann leaves").len(),
        3,
        "again a room as any other"
    );
}

#[test]
fn a_report_shows_the_event_and_the_commands_but_no_cookie() {
    let report = report_on(&["ann connects /?name=Ann"]).unwrap();
    expect![[r#"
        {
          "connection": {
            "ip": "192.0.2.1",
            "wskey": "AAAAEBAQEBAQEBAQEBAQEB"
          },
          "message": {
            "type": "session-connect"
          }
        }
    "#]]
    .assert_eq(&format!("{:#}\n", report["message"]["event"]));
    assert_eq!(
        report["match"],
        Value::Null,
        "it is for whoever caused the event"
    );

    let said = report_on(&[
        "ann connects /?name=Ann",
        r#"ann says {"type":"say","text":"hi"}"#,
    ]);
    expect![[r#"
        {
          "commands": [
            {
              "match": {
                "room": "lobby"
              },
              "message": {
                "guest": 1,
                "name": "Ann",
                "text": "hi",
                "type": "said"
              },
              "type": "send"
            }
          ],
          "event": {
            "connection": {
              "guest": 1,
              "ip": "192.0.2.1",
              "name": "Ann",
              "room": "lobby",
              "wskey": "AAAAEBAQEBAQEBAQEBAQEB"
            },
            "message": {
              "text": "hi",
              "type": "client-say"
            }
          },
          "type": "report"
        }
    "#]]
    .assert_eq(&format!("{:#}\n", said.unwrap()["message"]));
}

#[test]
fn a_report_on_somebody_who_left_says_not_from_where_they_came() {
    let report = report_on(&["ann connects /?name=Ann", "ann leaves"]).unwrap();
    assert_eq!(report["match"], json!({"room": "lobby"}));
    expect![[r#"
        {
          "connection": {
            "guest": 1,
            "name": "Ann",
            "room": "lobby"
          },
          "message": {
            "code": 1001,
            "reason": "",
            "type": "session-disconnect"
          }
        }
    "#]]
    .assert_eq(&format!("{:#}\n", report["message"]["event"]));
}

#[test]
fn an_event_too_long_to_show_has_no_report() {
    let sent = |length| {
        format!(
            "ann says {}",
            json!({"type": "x", "more": "x".repeat(length)})
        )
    };
    assert!(report_on(&["ann connects /", &sent(100)]).is_some());
    assert!(report_on(&["ann connects /", &sent(REPORTED_BYTES_MAX)]).is_none());
}
