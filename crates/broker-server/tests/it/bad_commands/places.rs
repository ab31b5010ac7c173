//! Commands that are refused in their place, while the others of their list are run.

use super::{hears_first, open, refused_in_its_place};

#[tokio::test]
async fn an_unknown_command_and_a_field_of_a_wrong_kind_are_refused_in_their_place() {
    let (broker, _client) = open().await;
    for (command, reason) in [
        ("null", "a command must be an object, got null"),
        ("[]", "a command must be an object, got a list"),
        ("{}", "a command needs a `type` that is a string"),
        (
            r#"{"type":["send"]}"#,
            "a command needs a `type` that is a string",
        ),
        (r#"{"type":"Send"}"#, "unknown command `Send`"),
        (r#"{"type":"send"}"#, "`send` needs one of"),
        (r#"{"type":"send","text":1}"#, "`text` must be a string"),
        (r#"{"type":"session","data":1}"#, "`data` must be an object"),
        (
            r#"{"type":"list","limit":-1}"#,
            "`limit` must be a whole number",
        ),
        (r#"{"type":"list","cursor":7}"#, "`cursor` must be a string"),
        (
            r#"{"type":"log","text":1,"level":"loud"}"#,
            "`level` must be",
        ),
    ] {
        refused_in_its_place(&broker, command, reason).await;
    }
}

#[tokio::test]
async fn a_field_of_a_command_that_stands_twice_is_refused() {
    let (broker, mut client) = open().await;
    for (command, field) in [
        (r#"{"type":"send","text":"a","text":"b"}"#, "text"),
        (r#"{"type":"count","type":"send","text":"a"}"#, "type"),
        (
            r#"{"type":"send","text":"a","match":{},"ma\u0074ch":0}"#,
            "match",
        ),
    ] {
        let reason = format!("field `{field}` stands twice");
        refused_in_its_place(&broker, command, &reason).await;
    }
    let criteria = r#"{"type":"send","text":"a","match":{"room":"x","\u0072oom":"*"}}"#;
    refused_in_its_place(&broker, criteria, "`room` stands twice").await;
    hears_first(&broker, &mut client, "first").await;
}

#[tokio::test]
async fn criteria_of_a_wrong_kind_and_unknown_operators_are_refused_by_name() {
    let (broker, _client) = open().await;
    for (criteria, reason) in [
        (r#""lobby""#, "criteria must be an object, got a string"),
        (r#"["a"]"#, "criteria must be an object, got a list"),
        (
            r#"{"n":{}}"#,
            "field `n` is compared with an object that has no operator",
        ),
        (r#"{"n":{"$gtt":1}}"#, "unknown operator `$gtt`"),
        (r#"{"$where":"1"}"#, "unknown operator `$where`"),
        (r#"{"n":{"$in":1}}"#, "operator `$in` takes a list"),
        (
            r#"{"$or":{"n":1}}"#,
            "operator `$or` takes a list of criteria",
        ),
    ] {
        for field in ["match", "except"] {
            let command = format!(r#"{{"type":"send","text":"a","{field}":{criteria}}}"#);
            refused_in_its_place(&broker, &command, &format!("`{field}`: {reason}")).await;
        }
    }
}

#[tokio::test]
async fn criteria_built_to_be_slow_are_refused_by_their_depth_and_their_number_of_comparisons() {
    let (broker, _client) = open().await;
    let deep = format!("{}{{}}{}", r#"{"$not":"#.repeat(17), "}".repeat(17));
    let values = vec!["1"; 1000].join(",");
    let wide = format!(r#"{{"n":{{"$nin":[{values}]}}}}"#);
    let branches = vec![r#"{"a":1}"#; 1000].join(",");
    let branched = format!(r#"{{"$or":[{branches}]}}"#);
    let doubling = (0..10).fold("{}".to_owned(), |half, _| {
        format!(r#"{{"$or":[{half},{half}]}}"#)
    });
    for (criteria, reason) in [
        (deep, "criteria are nested deeper than 16"),
        (wide, "criteria hold more than 1000 comparisons"),
        (branched, "criteria hold more than 1000 comparisons"),
        (doubling, "criteria hold more than 1000 comparisons"),
    ] {
        let command = format!(r#"{{"type":"count","match":{criteria}}}"#);
        refused_in_its_place(&broker, &command, reason).await;
    }
}

#[tokio::test]
async fn bad_base64_is_refused() {
    let (broker, mut client) = open().await;
    for binary in ["%%", "AP8", "AP8=\\n", "AP8_", "AP9=", "ä"] {
        let command = format!(r#"{{"type":"send","binary":"{binary}"}}"#);
        refused_in_its_place(&broker, &command, "`binary` must be base64").await;
    }
    hears_first(&broker, &mut client, "first").await;
}

#[tokio::test]
async fn close_codes_that_are_not_the_applications_and_long_reasons_are_refused() {
    let (broker, mut client) = open().await;
    for code in [
        "0", "999", "1001", "1005", "1006", "1015", "2999", "5000", "65536", "-1", "1e3", "1000.0",
        "\"1000\"",
    ] {
        let command = format!(r#"{{"type":"close","code":{code}}}"#);
        refused_in_its_place(
            &broker,
            &command,
            "`code` must be 1000 or from 3000 to 4999",
        )
        .await;
    }
    for reason in ["x".repeat(124), "ä".repeat(62)] {
        let command = format!(r#"{{"type":"close","reason":"{reason}"}}"#);
        refused_in_its_place(&broker, &command, "`reason` must be at most 123 bytes").await;
    }
    hears_first(&broker, &mut client, "still here").await;
    let reason = "x".repeat(123);
    let close = format!(r#"{{"type":"close","code":3000,"reason":"{reason}"}}"#);
    assert_eq!(broker.post(&[], &close).await.status, 200);
    assert_eq!(client.rest().await, (Vec::new(), 3000, reason));
}
