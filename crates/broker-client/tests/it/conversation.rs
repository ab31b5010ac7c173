//! Messages and answers, with a broker between the clients. Each client is put on the shard with the fewest connections: of two
//! that talk to each other neither is on the other's.

use std::time::Duration;

use broker_client::{
    ASKED_BYTES_MAX, AnswerError, Client, Closed, DESTINATIONS_MAX, Event, Events, RequestError,
};
use broker_testkit::{PATIENCE, soon};
use serde_json::json;

use crate::broker::Broker;
use crate::{message, next, registered};

/// For requests that have no answer; however short it is, they are sent.
const SHORT: Duration = Duration::from_millis(10);

#[tokio::test]
async fn a_message_reaches_each_client_that_it_names_and_says_who_sent_it() {
    let broker = Broker::start();
    let (a, _) = registered("a", broker.url()).await;
    let (_b, mut b) = registered("b", broker.url()).await;
    let (_c, mut c) = registered("c", broker.url()).await;
    assert_ne!(broker.shard_of("a").await, broker.shard_of("b").await);
    assert_eq!(broker.shard_of("a").await, broker.shard_of("c").await);
    a.send(["b", "nobody", "c"], json!({"x": [1, null]}))
        .await
        .unwrap();
    for events in [&mut b, &mut c] {
        let message = message(events).await;
        assert_eq!(message.message, json!({"x": [1, null]}));
        assert_eq!(message.from.as_deref(), Some("a"));
        assert!(message.request.is_none());
    }
}

#[tokio::test]
async fn messages_arrive_in_the_order_of_sending_also_those_that_are_null_or_empty() {
    let broker = Broker::start();
    let (a, _) = registered("a", broker.url()).await;
    let (_b, mut b) = registered("b", broker.url()).await;
    let messages = [json!(null), json!(""), json!(0), json!([]), json!("last")];
    for message in &messages {
        a.send("b", message).await.unwrap();
    }
    for expected in messages {
        assert_eq!(message(&mut b).await.message, expected);
    }
}

#[tokio::test]
async fn a_client_that_is_named_twice_is_told_twice() {
    let broker = Broker::start();
    let (a, mut events) = registered("a", broker.url()).await;
    a.send(vec!["a".to_owned(), "a".to_owned()], 1)
        .await
        .unwrap();
    a.send("a", 2).await.unwrap();
    for expected in [1, 1, 2] {
        assert_eq!(message(&mut events).await.message, expected);
    }
}

#[tokio::test]
async fn of_several_answers_the_first_is_given() {
    let broker = Broker::start();
    let (a, mut told) = registered("a", broker.url()).await;
    let (_b, mut b_events) = registered("b", broker.url()).await;
    let (_c, mut c_events) = registered("c", broker.url()).await;

    let asking = a.request(&["b", "c"], "who?", PATIENCE);
    let answering = async {
        let asked_b = message(&mut b_events).await.request.unwrap();
        let asked_c = message(&mut c_events).await.request.unwrap();
        asked_c.answer(json!({"i": "c"})).await.unwrap();
        asked_b
    };
    let (answer, late) = tokio::join!(asking, answering);
    let answer = answer.unwrap();
    assert_eq!(answer.message, json!({"i": "c"}));
    assert_eq!(answer.from.as_deref(), Some("c"));

    late.answer("b").await.unwrap();
    assert_silent(&a, &mut told, &mut b_events).await;
}

#[tokio::test]
async fn requests_of_different_clients_get_their_own_answers() {
    let broker = Broker::start();
    let (a, _) = registered("a", broker.url()).await;
    let (b, _) = registered("b", broker.url()).await;
    let (_echo, mut echo) = registered("echo", broker.url()).await;
    let answering = async {
        let first = message(&mut echo).await;
        let second = message(&mut echo).await;
        // The other way round than they came.
        for message in [second, first] {
            message
                .request
                .unwrap()
                .answer(message.message)
                .await
                .unwrap();
        }
    };
    let (of_a, of_b, ()) = tokio::join!(
        a.request("echo", "from a", PATIENCE),
        b.request("echo", "from b", PATIENCE),
        answering
    );
    assert_eq!(of_a.unwrap().message, "from a");
    assert_eq!(of_b.unwrap().message, "from b");
}

