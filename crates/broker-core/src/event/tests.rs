use super::*;

fn status(code: u16) -> Failure {
    Failure::Status {
        code,
        retry_after: None,
    }
}

/// Every way to fail, each with its name and whether another try may help.
fn failures() -> [(Failure, &'static str, bool); 12] {
    [
        (Failure::Unreachable("".into()), "unreachable", true),
        (Failure::Interrupted("".into()), "interrupted", true),
        (Failure::TimedOut(Duration::from_secs(1)), "timeout", true),
        (status(301), "redirect", false),
        (status(399), "redirect", false),
        (status(400), "client_error", false),
        (status(429), "client_error", true),
        (status(499), "client_error", false),
        (status(500), "server_error", true),
        (status(599), "server_error", true),
        (Failure::BadAnswer("".into()), "bad_answer", false),
        (Failure::Panicked("".into()), "panic", false),
    ]
}

#[test]
fn each_failure_has_a_name_and_is_tried_again_where_that_may_help() {
    for (failure, name, is_retryable) in failures() {
        assert_eq!(failure.name(), name, "{failure:?}");
        assert_eq!(failure.is_retryable(), is_retryable, "{failure:?}");
    }
    assert!(!status(600).is_retryable());
}

#[test]
fn only_an_answer_can_ask_to_be_left_alone() {
    for (failure, ..) in failures() {
        assert_eq!(failure.retry_after(), None, "{failure:?}");
    }
    let wait = Some(Duration::from_secs(7));
    let failure = Failure::Status {
        code: 503,
        retry_after: wait,
    };
    assert_eq!(failure.retry_after(), wait);
}

#[test]
fn facts_are_named_written_and_weighed_by_their_kind() {
    let message = ClientMessage::parse(r#"{"type":"hi"}"#).unwrap();
    let disconnected = Fact::Disconnected {
        code: 1006,
        reason: r#"a "b""#.into(),
    };
    for (fact, name, written, size) in [
        (
            Fact::Connected { entrance: None },
            "session-connect",
            r#"{"type":"session-connect"}"#,
            0,
        ),
        (
            Fact::Connected {
                entrance: Some(Box::new(Entrance {
                    namespace: r#"/"a""#.into(),
                    auth: r#"{"t":1.0}"#.into(),
                })),
            },
            "session-connect",
            r#"{"type":"session-connect","namespace":"/\"a\"","auth":{"t":1.0}}"#,
            13,
        ),
        (
            Fact::Acknowledged {
                ack: 7,
                args: "[1.0]".into(),
            },
            "client",
            r#"{"type":"session-ack","ack":7,"args":[1.0]}"#,
            5,
        ),
        (
            Fact::Received(message),
            "client",
            r#"{"type":"client-hi"}"#,
            13,
        ),
        (
            disconnected,
            "session-disconnect",
            r#"{"type":"session-disconnect","code":1006,"reason":"a \"b\""}"#,
            5,
        ),
    ] {
        let mut out = Vec::new();
        fact.write_message(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), written);
        assert_eq!((fact.kind().name(), fact.size()), (name, size));
    }
}

#[test]
fn an_event_is_named_by_its_session_and_its_number() {
    let session = SessionId::new(1, [2; 14]);
    let id = EventId { session, number: 7 };
    assert_eq!(id.to_string(), format!("{session}-7"));
}
