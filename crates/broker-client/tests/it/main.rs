//! The client at a broker of this project, and against peers that do as they like.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and clippy lets only test functions themselves say so"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever comes instead of what was to come is shown, and fails the test"
)]

mod broker;
mod peer;

mod conversation;
mod endings;
mod faults;
mod handshakes;
mod names;
mod pressure;
mod requests;
#[cfg(feature = "tls")]
mod tls;

use broker_client::{Client, Event, Events, Message};
use broker_testkit::soon;

/// Connects, and waits until others can reach the client.
async fn registered(id: &str, url: &str) -> (Client, Events) {
    let connecting = soon("a connection", Client::connect(id, url));
    let (client, mut events) = connecting.await.unwrap();
    assert!(matches!(next(&mut events).await, Event::Open));
    assert_eq!(registration(&mut events).await, id);
    (client, events)
}

async fn next(events: &mut Events) -> Event {
    soon("an event", events.next()).await.unwrap()
}

async fn registration(events: &mut Events) -> String {
    match next(events).await {
        Event::Registered { id } => id,
        other => panic!("a registration was to come, not {other:?}"),
    }
}

async fn message(events: &mut Events) -> Message {
    match next(events).await {
        Event::Message(message) => message,
        other => panic!("a message was to come, not {other:?}"),
    }
}
