//! Commands that are wrong, at both doors for them: each has its refusal, and what is right beside it is done.

mod bodies;
mod carried_out;
mod places;
mod who;

use broker_testkit::client::{Answer, Client};

use crate::broker::Broker;

const OPEN: &str = "listen.shards = 2\naccess.allow = ['127.0.0.1']\n";

/// A broker whose doors are both open, and a client of it.
async fn open() -> (Broker, Client) {
    let broker = Broker::alone(OPEN);
    let client = broker.client("room=lobby").await;
    (broker, client)
}

/// What each door answers to the same body: the original's first, then the admin port's.
async fn at_both_doors(broker: &Broker, body: &str) -> [Answer; 2] {
    [broker.post(&[], body).await, broker.admin(&[], body).await]
}

/// Asserts that both doors refuse a body as a whole, with this status and this in the reason.
async fn refused(broker: &Broker, body: &str, status: u16, reason: &str) {
    for answer in at_both_doors(broker, body).await {
        let start = body.get(..40).unwrap_or(body);
        assert_eq!(answer.status, status, "{start}: {}", answer.body);
        assert!(answer.body.contains(reason), "{start}: {}", answer.body);
    }
}

/// Asserts that both doors refuse one command for this reason, in its place, and run the one behind it.
async fn refused_in_its_place(broker: &Broker, command: &str, reason: &str) {
    let body = format!(r#"[{command},{{"type":"count"}}]"#);
    let [public, admin] = at_both_doors(broker, &body).await;
    for answer in [&public, &admin] {
        assert_eq!(answer.status, 200, "{command}: {}", answer.body);
        let results: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(results[0]["ok"], false, "{command}: {}", answer.body);
        let error = results[0]["error"].as_str().unwrap();
        assert!(error.contains(reason), "{command}: {error}");
    }
    assert!(public.body.ends_with(",1]"), "{}", public.body);
    assert!(admin.body.ends_with(r#""matched":1}]"#), "{}", admin.body);
}

/// Asserts that a client was sent nothing before this.
async fn hears_first(broker: &Broker, client: &mut Client, text: &str) {
    broker
        .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
        .await;
    assert_eq!(client.text().await, text);
}

/// A command whose effect a client would hear.
const SEND: &str = r#"{"type":"send","text":"never"}"#;
