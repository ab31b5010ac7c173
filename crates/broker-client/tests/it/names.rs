//! By which ids a client is reached, with a broker between the clients.

use broker_client::{Event, Events, ID_BYTES_MAX, Limits, RegisterError};
use broker_testkit::PATIENCE;

use crate::broker::Broker;
use crate::peer::Peer;
use crate::{message, next, registered, registration};

async fn unregistration(events: &mut Events) -> String {
    match next(events).await {
        Event::Unregistered { id } => id,
        other => panic!("the end of a registration was to come, not {other:?}"),
    }
}

#[tokio::test]
async fn a_client_that_has_unregistered_is_not_reached_until_it_registers_again() {
    let broker = Broker::start();
    let (a, mut told) = registered("a", broker.url()).await;
    let (b, mut b_events) = registered("b", broker.url()).await;
    a.unregister().await.unwrap();
    assert_eq!(unregistration(&mut told).await, "a");
    // Once `b` has its own message, the one before it has found nobody.
    b.send("a", "nobody").await.unwrap();
    // What one client asks about one id is done in its order: once `b` has the id, its message has found nobody.
    b.register("a").await.unwrap();
    assert_eq!(registration(&mut b_events).await, "a");
    a.register("a").await.unwrap();
    assert_eq!(registration(&mut told).await, "a");
    b.send("a", "somebody").await.unwrap();
    assert_eq!(message(&mut told).await.message, "somebody");
}

#[tokio::test]
async fn a_client_may_have_several_ids_and_lets_go_of_the_last_one() {
    let broker = Broker::start();
    let (a, mut events) = registered("a", broker.url()).await;
    a.register("*").await.unwrap();
    assert_eq!(registration(&mut events).await, "*");
    a.send(["a", "*"], "both").await.unwrap();
    assert_eq!(message(&mut events).await.message, "both");
    assert_eq!(message(&mut events).await.message, "both");

    a.unregister().await.unwrap();
    assert_eq!(unregistration(&mut events).await, "*");
    a.send(["*", "a"], "one").await.unwrap();
    let message = message(&mut events).await;
    assert_eq!(message.message, "one");
    assert_eq!(message.from.as_deref(), Some("a"));
    a.unregister().await.unwrap();
    assert_eq!(unregistration(&mut events).await, "a");
}

#[tokio::test]
async fn who_registers_an_id_takes_it_from_whoever_has_it() {
    let broker = Broker::start();
    let (first, mut first_events) = registered("x", broker.url()).await;
    let (_second, mut second_events) = registered("x", broker.url()).await;
    first.send("x", "whose?").await.unwrap();
    assert_eq!(message(&mut second_events).await.message, "whose?");

    // Who has lost it is not told so, and cannot take it back by letting go of it.
    first.unregister().await.unwrap();
    first.register("y").await.unwrap();
    assert_eq!(registration(&mut first_events).await, "y");
    first.send("x", "and now?").await.unwrap();
    let message = message(&mut second_events).await;
    assert_eq!(message.message, "and now?");
    assert_eq!(message.from.as_deref(), Some("y"));
}

#[tokio::test]
async fn a_client_without_an_id_is_answered_and_answers() {
    let broker = Broker::start();
    let (a, mut a_events) = registered("a", broker.url()).await;
    let (b, mut b_events) = registered("b", broker.url()).await;
    a.unregister().await.unwrap();
    assert_eq!(unregistration(&mut a_events).await, "a");
    let answering = async {
        let message = message(&mut b_events).await;
        assert_eq!(message.from, None);
        b.unregister().await.unwrap();
        message.request.unwrap().answer(7).await.unwrap();
    };
    let (answer, ()) = tokio::join!(a.request("b", (), PATIENCE), answering);
    let answer = answer.unwrap();
    assert_eq!(answer.message, 7);
    // The broker has another name for each connection.
    assert_ne!(answer.from.as_deref(), Some("b"));
    assert!(answer.from.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_empty_id_or_one_too_long_is_refused_and_not_asked_for() {
    let (client, _, mut peer) = Peer::meet(Limits::default()).await;
    let error = client.register("").await.unwrap_err();
    assert!(matches!(error, RegisterError::EmptyId), "{error}");
    let mut longest = "x".repeat(ID_BYTES_MAX + 1);
    let error = client.register(&longest).await.unwrap_err();
    assert!(matches!(error, RegisterError::LongId), "{error}");
    assert_eq!(error.to_string(), "the id has more than 1024 bytes");
    longest.pop();
    client.register(&longest).await.unwrap();
    assert_eq!(peer.hear().await["id"], longest);
}

#[tokio::test]
async fn a_broker_takes_the_longest_id() {
    let broker = Broker::start();
    // In JSON it is six times as long.
    let longest = "\u{1}".repeat(ID_BYTES_MAX);
    let (a, mut events) = registered(&longest, broker.url()).await;
    a.send(&longest, "found").await.unwrap();
    assert_eq!(message(&mut events).await.message, "found");
}
