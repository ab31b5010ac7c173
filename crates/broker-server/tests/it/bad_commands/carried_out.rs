//! What shows only when commands are carried out, and what is wrong in answers to events.

use broker_testkit::backend::{Reply, Scripted};
use broker_testkit::client::masked;
use serde_json::json;

use super::{OPEN, at_both_doors, refused_in_its_place};
use crate::broker::Broker;

#[tokio::test]
async fn of_a_name_that_stands_twice_in_data_the_last_counts_and_is_what_others_are_told() {
    let backend = Scripted::silent();
    let broker = Broker::start(OPEN, &backend);
    let mut client = broker.client("").await;
    let data = r#"{"room":"a","x":{"y":1,"y":2},"\u0072oom":"b"}"#;
    let receipts = broker
        .receipts(&format!(
            r#"[{{"type":"session","data":{data}}},{{"type":"count","match":{{"room":"a"}}}},
                {{"type":"count","match":{{"room":"b"}}}},{{"type":"list","fields":["room","x"]}}]"#
        ))
        .await;
    assert_eq!(receipts[1]["matched"], 0);
    assert_eq!(receipts[2]["matched"], 1);
    assert_eq!(
        receipts[3]["connections"],
        json!([{"room": "b", "x": {"y": 2}}])
    );

    client.say(r#"{"type":"one","\u0074ype":"two"}"#).await;
    let told = backend.told_of("two").await;
    assert_eq!(told.message, r#"{"type":"client-two"}"#);
    assert_eq!(told.connection.matches("room").count(), 1, "{told:?}");
}

#[tokio::test]
async fn session_data_over_the_limit_is_refused_and_what_is_the_brokers_own_in_it_is_passed_over() {
    let broker = Broker::alone(&format!("{OPEN}limits.max_session = '256B'"));
    let _client = broker.client("a=1").await;
    let long = format!(
        r#"{{"type":"session","data":{{"a":"{}"}}}}"#,
        "x".repeat(300)
    );
    refused_in_its_place(&broker, &long, "over the limit max_session of 256 bytes").await;
    let before = broker.receipts(r#"{"type":"list"}"#).await;
    for body in [
        r#"{"type":"session","data":{"ip":"192.0.2.1","wskey":{"x":1}}}"#,
        r#"{"type":"session","unset":["ip","wskey"]}"#,
    ] {
        for answer in at_both_doors(&broker, body).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    }
    assert_eq!(broker.receipts(r#"{"type":"list"}"#).await, before);
}

#[tokio::test]
async fn a_connection_that_is_closing_is_not_matched_and_stands_in_nobodys_way() {
    let broker = Broker::alone(OPEN);
    // It never answers a close frame, and so is closing for as long as it likes.
    let mut closing = broker.raw_client().await;
    broker.execute(r#"{"type":"close","code":3000}"#).await;
    let (head, payload) = closing.frame().await;
    assert_eq!((head, &payload[..]), (0x88, &3000u16.to_be_bytes()[..]));
    let mut client = broker.client("").await;
    let body = r#"[{"type":"send","text":"on"},{"type":"session","data":{"x":1}},{"type":"count","match":{"x":1}},
                   {"type":"list","fields":["x"]},{"type":"close","code":3001,"match":{"gone":"undefined"}},{"type":"count"}]"#;
    assert_eq!(
        broker.receipts(body).await,
        json!([
            {"ok": true, "type": "send", "matched": 1, "queued": 1, "dropped": 0},
            {"ok": true, "type": "session", "matched": 1},
            {"ok": true, "type": "count", "matched": 1},
            {"ok": true, "type": "list", "matched": 1, "connections": [{"x": 1}], "cursor": null},
            {"ok": true, "type": "close", "matched": 1},
            {"ok": true, "type": "count", "matched": 0},
        ])
    );
    assert_eq!(
        client.rest().await,
        (vec!["on".to_owned()], 3001, String::new())
    );
    closing.write(masked(8, &3000u16.to_be_bytes())).await;
    assert_eq!(closing.rest().await, b"", "it was sent nothing more");
}

#[tokio::test]
async fn what_is_wrong_in_an_answer_to_an_event_is_passed_over_and_the_rest_is_run() {
    let wrong = [
        "null",
        r#"{"type":"sned"}"#,
        r#"{"type":"send"}"#,
        r#"{"type":"send","text":"never","text":"never"}"#,
        r#"{"type":"send","binary":"%%"}"#,
        r#"{"type":"send","text":"never","match":{"a":{"$gtt":1}}}"#,
        r#"{"type":"close","code":1005}"#,
        r#"{"type":"session","data":{"ip":"192.0.2.1"}}"#,
    ];
    let answer = format!(
        r#"[{},{{"type":"send","text":"right","more":1}}]"#,
        wrong.join(",")
    );
    let backend = Scripted::new(move |_| Reply::Commands(answer.clone()));
    let broker = Broker::start(OPEN, &backend);
    let mut client = broker.client("").await;
    assert_eq!(client.text().await, "right");
    let receipts = broker.receipts(r#"{"type":"list","fields":["ip"]}"#).await;
    assert_eq!(receipts[0]["connections"], json!([{"ip": "127.0.0.1"}]));
}
