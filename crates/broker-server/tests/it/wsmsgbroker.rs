//! Clients that say things to each other, from shard to shard.

use broker_testkit::backend::{Scripted, Told};
use broker_testkit::client::Client;
use futures_util::future::select_all;

use crate::broker::Broker;

const CONFIG: &str = "listen.shards = 2\nendpoint = [{ path = '*', dialect = 'wsmsgbroker' }]\n";

async fn registered(broker: &Broker, id: &str) -> Client {
    let mut client = Client::connect(broker.addr(), "/").await;
    client
        .say(&format!(r#"{{"action":"register","id":"{id}"}}"#))
        .await;
    let expected = format!(r#"{{"action":"registered","id":"{id}"}}"#);
    assert_eq!(client.text().await, expected);
    client
}

fn send(to: &str, message: &str) -> String {
    format!(r#"{{"action":"send","dest":"{to}","message":"{message}"}}"#)
}

#[tokio::test]
async fn frames_that_make_no_sense_are_passed_over_and_counted_and_harm_nobody() {
    let broker = Broker::start(CONFIG, &Scripted::silent());
    let mut ann = registered(&broker, "ann").await;
    let mut bob = registered(&broker, "bob").await;
    let long = format!(r#"{{"action":"register","id":"{}"}}"#, "x".repeat(1025));
    let names = [r#""a""#; 1025].join(",");
    let many = format!(r#"{{"action":"send","message":1,"dest":[{names}]}}"#);
    let senseless = [
        "no JSON",
        "null",
        "{}",
        r#"{"action":"whatever"}"#,
        r#"{"action":"register"}"#,
        r#"{"action":"send","dest":"bob"}"#,
        r#"{"action":"send","dest":{},"message":1}"#,
        r#"{"action":"answer","ack":"mine"}"#,
        r#"{"action":"answer","ack":"0-1-0000000000000000"}"#,
        &long,
        &many,
    ];
    for frame in senseless {
        ann.say(frame).await;
    }
    ann.say_binary(send("bob", "in bytes")).await;
    ann.say(&send("bob", "still here")).await;
    assert_eq!(
        bob.text().await,
        r#"{"action":"message","message":"still here","from":"ann"}"#
    );
    let passed_over = broker.handle.counters().passed_over();
    assert_eq!(passed_over, senseless.len() as u64 + 1);
    drop((ann, bob));
    broker.until("the end", |report| report.sessions == 0).await;
}

#[tokio::test]
async fn of_those_who_register_one_id_at_once_on_several_shards_one_has_it() {
    const PEERS: usize = 8;
    let backend = Scripted::silent();
    let broker = Broker::start(CONFIG, &backend);
    let mut peers = Vec::new();
    for number in 0..PEERS {
        peers.push(registered(&broker, &format!("peer {number}")).await);
    }
    for peer in &mut peers {
        peer.say(r#"{"action":"register","id":"one"}"#).await;
    }
    for peer in &mut peers {
        assert_eq!(peer.text().await, r#"{"action":"registered","id":"one"}"#);
    }
    // The application is told of those who had it for a moment.
    let lost = |told: &&Told| told.message == r#"{"type":"session-unregister","id":"one"}"#;
    backend
        .told_until("who has lost it", |told| {
            told.iter().filter(lost).count() == PEERS - 1
        })
        .await;
    let mut asker = registered(&broker, "asker").await;
    asker.say(&send("one", "who?")).await;
    let hearing = peers.iter_mut().map(|peer| Box::pin(peer.text()));
    let (heard, holder, _) = select_all(hearing).await;
    assert!(heard.contains("who?"), "{heard}");
    // Nobody else has heard of it.
    peers.remove(holder);
    for number in (0..PEERS).filter(|number| *number != holder) {
        asker.say(&send(&format!("peer {number}"), "end")).await;
    }
    for peer in &mut peers {
        assert!(peer.text().await.contains("end"));
    }
}
