//! How many events are with the application at once: one limit for all shards, and every shard gets its turn.

use broker_server::core::SessionId;
use broker_testkit::backend::Scripted;
use broker_testkit::client::Client;
use broker_testkit::soon;

use crate::broker::Broker;

async fn crowd(broker: &Broker, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..count {
        clients.push(broker.client(&format!("n={number}")).await);
    }
    clients
}

#[tokio::test]
async fn shards_share_a_limit_that_is_below_their_number() {
    let backend = Scripted::silent();
    backend.slow_down();
    let broker = Broker::start("listen.shards = 3\nbackend.max_in_flight = 1", &backend);
    let _clients = crowd(&broker, 6).await;
    let report = broker
        .until("everything is held", |report| report.events_held == 6)
        .await;
    assert_eq!(report.calls_in_flight, 1);
    backend.wake();
    broker
        .until("everything is told", |report| report.events_held == 0)
        .await;
    assert_eq!(backend.told().len(), 6);
}

#[tokio::test]
async fn a_busy_shard_has_what_idle_ones_do_not_need() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 3\nbackend.max_in_flight = 4", &backend);
    let mut clients = crowd(&broker, 12).await;
    let told = backend
        .told_until("all connect", |told| told.len() == 12)
        .await;
    broker
        .until("all is answered", |report| report.events_held == 0)
        .await;
    backend.slow_down();
    let home = told[0].session.shard();
    let is_at_home = |id: SessionId| id.shard() == home;
    for told in told.iter().filter(|told| is_at_home(told.session)) {
        let info: serde_json::Value = serde_json::from_str(&told.connection).unwrap();
        let number: usize = info["n"].as_str().unwrap().parse().unwrap();
        clients[number].say("1").await;
    }
    broker
        .until("all four go out", |report| report.calls_in_flight == 4)
        .await;
}

#[tokio::test]
async fn at_a_drain_every_disconnect_is_told_however_few_go_at_once() {
    let backend = Scripted::silent();
    let broker = Broker::start(
        "listen.shards = 3\nbackend.max_in_flight = 1\ndrain.timeout = '50s'",
        &backend,
    );
    let mut clients = crowd(&broker, 30).await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    for client in &mut clients {
        assert_eq!(client.closed().await, 1012);
    }
    soon("the drain", drain).await.unwrap();
    let told = backend.told();
    let goodbyes = told
        .iter()
        .filter(|told| told.message.contains("session-disconnect"));
    assert_eq!(goodbyes.count(), 30);
}
