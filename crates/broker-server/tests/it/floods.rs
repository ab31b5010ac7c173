//! Very many at once: connections beyond the limit, and everybody coming back at the same time.

use broker_server::Report;
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;
use tokio::task::JoinSet;

use crate::broker::Broker;

/// Lets so many connect and ask for an upgrade at once; gives what each was answered, and keeps those who got in.
async fn flood(broker: &Broker, count: usize) -> (Vec<u16>, Vec<Raw>) {
    let addr = broker.addr();
    let mut arriving = JoinSet::new();
    for _ in 0..count {
        arriving.spawn(async move {
            let mut raw = Raw::connect(addr).await;
            (raw.upgrade("/", &[]).await.status, raw)
        });
    }
    let (mut refusals, mut admitted) = (Vec::new(), Vec::new());
    while let Some(arrived) = arriving.join_next().await {
        match arrived.expect("each is answered") {
            (101, raw) => admitted.push(raw),
            (status, _) => refusals.push(status),
        }
    }
    (refusals, admitted)
}

#[tokio::test]
async fn a_flood_beyond_max_connections_gets_503_and_every_place_comes_back() {
    let broker = Broker::alone("listen.shards = 2\nlimits.max_connections = 50");
    for _ in 0..3 {
        let (refusals, admitted) = flood(&broker, 400).await;
        assert_eq!((admitted.len(), refusals.len()), (50, 350));
        assert!(refusals.iter().all(|status| *status == 503), "{refusals:?}");
        drop(admitted);
        broker
            .until("nobody is left", |report| *report == Report::default())
            .await;
    }
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(broker.client("").await);
    }
}

#[tokio::test]
async fn when_everybody_comes_back_at_once_the_backend_is_asked_by_max_in_flight_of_them() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 2\nbackend.max_in_flight = 8", &backend);
    backend.slow_down();
    let (refusals, clients) = flood(&broker, 200).await;
    assert_eq!((refusals.len(), clients.len()), (0, 200));
    broker
        .until("all of them", |report| report.events_held == 200)
        .await;
    assert_eq!(backend.told().len(), 8, "with the backend while it is slow");
    backend.wake();
    let told = backend
        .told_until("every connect", |told| told.len() >= 200)
        .await;
    assert!(
        told.iter().all(|told| told.attempt == 1),
        "none is told twice"
    );
    let report = broker.until("nothing more to tell", |report| report.events_held == 0);
    assert_eq!(report.await.connections, 200);
}

#[tokio::test]
async fn one_that_floods_with_messages_does_not_keep_another_waiting_for_its_end() {
    let backend = Scripted::silent();
    let config = "listen.shards = 1\nlimits.close_timeout = '100ms'";
    let broker = Broker::start(config, &backend);
    let (mut reading, mut flooding) = broker.raw_client().await.split();
    let flood = tokio::spawn(async move {
        let message = broker_testkit::client::masked(1, br#"{"type":"flood"}"#);
        let many = message.repeat(1000);
        while flooding.try_write(&many).await.is_ok() {}
    });
    backend.told_of("client-flood").await;
    let mut other: Client = broker.client("").await;
    for number in 0..5 {
        let call = format!("call {number}");
        other.say(&format!("\"{call}\"")).await;
        backend.told_of(&call).await;
    }
    assert!(!flood.is_finished(), "the flood goes on");
    broker.execute(r#"{"type":"close","code":4000}"#).await;
    assert_eq!(other.closed().await, 4000);
    soon("the end of the flood", async {
        reading.rest().await;
        flood.await
    })
    .await
    .expect("it was only refused");
}
