//! What came of commands, over all shards.

use std::collections::BTreeSet;

use broker_server::core::SessionId;
use broker_testkit::client::Client;
use serde_json::{Value, json};

use crate::broker::Broker;

const CLIENTS: usize = 10;

async fn fleet() -> (Broker, Vec<Client>) {
    let broker = Broker::alone("listen.shards = 3\naccess.allow = ['127.0.0.1']");
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let cookies = format!("n={number}; room={}", ["red", "blue", "Red"][number % 3]);
        clients.push(broker.client(&cookies).await);
    }
    (broker, clients)
}

fn numbers(connections: &Value) -> Vec<&str> {
    connections
        .as_array()
        .unwrap()
        .iter()
        .map(|info| info["n"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_is_in_the_order_of_connecting_over_all_shards() {
    let (broker, _clients) = fleet().await;
    let receipts = broker.receipts(r#"{"type":"list"}"#).await;
    assert_eq!(receipts[0]["matched"], CLIENTS);
    assert_eq!(
        numbers(&receipts[0]["connections"]),
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    );
    let infos = receipts[0]["connections"].as_array().unwrap().iter();
    let shard_of = |info: &Value| {
        info["wskey"]
            .as_str()
            .unwrap()
            .parse::<SessionId>()
            .unwrap()
            .shard()
    };
    let shards: BTreeSet<u16> = infos.map(shard_of).collect();
    assert_eq!(Vec::from_iter(shards), [0, 1, 2]);
}

#[tokio::test]
async fn pages_of_a_list_join_without_gap_or_overlap() {
    let (broker, _clients) = fleet().await;
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut command = json!({"type": "list", "limit": 3, "fields": ["n"]});
        if !cursor.is_null() {
            command["cursor"] = cursor;
        }
        let receipts = broker.receipts(&command.to_string()).await;
        let page = numbers(&receipts[0]["connections"]);
        assert!(page.len() <= 3, "{page:?}");
        seen.extend(page.into_iter().map(str::to_owned));
        cursor = receipts[0]["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn counts_add_up_over_all_shards() {
    let (broker, _clients) = fleet().await;
    let receipts = broker
        .receipts(r#"[{"type":"count"},{"type":"count","by":"room"},{"type":"count","match":{"room":"red"}}]"#)
        .await;
    assert_eq!(
        receipts,
        json!([
            {"ok": true, "type": "count", "matched": 10},
            {"ok": true, "type": "count", "matched": 10, "by": {"Red": 3, "blue": 3, "red": 4}},
            {"ok": true, "type": "count", "matched": 7},
        ])
    );
}

#[tokio::test]
async fn a_list_of_commands_sees_what_its_earlier_commands_did_on_every_shard() {
    let (broker, mut clients) = fleet().await;
    let receipts = broker
        .receipts(
            r#"[{"type":"session","match":{"room":"blue"},"data":{"room":"green"}},
                {"type":"count","by":"room"},
                {"type":"send","match":{"room":"green"},"message":"hi"},
                {"type":"close","match":{"room":"green"},"code":4000,"reason":"off"},
                {"type":"send","match":{},"message":"still here"},
                {"type":"sned"}]"#,
        )
        .await;
    assert_eq!(
        receipts,
        json!([
            {"ok": true, "type": "session", "matched": 3},
            {"ok": true, "type": "count", "matched": 10, "by": {"Red": 3, "green": 3, "red": 4}},
            {"ok": true, "type": "send", "matched": 3, "queued": 3, "dropped": 0},
            {"ok": true, "type": "close", "matched": 3},
            {"ok": true, "type": "send", "matched": 7, "queued": 7, "dropped": 0},
            {"ok": false, "type": "sned", "error": "unknown command `sned`", "hint": "did you mean send?"},
        ])
    );
    for (number, client) in clients.iter_mut().enumerate() {
        if number % 3 == 1 {
            assert_eq!(
                client.rest().await,
                (vec![r#""hi""#.to_owned()], 4000, "off".to_owned())
            );
        } else {
            assert_eq!(client.text().await, r#""still here""#);
        }
    }
}

#[tokio::test]
async fn the_public_port_answers_in_the_originals_form() {
    let (broker, _clients) = fleet().await;
    let body = r#"[{"type":"send","message":1},{"type":"list","match":{"n":3},"fields":["n","room"]},{"type":"count"}]"#;
    let answer = broker.post(&[], body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, r#"[null,[{"n":"3","room":"red"}],10]"#);
}
