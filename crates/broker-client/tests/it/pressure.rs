//! What is not read or not written holds up whoever makes it. Time stands still while anything moves: a wait of a second ends
//! only where nothing can go on.

use std::time::Duration;

use broker_client::{Event, Limits};
use broker_testkit::soon;
use serde_json::json;
use tokio::time::timeout;

use crate::peer::Peer;
use crate::{message, next};

const STANDSTILL: Duration = Duration::from_secs(1);

/// Much more than the pipe between client and peer and the buffers at its ends hold, one message for each.
const MESSAGES: usize = 2000;

fn text(number: usize) -> String {
    let filler = "x".repeat(200);
    json!({"action": "message", "message": [number, filler]}).to_string()
}

#[tokio::test(start_paused = true)]
async fn events_that_are_not_read_hold_up_the_server_and_none_is_lost() {
    let mut limits = Limits::default();
    limits.queued_events_max = 4;
    let (_client, mut events, mut peer) = Peer::meet(limits).await;
    let mut said = 0;
    while timeout(STANDSTILL, peer.say(&text(said))).await.is_ok() {
        said += 1;
        assert!(said < MESSAGES, "the client reads without end");
    }
    // The message that met the standstill was on its way already.
    let saying = async {
        for number in said + 1..MESSAGES {
            peer.say(&text(number)).await;
        }
    };
    let hearing = async {
        assert!(matches!(next(&mut events).await, Event::Open));
        for number in 0..MESSAGES {
            assert_eq!(message(&mut events).await.message[0], number);
        }
    };
    tokio::join!(saying, hearing);
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_wants_hold_up_nothing() {
    let mut limits = Limits::default();
    limits.queued_events_max = 1;
    let (client, events, mut peer) = Peer::meet(limits).await;
    drop(events);
    let asking = client.request("x", 1, Duration::MAX);
    let answering = async {
        let ack = peer.hear().await["ack"].clone();
        for number in 0..MESSAGES {
            peer.say(&text(number)).await;
        }
        peer.say(&json!({"action": "answer", "ack": ack, "message": 2}).to_string())
            .await;
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer.unwrap().message, 2);
}

#[tokio::test(start_paused = true)]
async fn events_are_dropped_by_who_waits_for_an_answer_behind_them() {
    let mut limits = Limits::default();
    limits.queued_events_max = 1;
    let (client, events, mut peer) = Peer::meet(limits).await;
    let asking = client.request("x", 1, Duration::MAX);
    let answering = async {
        let ack = peer.hear().await["ack"].clone();
        peer.say(&text(0)).await;
        peer.say(&text(1)).await;
        peer.say(&json!({"action": "answer", "ack": ack, "message": 2}).to_string())
            .await;
    };
    tokio::pin!(asking);
    let both = async { tokio::join!(&mut asking, answering).0 };
    assert!(timeout(STANDSTILL, both).await.is_err());
    drop(events);
    let answer = soon("the answer", asking).await;
    assert_eq!(answer.unwrap().message, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_to_a_server_that_takes_nothing_waits_and_can_leave() {
    let mut limits = Limits::default();
    limits.queued_sends_max = 4;
    let (client, _, mut peer) = Peer::meet(limits).await;
    let filler = "x".repeat(1000);
    let mut sent = 0;
    while timeout(STANDSTILL, client.send("x", (sent, &filler)))
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent < MESSAGES, "the client takes without end");
    }
    for number in 0..sent {
        assert_eq!(peer.hear().await["message"][0], number);
    }

    // Once more, and nobody ever reads it.
    while timeout(STANDSTILL, client.send("x", &filler)).await.is_ok() {}
    soon("the end", client.close()).await;
    assert!(client.send("x", 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_does_not_keep_a_client_that_was_dropped() {
    let (client, events, mut peer) = Peer::meet(Limits::default()).await;
    let filler = "x".repeat(1000);
    while timeout(STANDSTILL, client.send("x", &filler)).await.is_ok() {}
    drop((client, events));
    // Nothing is read until the client has given up.
    tokio::time::sleep(Limits::default().close_timeout * 2).await;
    peer.hear_end().await;
}
