use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::socketio::ATTACHMENTS_MAX;

fn restored(elements: &str, attachments: &[&[u8]]) -> String {
    let attachments: Vec<Vec<u8>> = attachments.iter().map(|bytes| bytes.to_vec()).collect();
    restore(elements, &attachments).unwrap_or_else(|error| error.to_string())
}

#[test]
fn an_attachment_takes_the_place_of_its_placeholder() {
    assert_eq!(
        restored(r#"{"_placeholder":true,"num":0}"#, &[b"\x01\x02\x03"]),
        r#"{"$binary":"AQID"}"#
    );
    assert_eq!(
        restored(
            r#"1.0,{"b":[{"num":1,"_placeholder":true}, "x{"],"_placeholder":"true"},{"_placeholder":true,"num":0}"#,
            &[b"", b"\xff"]
        ),
        r#"1.0,{"b":[{"$binary":"/w=="}, "x{"],"_placeholder":"true"},{"$binary":""}"#
    );
    assert_eq!(
        restored(r#"{"\u005fplaceholder":true,"n\u0075m":0}"#, &[b"a"]),
        r#"{"$binary":"YQ=="}"#
    );
}

#[test]
fn what_only_looks_like_a_placeholder_stays() {
    for elements in [
        r#"{"_placeholder":false,"num":0}"#,
        r#"{"_placeholder":1,"num":0}"#,
        r#"{"_placeholder":"true","num":0}"#,
        r#"{"_placeholder":{"x":true},"num":0}"#,
        r#"{"x":"_placeholder","y":true,"num":0}"#,
        r#""{\"_placeholder\":true,\"num\":0}""#,
        r#"["_placeholder",true,"num",0]"#,
        r#"{"_placeholder":true,"_placeholder":null,"num":0}"#,
        r#"{"_placeholder":true,"_placeholder":[],"num":0}"#,
    ] {
        assert_eq!(restored(elements, &[b"x"]), elements);
    }
}

#[test]
fn a_placeholder_of_nothing_is_refused() {
    for number in [
        "1",
        "-1",
        "0.5",
        "1e0",
        "\"0\"",
        "null",
        "[]",
        "99999999999999999999",
    ] {
        assert_eq!(
            restored(
                &format!(r#"{{"_placeholder":true,"num":{number}}}"#),
                &[b"x"]
            ),
            "the peer sent a placeholder of an attachment that there is not",
            "{number}"
        );
    }
    assert_eq!(
        restored(r#"{"_placeholder":true}"#, &[b"x"]),
        "the peer sent a placeholder of an attachment that there is not"
    );
}

#[test]
fn an_attachment_stands_in_one_place() {
    let twice = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}"#;
    assert_eq!(
        restored(twice, &[b"x"]),
        "the peer sent two placeholders of one attachment"
    );
}

#[test]
fn deep_arguments_are_refused() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = nested(objects::DEPTH_MAX);
    assert_eq!(restored(&deepest, &[]), deepest);
    assert_eq!(
        restored(&nested(objects::DEPTH_MAX + 1), &[]),
        "the peer sent arguments that are nested too deep"
    );
}

fn extracted(elements: &str) -> String {
    match extract(elements, ATTACHMENTS_MAX) {
        Ok((text, attachments)) => format!("{text} {attachments:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn binary_values_become_placeholders_and_attachments() {
    assert_eq!(
        extracted(r#"1,{"a":{"$binary":"AQI="},"b":[{"$binary":""}]}"#),
        r#"1,{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]} [[4, 1, 2], [4]]"#
    );
    // PHP writes slashes with an escape.
    assert_eq!(
        extracted(r#"{"$binary":"\/w=="}"#),
        r#"{"_placeholder":true,"num":0} [[4, 255]]"#
    );
    assert_eq!(
        extracted(r#"{"\u0024binary":"AQI="}"#),
        r#"{"_placeholder":true,"num":0} [[4, 1, 2]]"#
    );
}

#[test]
fn what_is_no_binary_value_stays() {
    for elements in [
        "",
        "1.0",
        r#"{"$binary":1}"#,
        r#"{"$binary":["AQI="]}"#,
        r#"{"$binary":"AQI=","x":1}"#,
        r#"{"$binary":"AQI=","$binary":"AQI="}"#,
        r#""{\"$binary\":\"AQI=\"}""#,
        r#"["$binary","AQI="]"#,
    ] {
        assert_eq!(extracted(elements), format!("{elements} []"));
    }
}

#[test]
fn bad_base64_and_too_many_binary_values_are_errors() {
    assert_eq!(extracted(r#"{"$binary":"A"}"#), "`$binary` must be base64");
    assert_eq!(
        extracted(r#"{"$binary":"\ud800"}"#),
        r#"{"$binary":"\ud800"} []"#
    );
    let values = |count| vec![r#"{"$binary":"AQI="}"#; count].join(",");
    assert!(extract(&values(ATTACHMENTS_MAX), ATTACHMENTS_MAX).is_ok());
    assert_eq!(
        extracted(&values(ATTACHMENTS_MAX + 1)),
        "more than 10 binary values"
    );
}

#[test]
fn a_placeholder_that_was_said_is_not_taken_for_one_of_an_attachment() {
    let placeholder = r#"{"_placeholder":true,"num":9}"#;
    assert_eq!(extracted(placeholder), format!("{placeholder} []"));
    let unbound = r#"{"$binary":"AQI=","_placeholder":true}"#;
    assert_eq!(extracted(unbound), format!("{unbound} []"));
    for elements in [
        format!(r#"{{"$binary":"AQI="}},{placeholder}"#),
        format!(r#"[{{"a":{placeholder}}},{{"$binary":"AQI="}}]"#),
        r#"{"_placeholder":true,"a":{"$binary":"AQI="}}"#.to_owned(),
        r#"{"$binary":"AQI="},{"\u005fplaceholder":true}"#.to_owned(),
    ] {
        assert_eq!(extracted(&elements), "`_placeholder` beside binary values");
    }
    let unlike = r#"{"_placeholder":false}"#;
    assert_eq!(
        extracted(&format!(r#"{{"$binary":""}},{unlike}"#)),
        format!(r#"{{"_placeholder":true,"num":0}},{unlike} [[4]]"#)
    );
}

/// JSON as people write it, with binary values and what looks like them.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
        Just(Value::Bool(true)),
        "[a\"\\\\{}\\[\\],:é\u{1}]{0,6}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..9)
            .prop_map(|bytes| json!({ "$binary": BASE64.encode(bytes) })),
        Just(json!({ "_placeholder": false, "num": 0 })),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ab$_\"]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The definition of taking binary values out, over trees.
fn extract_tree(value: &Value, attachments: &mut Vec<Vec<u8>>) -> Value {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(base64)) = members.get("$binary")
                && members.len() == 1
            {
                attachments.push(BASE64.decode(base64).unwrap());
                return json!({ "_placeholder": true, "num": attachments.len() - 1 });
            }
            let members = members.iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), extract_tree(value, attachments)))
                    .collect(),
            )
        }
        Value::Array(elements) => {
            let elements = elements.iter();
            elements
                .map(|value| extract_tree(value, attachments))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

proptest! {
    #[test]
    fn the_pass_over_text_agrees_with_trees_and_back(value in values(), is_pretty: bool) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let (out, typed) = extract(&text, usize::MAX).unwrap();
        let attachments: Vec<Vec<u8>> = typed.iter().map(|packet| packet[1..].to_vec()).collect();
        let mut expected = Vec::new();
        let tree = extract_tree(&value, &mut expected);
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), tree);
        prop_assert_eq!(&attachments, &expected);
        let back = restore(&out, &attachments).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&back).unwrap(), value);
    }

    #[test]
    fn no_text_panics(text: String, alike in "[{}\\[\\]\",:\\\\a1$_ é]{0,40}") {
        for text in [&text, &alike] {
            let _ = restore(text, &[vec![1]]);
            let _ = extract(&format!("{text}$binary"), 2);
        }
    }
}