#[tokio::test]
async fn a_broker_takes_as_much_as_a_client_sends() {
    let broker = Broker::start();
    let (a, _) = registered("a", broker.url()).await;
    let (_b, mut b_events) = registered("b", broker.url()).await;
    let mut ids = vec!["nobody"; DESTINATIONS_MAX];
    ids[0] = "b";
    // With its quotes.
    let longest = "m".repeat(ASKED_BYTES_MAX / DESTINATIONS_MAX - 2);
    let answering = async {
        let message = message(&mut b_events).await;
        message.request.unwrap().answer(message.message).await
    };
    let (answer, answered) = tokio::join!(a.request(&ids, &longest, PATIENCE), answering);
    answered.unwrap();
    assert_eq!(answer.unwrap().message, longest);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_passed_over() {
    let broker = Broker::start();
    let (a, mut told) = registered("a", broker.url()).await;
    let (_b, mut b_events) = registered("b", broker.url()).await;
    // The message is on its way before the time begins to run out.
    let error = a.request("b", "quick!", SHORT).await.unwrap_err();
    assert!(matches!(error, RequestError::TimedOut(SHORT)), "{error}");
    let asked = message(&mut b_events).await;
    assert_eq!(asked.message, "quick!");
    asked.request.unwrap().answer("at last").await.unwrap();
    assert_silent(&a, &mut told, &mut b_events).await;
}

#[tokio::test]
async fn a_request_to_whom_nobody_knows_has_no_answer() {
    let broker = Broker::start();
    let (a, mut told) = registered("a", broker.url()).await;
    let error = a.request("nobody", "there?", SHORT).await.unwrap_err();
    assert!(matches!(error, RequestError::TimedOut(SHORT)), "{error}");
    a.send("a", "behind it").await.unwrap();
    assert_eq!(message(&mut told).await.message, "behind it");
}

#[tokio::test]
async fn the_application_behind_the_broker_is_heard_without_a_name() {
    let broker = Broker::start();
    let (_a, mut events) = registered("a", broker.url()).await;
    broker
        .execute(r#"{"type":"send","match":{"id":"a"},"message":"from behind"}"#)
        .await;
    let message = message(&mut events).await;
    assert_eq!(message.message, "from behind");
    assert_eq!(message.from, None);
}

#[tokio::test]
async fn a_broker_that_ends_tells_everybody() {
    let broker = Broker::start();
    let (a, mut a_events) = registered("a", broker.url()).await;
    let (b, mut b_events) = registered("b", broker.url()).await;
    let asking = async {
        let error = a
            .request("b", "until when?", Duration::MAX)
            .await
            .unwrap_err();
        match error {
            RequestError::Closed(closed) => closed,
            other => panic!("a closed connection was to be told, not {other}"),
        }
    };
    let ending = async {
        let asked = message(&mut b_events).await;
        broker.drain().await;
        asked
    };
    let (closed, asked) = soon("the end", async { tokio::join!(asking, ending) }).await;
    assert_eq!(closed.code, 1012);
    assert_eq!(closed_event(&mut a_events).await, closed);
    assert_eq!(closed_event(&mut b_events).await, closed);
    let too_late = asked.request.unwrap().answer("now").await.unwrap_err();
    assert!(matches!(too_late, AnswerError::Closed(it) if it == closed));
    assert!(b.send("a", 1).await.is_err());
}

#[tokio::test]
async fn a_broker_that_ends_at_once_says_so_too() {
    let broker = Broker::start();
    let (_a, mut a) = registered("a", broker.url()).await;
    let (_b, mut b) = registered("b", broker.url()).await;
    broker.shut_down().await;
    for events in [&mut a, &mut b] {
        assert_eq!(closed_event(events).await.code, 1001);
        assert!(events.next().await.is_none());
    }
}

/// Sees that `a` is told of nothing: not of what `b` has answered before the answer to one more request.
async fn assert_silent(a: &Client, told: &mut Events, b: &mut Events) {
    let answering = async {
        let asked = message(b).await.request.unwrap();
        asked.answer("still there").await.unwrap();
    };
    let (answer, ()) = tokio::join!(a.request("b", "there?", PATIENCE), answering);
    assert_eq!(answer.unwrap().message, "still there");
    a.send("a", "behind it").await.unwrap();
    assert_eq!(message(told).await.message, "behind it");
}

async fn closed_event(events: &mut Events) -> Closed {
    match next(events).await {
        Event::Close(closed) => closed,
        other => panic!("the end was to come, not {other:?}"),
    }
}
