//! Servers that do not keep to the protocol.

use broker_client::{Event, Limits};
use broker_testkit::{PATIENCE, soon};

use crate::peer::Peer;
use crate::{message, next};

/// Lets the server say this, and gives the error that is told; the connection has to go on.
async fn told_of(text: &str) -> String {
    let (_client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    let saying = async {
        peer.say(text).await;
        peer.say(r#"{"action":"message","message":"behind it"}"#)
            .await;
    };
    let hearing = async {
        assert!(matches!(next(&mut events).await, Event::Open));
        let error = match next(&mut events).await {
            Event::Error(error) => error.to_string(),
            other => panic!("an error was to come, not {other:?}"),
        };
        assert_eq!(message(&mut events).await.message, "behind it");
        error
    };
    tokio::join!(saying, hearing).1
}

#[tokio::test(start_paused = true)]
async fn what_is_not_json_is_told_with_its_place() {
    assert_eq!(
        told_of("{\"action\": oh}").await,
        "the server sent what is not JSON: expected value at line 1 column 12"
    );
    assert_eq!(
        told_of("").await,
        "the server sent what is not JSON: EOF while parsing a value at line 1 column 0"
    );
}

#[tokio::test(start_paused = true)]
async fn json_of_any_depth_is_no_danger() {
    let deep = "[".repeat(100_000);
    let error = told_of(&deep).await;
    assert!(error.contains("recursion limit"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn json_without_an_action_is_told() {
    for text in ["null", "7", "[]", "{}", r#"{"action":5}"#] {
        assert_eq!(
            told_of(text).await,
            "the server sent JSON without an action",
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_action_is_told_by_its_beginning() {
    assert_eq!(
        told_of(r#"{"action":"register"}"#).await,
        r#"the server sent the unknown action "register""#
    );
    let long = format!(r#"{{"action":"{}"}}"#, "é".repeat(5000));
    let error = told_of(&long).await;
    assert!(error.len() < 200, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_action_that_lacks_something_is_told() {
    for (text, error) in [
        (r#"{"action":"registered"}"#, r#""registered" without "id""#),
        (
            r#"{"action":"unregistered","id":null}"#,
            r#""unregistered" without "id""#,
        ),
        (
            r#"{"action":"message","from":"x"}"#,
            r#""message" without "message""#,
        ),
        (
            r#"{"action":"answer","ack":5,"message":1}"#,
            r#""answer" without "ack""#,
        ),
    ] {
        assert_eq!(
            told_of(text).await,
            format!("the server sent the action {error}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_what_was_never_asked_is_told() {
    for message in ["1", r#""\ud800""#] {
        let answer = format!(r#"{{"action":"answer","ack":"x","message":{message},"from":"y"}}"#);
        assert_eq!(
            told_of(&answer).await,
            r#"the server sent an answer to "x", which was never asked"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_message_is_told() {
    let (_client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    peer.say_binary().await;
    assert!(matches!(next(&mut events).await, Event::Open));
    match next(&mut events).await {
        Event::Error(error) => assert_eq!(error.to_string(), "the server sent a binary message"),
        other => panic!("an error was to come, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_limit_ends_the_connection() {
    let mut limits = Limits::default();
    limits.message_bytes_max = 100;
    let (_client, mut events, mut peer) = Peer::meet(limits).await;
    let fits = format!(r#"{{"action":"message","message":"{}"}}"#, "x".repeat(67));
    assert_eq!(fits.len(), 100);
    peer.say(&fits).await;
    peer.say(&fits.replace("xx", "xxx")).await;
    assert!(matches!(next(&mut events).await, Event::Open));
    assert_eq!(message(&mut events).await.message, "x".repeat(67));
    match next(&mut events).await {
        Event::Close(closed) => assert_eq!(
            closed.to_string(),
            "the connection has ended with 1006: a message of the server is longer than \
             Limits::message_bytes_max"
        ),
        other => panic!("the end was to come, not {other:?}"),
    }
    assert!(soon("the end", events.next()).await.is_none());
}

/// Asks, and gives the error of the request after this answer, in which `ACK` stands for its name.
async fn asked(answer: &str) -> String {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    let answering = async {
        let ack = peer.hear().await["ack"].to_string();
        peer.say(&answer.replace("ACK", &ack)).await;
        peer.say(r#"{"action":"message","message":"behind it"}"#)
            .await;
    };
    let (answer, ()) = tokio::join!(client.request("x", 1, PATIENCE), answering);
    assert!(matches!(next(&mut events).await, Event::Open));
    assert_eq!(message(&mut events).await.message, "behind it");
    answer.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_ends_its_request_at_once() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (message, why) in [
        (r#""\ud800""#, "unexpected end of hex escape"),
        ("1e999", "number out of range"),
        (&deep, "recursion limit exceeded"),
    ] {
        let answer = format!(r#"{{"action":"answer","message":{message},"ack":ACK}}"#);
        let error = asked(&answer).await;
        let expected = format!("the answer cannot be read: {why}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_json_that_cannot_be_read_is_told() {
    for text in [
        r#"{"action":"answer","ack":5,"message":"\ud800"}"#,
        r#"{"action":"message","ack":"x","message":"\ud800"}"#,
    ] {
        let error = told_of(text).await;
        assert!(error.contains("unexpected end of hex escape"), "{error}");
    }
}
