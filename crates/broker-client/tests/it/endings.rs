//! How connections end, and what becomes of whoever waits.

use std::time::Duration;

use broker_client::{Client, Closed, Event, Events, Limits, RequestError, SendError};
use broker_testkit::soon;
use tokio::runtime::Builder;

use crate::next;
use crate::peer::Peer;

/// A client that waits for an answer.
async fn waiting(client: &Client, peer: &mut Peer) -> impl Future<Output = Closed> + use<> {
    let other = client.clone();
    let waiting = tokio::spawn(async move { other.request("x", 1, Duration::MAX).await });
    assert_eq!(peer.hear().await["action"], "send");
    async {
        let waiting = soon("the end of a request", waiting).await.unwrap();
        match waiting.unwrap_err() {
            RequestError::Closed(closed) => closed,
            other => panic!("a closed connection was to be told, not {other}"),
        }
    }
}

/// The last event, after which there is none.
async fn last(events: &mut Events) -> Closed {
    loop {
        if let Event::Close(closed) = next(events).await {
            assert!(soon("the end", events.next()).await.is_none());
            return closed;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_says_so_behind_all_it_has_sent() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    client.send("x", "last words").await.unwrap();
    let hearing = async {
        assert_eq!(peer.hear().await["message"], "last words");
        let code = peer.hear_close().await;
        drop(peer);
        code
    };
    let ((), code) = tokio::join!(client.close(), hearing);
    assert_eq!(code, 1000);
    assert_eq!(last(&mut events).await.code, 1000);
}

#[tokio::test(start_paused = true)]
async fn the_servers_code_and_reason_reach_whoever_waits() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    let waiting = waiting(&client, &mut peer).await;
    peer.close(1012, "restart").await;
    let closed = Closed {
        code: 1012,
        reason: "restart".to_owned(),
    };
    assert_eq!(waiting.await, closed);
    assert_eq!(
        closed.to_string(),
        "the connection has ended with 1012: restart"
    );
    let after = client.request("x", 1, Duration::MAX).await.unwrap_err();
    assert!(matches!(after, RequestError::Closed(after) if after == closed));
    let after = client.send("x", 1).await.unwrap_err();
    assert!(matches!(after, SendError::Closed(after) if after == closed));
    assert_eq!(last(&mut events).await, closed);
    // Whoever closes what is closed does not wait.
    soon("the end", client.close()).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_ends_all_that_waits() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    let one = waiting(&client, &mut peer).await;
    let other = waiting(&client, &mut peer).await;
    drop(peer);
    let closed = one.await;
    assert_eq!(closed.code, 1006);
    assert_eq!(other.await, closed);
    assert_eq!(last(&mut events).await, closed);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_a_close_is_left() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    let waiting = waiting(&client, &mut peer).await;
    let late = client.clone();
    let sending = async { late.send("x", "too late").await.unwrap_err() };
    let ((), error) = soon("the end", async { tokio::join!(client.close(), sending) }).await;
    assert_eq!(
        error.to_string(),
        "the connection has ended with 1006: the client is closing it"
    );
    assert_eq!(
        waiting.await.to_string(),
        "the connection has ended with 1006: the server has not answered the close frame in time"
    );
    assert_eq!(last(&mut events).await.code, 1006);
    peer.hear_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_gives_a_sign_of_life_when_it_is_asked() {
    let (_client, _events, mut peer) = Peer::meet(Limits::default()).await;
    peer.ping("there?").await;
    assert_eq!(peer.hear_pong().await, "there?");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_can_use_any_more_is_closed() {
    let (client, events, mut peer) = Peer::meet(Limits::default()).await;
    drop(events);
    client.send("x", "last words").await.unwrap();
    drop(client);
    assert_eq!(peer.hear().await["message"], "last words");
    assert_eq!(peer.hear_close().await, 1000);
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_or_owes_an_answer_keeps_the_connection_open() {
    let (client, mut events, mut peer) = Peer::meet(Limits::default()).await;
    drop(client);
    peer.say(r#"{"action":"message","message":1,"ack":"a"}"#)
        .await;
    assert!(matches!(next(&mut events).await, Event::Open));
    let Event::Message(message) = next(&mut events).await else {
        panic!("a message was to come");
    };
    drop(events);
    message.request.unwrap().answer(2).await.unwrap();
    assert_eq!(peer.hear().await["message"], 2);
    assert_eq!(peer.hear_close().await, 1000);
}

#[test]
fn a_runtime_that_is_shut_down_ends_all_that_waits() {
    let new_runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let runtime = new_runtime();
    let (client, mut events, peer) = runtime.block_on(Peer::meet(Limits::default()));
    drop(runtime);
    new_runtime().block_on(async {
        let error = client.request("x", 1, Duration::MAX).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the connection has ended with 1006: the runtime of the client was shut down"
        );
        assert_eq!(last(&mut events).await.code, 1006);
    });
    drop(peer);
}
