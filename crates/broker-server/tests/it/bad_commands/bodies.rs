//! Bodies that are refused as a whole: nothing in them is run.

use broker_testkit::backend::Scripted;
use broker_testkit::client::Raw;

use super::{OPEN, SEND, at_both_doors, hears_first, open, refused};
use crate::broker::Broker;

#[tokio::test]
async fn what_is_not_json_is_refused_with_the_place_of_the_fault_and_nothing_is_run() {
    let (broker, mut client) = open().await;
    for (body, reason) in [
        ("<html>".to_owned(), "expected value at line 1 column 1"),
        (
            format!("\u{feff}[{SEND}]"),
            "expected value at line 1 column 1",
        ),
        (
            format!("[{SEND}] x"),
            "trailing characters at line 1 column 34",
        ),
        (
            format!("[{SEND}]\n[]"),
            "trailing characters at line 2 column 1",
        ),
        (
            format!("[{SEND}"),
            "EOF while parsing a list at line 1 column 31",
        ),
        (format!("[{SEND},]"), "trailing comma at line 1 column 33"),
        (
            format!("[{SEND},'x']"),
            "expected value at line 1 column 33",
        ),
        (
            format!("[{SEND},NaN]"),
            "expected value at line 1 column 33",
        ),
    ] {
        refused(&broker, &body, 400, reason).await;
    }
    hears_first(&broker, &mut client, "first").await;
}

#[tokio::test]
async fn a_lone_surrogate_and_a_number_beyond_all_bounds_are_refused_wherever_they_stand() {
    let (broker, mut client) = open().await;
    for bad in [
        r#""\ud800""#,
        r#""\udc00x""#,
        r#"{"\ud800":1}"#,
        "1e400",
        "[-1e400]",
    ] {
        for command in [
            format!(r#"{{"type":"send","message":{bad}}}"#),
            format!(r#"{{"type":"session","data":{{"a":{bad}}}}}"#),
            format!(r#"{{"type":"count","match":{{"a":{bad}}}}}"#),
            format!(r#"{{"type":"of an embedder","what":{bad}}}"#),
        ] {
            refused(&broker, &format!("[{SEND},{command}]"), 400, "not JSON").await;
        }
    }
    hears_first(&broker, &mut client, "first").await;
}

#[tokio::test]
async fn a_body_nested_ten_thousand_deep_is_refused_and_a_message_so_deep_is_passed_on() {
    let nested =
        |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let (arrays, objects) = (nested("[", "]"), nested(r#"{"a":"#, "}"));
    let backend = Scripted::silent();
    let broker = Broker::start(OPEN, &backend);
    let mut client = broker.client("").await;
    for (part, deep) in [("of arrays", &arrays), ("of objects", &objects)] {
        for body in [
            (*deep).clone(),
            format!(r#"{{"type":"send","message":{deep}}}"#),
            format!(r#"{{"type":"session","data":{{"a":{deep}}}}}"#),
            format!(r#"{{"type":"count","match":{{"a":{deep}}}}}"#),
            format!(r#"{{"type":"send","message":1,"except":{deep}}}"#),
        ] {
            refused(&broker, &body, 400, "recursion limit exceeded").await;
        }
        client
            .say(&format!(r#"{{"type":{deep},"{part}":{deep}}}"#))
            .await;
        let told = backend.told_of(part).await;
        assert!(told.message.ends_with(&format!(r#","{part}":{deep}}}"#)));
    }
    hears_first(&broker, &mut client, "first").await;
}

#[tokio::test]
async fn a_body_of_100_mib_is_refused_while_it_is_read() {
    let (broker, _client) = open().await;
    for (addr, path) in [
        (broker.addr(), "/"),
        (broker.admin_addr(), "/api/v1/commands"),
    ] {
        let mut raw = Raw::connect(addr).await;
        // One chunk of 100 MiB, of which 2 MiB come: an answer to it is one that did not wait for the rest.
        raw.write(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6400000\r\n"
        ))
        .await;
        let _ = raw.try_write(" ".repeat(2 << 20)).await;
        assert_eq!(raw.answer().await.status, 413);
    }
}

#[tokio::test]
async fn a_hundred_thousand_commands_are_refused_and_as_many_as_may_be_are_run() {
    let (broker, mut client) = open().await;
    let many = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    let reason = "100000 commands are more than the limit max_commands of 10000";
    refused(&broker, &many(100_000), 413, reason).await;
    refused(&broker, &many(10_001), 413, "10001 commands").await;
    for answer in at_both_doors(&broker, &many(10_000)).await {
        assert_eq!(answer.status, 200);
        let results: Vec<serde_json::Value> = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(results.len(), 10_000);
    }
    hears_first(&broker, &mut client, "first").await;
}
