//! The reports on which the page shows what goes over the wire.

use expect_test::expect;

use super::*;

#[test]
fn a_report_shows_the_event_and_the_commands_but_no_cookie() {
    let report = report_on(&["ann connects /?name=Ann"]).unwrap();
    expect![[r#"
        {
          "connection": {
            "ip": "192.0.2.1",
            "wskey": "ABAQEBAQEBAQEBAQEBAQAA"
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
              "wskey": "ABAQEBAQEBAQEBAQEBAQAA"
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
