//! What happens to messages that find no room, or no end of their waiting.

use std::time::Duration;

use broker_server::core::Failure;
use broker_server::{Closed, Lost, Rejected};
use broker_testkit::backend::{Reply, Scripted, Told};
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;

use crate::broker::Broker;

/// Waits until `count` is this much.
async fn reaches(what: &str, expected: u64, count: impl Fn() -> u64) {
    let wait = async {
        while count() < expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(what, wait).await;
    assert_eq!(count(), expected, "{what}");
}

/// A broker before a slow application, and a client that has said the numbers from 1 to 6 with this hold; `held` events
/// are held of it then, the connect among them.
async fn full(hold: &str, held: usize) -> (Scripted, Broker, Client) {
    let backend = Scripted::silent();
    let text = format!("listen.shards = 1\nlimits.max_message = '1KiB'\n[backend.hold]\n{hold}");
    let broker = Broker::start(&text, &backend);
    backend.slow_down();
    let mut client = broker.client("").await;
    for number in 1..=6 {
        client.say(&number.to_string()).await;
    }
    client.ping("all said").await;
    let pong = broker_testkit::client::Heard::Pong("all said".into());
    while client.next().await != pong {}
    assert_eq!(broker.handle.report().await.events_held, held);
    (backend, broker, client)
}

/// What the application is told after that, as soon as it is awake.
async fn told(backend: &Scripted, broker: &Broker) -> Vec<String> {
    backend.wake();
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    let told = backend.told().into_iter();
    told.map(|told| told.message).skip(1).collect()
}

#[tokio::test]
async fn drop_oldest_gives_up_the_oldest_messages_for_new_ones() {
    let (backend, broker, _client) = full("max_events = 3\non_full = 'drop_oldest'", 4).await;
    assert_eq!(told(&backend, &broker).await, ["4", "5", "6"]);
    let counters = broker.handle.counters();
    assert_eq!(counters.lost(Lost::MaxEvents), 3, "{counters}");
}

#[tokio::test]
async fn drop_newest_gives_up_what_comes_when_there_is_no_room() {
    let (backend, broker, mut client) = full("max_events = 3\non_full = 'drop_newest'", 4).await;
    assert_eq!(told(&backend, &broker).await, ["1", "2", "3"]);
    let counters = broker.handle.counters();
    assert_eq!(counters.lost(Lost::MaxEvents), 3, "{counters}");
    client.say("7").await;
    backend.told_of("7").await;
}

#[tokio::test]
async fn bytes_are_limited_as_events_are() {
    // Room for what a session may have to tell, and for three messages of one byte.
    let hold = format!("max_bytes = '{}B'", 384 + 3 * 129);
    let oldest = format!("{hold}\non_full = 'drop_oldest'");
    let (backend, broker, _client) = full(&oldest, 4).await;
    assert_eq!(told(&backend, &broker).await, ["4", "5", "6"]);
    assert_eq!(broker.handle.counters().lost(Lost::MaxBytes), 3);

    let newest = format!("{hold}\non_full = 'drop_newest'");
    let (backend, broker, _client) = full(&newest, 4).await;
    assert_eq!(told(&backend, &broker).await, ["1", "2", "3"]);
    assert_eq!(broker.handle.counters().lost(Lost::MaxBytes), 3);
}

#[tokio::test]
async fn close_ends_the_connection_with_1013_and_the_application_is_told_of_it() {
    let backend = Scripted::silent();
    let text = "listen.shards = 1\n[backend.hold]\nmax_events = 3\non_full = 'close'";
    let broker = Broker::start(text, &backend);
    backend.slow_down();
    let mut client = broker.client("").await;
    let mut other = broker.client("").await;
    for number in 1..=4 {
        client.say(&number.to_string()).await;
    }
    let (texts, code, reason) = client.rest().await;
    assert_eq!((texts.len(), code), (0, 1013), "{reason}");
    let counters = broker.handle.counters();
    reaches("the end", 1, || counters.closed(Closed::HoldFull)).await;
    assert_eq!(counters.lost(Lost::MaxEvents), 1, "{counters}");
    backend.wake();
    let last = backend.told_of("session-disconnect").await;
    assert!(last.message.contains(r#""code":1013"#), "{last:?}");
    let of_it = |told: &Told| told.session == last.session;
    let told = backend.told().into_iter().filter(of_it);
    let messages: Vec<String> = told.map(|told| told.message).collect();
    assert_eq!(messages[1..4], ["1", "2", "3"]);
    assert_eq!(messages.len(), 5);
    other.say("5").await;
    backend.told_of("5").await;
}

#[tokio::test]
async fn messages_that_wait_for_too_long_are_given_up_and_the_rest_is_told() {
    let backend = Scripted::silent();
    let text = "listen.shards = 2\nbackend.hold.max_age = '50ms'";
    let broker = Broker::start(text, &backend);
    backend.slow_down();
    let mut client = broker.client("").await;
    for number in 1..=3 {
        client.say(&number.to_string()).await;
    }
    let counters = broker.handle.counters();
    // Nobody but the clock brings this about.
    reaches("the age", 3, || counters.lost(Lost::MaxAge)).await;
    client.close(None, "").await;
    client.closed().await;
    backend.wake();
    let last = backend.told_of("session-disconnect").await;
    assert!(last.message.contains("1005"), "{last:?}");
    assert_eq!(backend.told().len(), 2, "the connect and the end");
    broker
        .until("nothing is left", |report| report.sessions == 0)
        .await;
}

#[tokio::test]
async fn a_handshake_for_whose_events_there_is_no_room_gets_503() {
    let backend = Scripted::silent();
    for connect in ["notify", "wait"] {
        // Room for two sessions, and not for a third.
        let text = format!(
            "listen.shards = 1\nlimits.max_message = '1KiB'\nbackend.connect = '{connect}'\nbackend.hold.max_bytes = '1KiB'"
        );
        let broker = Broker::start(&text, &backend);
        let mut first = broker.client("").await;
        let _second = broker.client("").await;
        let answer = Raw::connect(broker.addr()).await.upgrade("/", &[]).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("5"))
        );
        assert_eq!(answer.body, "too much is held for the backend\n");
        let counters = broker.handle.counters();
        assert_eq!(counters.rejected(Rejected::HoldFull), 1, "{counters}");
        first.close(None, "").await;
        first.closed().await;
        broker
            .until("one has gone", |report| report.sessions == 1)
            .await;
        let _third = broker.client("").await;
    }
}

/// An application that fails so the first time it is told of a `1`.
fn failing_once(failure: Failure) -> Scripted {
    Scripted::new(move |told| {
        if told.message == "1" && told.attempt == 1 {
            Reply::Failure(failure.clone())
        } else {
            Reply::Commands(String::new())
        }
    })
}

#[tokio::test]
async fn delivered_at_most_once_what_may_have_arrived_is_not_sent_again() {
    let status = |code| Failure::Status {
        code,
        retry_after: None,
    };
    for (failure, tries) in [
        (Failure::TimedOut(Duration::from_secs(1)), 1),
        (Failure::Interrupted("reset".into()), 1),
        (status(500), 1),
        (status(429), 2),
        (Failure::Unreachable("refused".into()), 2),
    ] {
        let shown = format!("{failure:?}");
        let backend = failing_once(failure);
        let broker = Broker::start("backend.delivery = 'at_most_once'", &backend);
        let mut client = broker.client("").await;
        client.say("1").await;
        client.say("2").await;
        backend.told_of("2").await;
        let of_it = |told: &&Told| told.message == "1";
        assert_eq!(
            backend.told().iter().filter(of_it).count(),
            tries,
            "{shown}"
        );
        let counters = broker.handle.counters();
        assert_eq!(counters.lost(Lost::Doubtful), 2 - tries as u64, "{shown}");
    }
}

#[tokio::test]
async fn delivered_at_least_once_it_is_sent_again() {
    let backend = failing_once(Failure::TimedOut(Duration::from_secs(1)));
    let broker = Broker::start("", &backend);
    let mut client = broker.client("").await;
    client.say("1").await;
    client.say("2").await;
    backend.told_of("2").await;
    let told = backend.told().into_iter().map(|told| told.message);
    assert!(told.skip(1).eq(["1", "1", "2"]));
}
