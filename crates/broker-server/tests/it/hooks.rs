//! An application in the same process: its own commands, its control of the broker, its panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use broker_server::backend::{
    Answer, Backend, Connection, Hooks, InProcess, MessageOnward, Unanswered,
};
use broker_server::core::{Call, ClientMessage, CommandList, OtherCommand};
use broker_server::{Handle, Server};
use broker_testkit::backend::{Reply, Scripted, Told, commands};
use broker_testkit::client::Client;
use serde_json::json;
use serde_json::value::RawValue;

use crate::broker::{Broker, config};

/// Doubles numbers, adds to what the broker does not know, and panics when asked to.
struct Calculator;

fn value(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

#[async_trait]
impl Hooks for Calculator {
    async fn on_client_message(
        &self,
        message: &ClientMessage,
        connection: &mut Connection<'_>,
    ) -> MessageOnward {
        assert!(!message.text().contains("panic"), "asked to");
        connection.send(&json!({"heard": message.text()})).unwrap();
        if message.text().contains("tell all")
            && let Some(broker) = connection.broker()
        {
            broker.post(commands(r#"{"type":"send","match":{},"message":"all"}"#));
        }
        MessageOnward::Stop
    }

    fn own_commands(&self) -> Vec<Box<str>> {
        vec!["double".into(), "panic".into()]
    }

    fn on_own_command(
        &self,
        command: &OtherCommand,
        connection: Option<&mut Connection<'_>>,
    ) -> Result<Box<RawValue>, Box<str>> {
        assert!(&*command.name != "panic", "asked to");
        let command: serde_json::Value = serde_json::from_slice(&command.text).unwrap();
        let number = command["number"].as_i64().ok_or("needs a number")?;
        if let Some(connection) = connection {
            connection
                .send(&(number * 2))
                .map_err(|error| error.to_string())?;
        }
        Ok(value(&(number * 2).to_string()))
    }

    fn on_backend_message(
        &self,
        command: &OtherCommand,
        _connection: Option<&mut Connection<'_>>,
    ) -> Option<Result<Box<RawValue>, Box<str>>> {
        (&*command.name == "greet").then(|| Ok(value(r#"{"hello":"you"}"#)))
    }
}

fn start(next: Option<Scripted>) -> Broker {
    let next = next.map(|next| Arc::new(next) as Arc<dyn Backend>);
    let backend = InProcess::new(Calculator, next);
    let config = config("listen.shards = 3\naccess.allow = ['127.0.0.1']");
    let handle: Handle = Server::new(config, Arc::new(backend)).start().unwrap();
    Broker { handle }
}

#[tokio::test]
async fn the_values_of_own_and_unknown_commands_are_their_results() {
    let broker = start(None);
    let list = r#"[{"type":"double","number":21},{"type":"greet"},{"type":"double"},{"type":"nobody"},{"type":"count"}]"#;
    let answer = broker.post(&[], list).await;
    let results: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&results[0], &results[1], &results[4]),
        (&json!(42), &json!({"hello": "you"}), &json!(0))
    );
    let double = results[2]["error"].as_str().unwrap();
    assert!(double.contains("needs a number"), "{results}");
    assert!(
        results[3]["error"].as_str().unwrap().contains("nobody"),
        "{results}"
    );
    let receipts = broker.receipts(list).await;
    assert_eq!(
        receipts[0],
        json!({"ok": true, "type": "double", "result": 42})
    );
    assert_eq!(receipts[2]["ok"], false);
}

#[tokio::test]
async fn a_panic_in_a_hook_costs_its_event_and_nothing_else() {
    let broker = start(None);
    let mut client = broker.client("").await;
    let mut other = broker.client("").await;
    client.say(r#"{"type":"panic"}"#).await;
    client.say(r#"{"type":"fine"}"#).await;
    assert!(client.text().await.contains("fine"));
    other.say(r#"{"type":"fine"}"#).await;
    assert!(other.text().await.contains("fine"));
    broker
        .until("nothing is held", |report| report.events_held == 0)
        .await;
}

#[tokio::test]
async fn a_panic_in_an_own_command_costs_that_command_and_nothing_else() {
    let broker = start(None);
    let mut client = broker.client("").await;
    let list =
        r#"[{"type":"panic"},{"type":"send","message":"after"},{"type":"double","number":1}]"#;
    let receipts = broker.receipts(list).await;
    assert_eq!(
        (
            &receipts[0]["ok"],
            &receipts[1]["queued"],
            &receipts[2]["result"]
        ),
        (&json!(false), &json!(1), &json!(2))
    );
    assert_eq!(client.text().await, r#""after""#);
}

#[tokio::test]
async fn a_panicking_application_costs_the_event_and_nothing_else() {
    let panics = |told: &Told| {
        if told.message.contains("panic") {
            Reply::Panic
        } else {
            Reply::Commands(r#"{"type":"send","message":"fine"}"#.to_owned())
        }
    };
    let backend = Scripted::new(panics);
    let broker = Broker::start("listen.shards = 1", &backend);
    let mut client = Client::connect(broker.addr(), "/").await;
    assert_eq!(client.text().await, r#""fine""#);
    client.say(r#""panic""#).await;
    client.say("1").await;
    assert_eq!(client.text().await, r#""fine""#);
    assert_eq!(
        backend
            .told()
            .iter()
            .filter(|told| told.message.contains("panic"))
            .count(),
        1
    );
}

#[tokio::test]
async fn what_an_application_posts_reaches_everyone() {
    let broker = start(None);
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(broker.client("").await);
    }
    clients[0].say(r#"{"type":"tell all"}"#).await;
    let mut heard = clients[0].texts(2).await;
    heard.sort();
    assert_eq!(heard[0], r#""all""#);
    for client in &mut clients[1..] {
        assert_eq!(client.text().await, r#""all""#);
    }
}

/// Says goodbye to everyone by itself, not in its answer.
struct Mourner;

#[async_trait]
impl Hooks for Mourner {
    async fn on_client_disconnect(
        &self,
        _code: u16,
        _reason: &str,
        connection: &mut Connection<'_>,
    ) {
        if let Some(broker) = connection.broker() {
            broker.execute(commands(r#"{"type":"count"}"#)).await;
        }
    }
}

#[tokio::test]
async fn an_application_may_use_the_broker_until_a_drain_is_over() {
    let server = Server::new(
        config("drain.timeout = '50s'"),
        Arc::new(InProcess::new(Mourner, None)),
    );
    let broker = Broker {
        handle: server.start().unwrap(),
    };
    let mut client = broker.client("").await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    assert_eq!(client.closed().await, 1012);
    broker_testkit::soon("the drain", drain).await.unwrap();
}

/// An application whose second shard cannot be made.
#[derive(Debug)]
struct Brittle {
    made: AtomicUsize,
    alive: Arc<()>,
}

#[async_trait]
impl Backend for Brittle {
    fn for_shard(&self) -> Arc<dyn Backend> {
        assert_eq!(
            self.made.fetch_add(1, Ordering::Relaxed),
            0,
            "there is one only"
        );
        Arc::new(Brittle {
            made: AtomicUsize::new(1),
            alive: self.alive.clone(),
        })
    }

    async fn call(&self, _: Call) -> Result<Answer, Unanswered> {
        Ok(CommandList::default().into())
    }
}

#[tokio::test]
async fn an_application_that_cannot_be_made_stops_the_start_and_nothing_is_left_running() {
    let alive = Arc::new(());
    let backend = Brittle {
        made: AtomicUsize::new(0),
        alive: alive.clone(),
    };
    let server = Server::new(config("listen.shards = 2"), Arc::new(backend));
    assert!(server.start().is_err());
    let ended = async {
        while Arc::strong_count(&alive) > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    broker_testkit::soon("the first shard to end", ended).await;
}
