//! Requests that wait, and what they leave behind. Time stands still while anything moves, and jumps where nothing does.

use std::time::Duration;

use broker_client::{
    ASKED_BYTES_MAX, Answer, Client, DESTINATIONS_MAX, Destination, Event, Limits, RequestError,
};
use broker_testkit::soon;
use serde_json::json;

use crate::message;
use crate::next;
use crate::peer::Peer;

const SHORT: Duration = Duration::from_secs(1);

fn one_request() -> Limits {
    let mut limits = Limits::default();
    limits.pending_requests_max = 1;
    limits
}

/// Asks, and answers as the peer.
async fn exchange(client: &Client, peer: &mut Peer, answer: &str) -> Answer {
    let answering = async {
        let ack = peer.hear().await["ack"].clone();
        let answer = answer.replace("ACK", &ack.to_string());
        peer.say(&answer).await;
    };
    let (answer, ()) = tokio::join!(client.request("x", 1, Duration::MAX), answering);
    answer.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_answers_ends_at_the_time_of_its_caller() {
    let (client, _, _peer) = Peer::meet(Limits::default()).await;
    let error = client.request("nobody", 1, SHORT).await.unwrap_err();
    assert!(matches!(error, RequestError::TimedOut(SHORT)), "{error}");
    assert_eq!(error.to_string(), "no answer within 1000 ms");
}

#[tokio::test(start_paused = true)]
async fn one_request_more_than_the_limit_is_refused_and_not_sent() {
    let (client, _, mut peer) = Peer::meet(one_request()).await;
    let other = client.clone();
    let waiting = tokio::spawn(async move { other.request("x", "first", Duration::MAX).await });
    let ack = peer.hear().await["ack"].clone();
    let error = client.request("x", "second", SHORT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 requests wait for their answers already"
    );
    client.send("x", "third").await.unwrap();
    assert_eq!(peer.hear().await["message"], "third");

    peer.say(&json!({"action": "answer", "ack": ack, "from": "x", "message": 1}).to_string())
        .await;
    let answer = soon("an answer", waiting).await.unwrap();
    assert_eq!(answer.unwrap().message, 1);
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_over_or_dropped_leave_room_for_others() {
    let (client, _, mut peer) = Peer::meet(one_request()).await;
    for _ in 0..2 {
        let error = client.request("x", 1, SHORT).await.unwrap_err();
        assert!(matches!(error, RequestError::TimedOut(_)), "{error}");
        peer.hear().await;
        let dropped = client.request("x", 1, Duration::MAX);
        assert!(tokio::time::timeout(SHORT, dropped).await.is_err());
        peer.hear().await;
        let not_json = client.request("x", Unwritable, SHORT).await.unwrap_err();
        assert!(matches!(not_json, RequestError::NotJson(_)), "{not_json}");
    }
    let answer = r#"{"action":"answer","ack":ACK,"from":"x","message":2}"#;
    assert_eq!(exchange(&client, &mut peer, answer).await.message, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_is_passed_over() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    client.request("x", 1, SHORT).await.unwrap_err();
    let ack = peer.hear().await["ack"].clone();
    peer.say(&json!({"action": "answer", "ack": ack, "message": 1}).to_string())
        .await;
    peer.say(r#"{"action":"message","message":"behind it"}"#)
        .await;
    assert!(matches!(next(&mut events).await, Event::Open));
    assert_eq!(message(&mut events).await.message, "behind it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_sender_or_a_message_is_an_answer() {
    let (client, _, mut peer) = Peer::meet(Limits::default()).await;
    let answer = exchange(&client, &mut peer, r#"{"action":"answer","ack":ACK}"#).await;
    assert_eq!(
        answer,
        Answer {
            message: json!(null),
            from: None,
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_names_the_request_as_it_came() {
    let (_client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    assert!(matches!(next(&mut events).await, Event::Open));
    for ack in [r#""x""#, "7", "[1]"] {
        peer.say(&format!(
            r#"{{"action":"message","message":1,"ack":{ack},"from":5}}"#
        ))
        .await;
        let message = message(&mut events).await;
        assert_eq!(message.from.as_deref(), Some("5"));
        message.request.unwrap().answer("yes").await.unwrap();
        let answer = peer.hear().await;
        assert_eq!(
            answer,
            json!({"action": "answer", "ack": answer["ack"], "message": "yes"})
        );
        assert_eq!(answer["ack"].to_string(), ack);
    }
}

#[tokio::test(start_paused = true)]
async fn no_two_requests_have_the_same_id() {
    let (one, _, mut one_peer) = Peer::meet(Limits::default()).await;
    let (other, _, mut other_peer) = Peer::meet(Limits::default()).await;
    let mut acks = Vec::new();
    for _ in 0..3 {
        for (client, peer) in [(&one, &mut one_peer), (&other, &mut other_peer)] {
            client.request("x", 1, SHORT).await.unwrap_err();
            acks.push(peer.hear().await["ack"].to_string());
        }
    }
    acks.sort();
    acks.dedup();
    assert_eq!(acks.len(), 6);
}

/// What cannot be written as JSON.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_json_is_refused_and_not_sent() {
    let (client, _, mut peer) = Peer::meet(Limits::default()).await;
    let error = client.send("x", Unwritable).await.unwrap_err();
    assert_eq!(error.to_string(), "the message is not JSON: not today");
    client.send("x", "fine").await.unwrap();
    assert_eq!(
        peer.hear().await,
        json!({"action": "send", "dest": "x", "message": "fine"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_for_more_than_a_server_takes_is_refused_and_not_sent() {
    let (client, _, mut peer) = Peer::meet(Limits::default()).await;
    let mut ids = vec!["x"; DESTINATIONS_MAX + 1];
    let refusal = "the message is for 1025 ids, and for more than 1024 no broker takes one";
    let error = client.send(&ids, 1).await.unwrap_err();
    assert_eq!(error.to_string(), refusal);
    let error = client.request(&ids, 1, SHORT).await.unwrap_err();
    assert_eq!(error.to_string(), refusal);
    ids.pop();
    let (sent, heard) = tokio::join!(client.send(&ids, 1), peer.hear());
    sent.unwrap();
    assert_eq!(heard["dest"], json!(ids));
}

#[tokio::test(start_paused = true)]
async fn a_question_too_long_for_so_many_is_refused_and_not_sent() {
    let (client, _, mut peer) = Peer::meet(Limits::default()).await;
    let asked = ["x", "y"];
    // With its quotes it is one byte longer than may be.
    let long = "m".repeat(ASKED_BYTES_MAX / 2 - 1);
    let error = client.request(asked, &long, SHORT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the message has 2097153 bytes and asks 2 ids, and more than 4194304 bytes for all of them no broker takes"
    );
    client.send(asked, "first").await.unwrap();
    assert_eq!(peer.hear().await["message"], "first");
    for (dest, message) in [
        (Destination::from(asked), &long[1..]),
        (Destination::from("x"), &long[..]),
    ] {
        let (asked, heard) = tokio::join!(client.request(dest, message, SHORT), peer.hear());
        assert!(matches!(asked, Err(RequestError::TimedOut(_))), "{asked:?}");
        assert_eq!(heard["message"], message);
    }
}
