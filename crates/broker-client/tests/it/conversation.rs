//! Messages, answers and ids, with a server between the clients.

use broker_client::Event;
use broker_testkit::PATIENCE;
use serde_json::{Value, json};

use crate::server::Server;
use crate::{message, next, registered, registration};

#[tokio::test]
async fn a_message_reaches_each_client_that_it_names_and_says_who_sent_it() {
    let server = Server::start().await;
    let (a, _) = registered("a", server.url()).await;
    let (_b, mut b) = registered("b", server.url()).await;
    let (_c, mut c) = registered("c", server.url()).await;
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
    let server = Server::start().await;
    let (a, _) = registered("a", server.url()).await;
    let (_b, mut b) = registered("b", server.url()).await;
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
    let server = Server::start().await;
    let (a, mut events) = registered("a", server.url()).await;
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
    let server = Server::start().await;
    let (a, mut told) = registered("a", server.url()).await;
    let (b, mut b_events) = registered("b", server.url()).await;
    let (_c, mut c_events) = registered("c", server.url()).await;

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

    // What comes behind the late answer shows that nothing was told of it.
    late.answer("b").await.unwrap();
    b.send("a", "behind it").await.unwrap();
    assert_eq!(message(&mut told).await.message, "behind it");
}

#[tokio::test]
async fn requests_of_different_clients_get_their_own_answers() {
    let server = Server::start().await;
    let (a, _) = registered("a", server.url()).await;
    let (b, _) = registered("b", server.url()).await;
    let (_echo, mut echo) = registered("echo", server.url()).await;
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
async fn a_client_may_have_several_ids_and_loses_them_together() {
    let server = Server::start().await;
    let (a, mut events) = registered("a", server.url()).await;
    a.register("*").await.unwrap();
    assert_eq!(registration(&mut events).await, "*");
    a.send(["a", "*"], "both").await.unwrap();
    assert_eq!(message(&mut events).await.message, "both");
    assert_eq!(message(&mut events).await.message, "both");

    a.unregister().await.unwrap();
    let event = next(&mut events).await;
    assert!(
        matches!(&event, Event::Unregistered { id } if id == "*"),
        "{event:?}"
    );
    a.send(["a", "*"], "nobody").await.unwrap();
    a.register("again").await.unwrap();
    assert_eq!(registration(&mut events).await, "again");
}

#[tokio::test]
async fn a_client_without_an_id_is_answered_and_answers() {
    let server = Server::start().await;
    let (a, mut a_events) = registered("a", server.url()).await;
    let (b, mut b_events) = registered("b", server.url()).await;
    a.unregister().await.unwrap();
    assert!(matches!(
        next(&mut a_events).await,
        Event::Unregistered { .. }
    ));
    let answering = async {
        let message = message(&mut b_events).await;
        assert_eq!(message.from, None);
        b.unregister().await.unwrap();
        message.request.unwrap().answer(7).await.unwrap();
    };
    let (answer, ()) = tokio::join!(a.request("b", (), PATIENCE), answering);
    let answer = answer.unwrap();
    assert_eq!(answer.message, 7);
    assert_eq!(answer.from.as_deref(), Some("connection 2"));
}

#[tokio::test]
async fn the_application_behind_the_server_is_heard_without_a_name() {
    let server = Server::start().await;
    let (_a, mut events) = registered("a", server.url()).await;
    server.say("a", Value::from("from behind"));
    let message = message(&mut events).await;
    assert_eq!(message.message, "from behind");
    assert_eq!(message.from, None);
}
