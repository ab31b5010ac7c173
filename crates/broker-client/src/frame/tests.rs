use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

#[expect(
    clippy::needless_pass_by_value,
    reason = "an expectation is made for one check"
)]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&match decode(text) {
        Ok(heard) => format!("{heard:?}"),
        Err(error) => error.to_string(),
    });
}

#[test]
fn what_clients_say_is_what_the_original_says() {
    assert_eq!(register("a\"b"), r#"{"action":"register","id":"a\"b"}"#);
    assert_eq!(unregister(), r#"{"action":"unregister"}"#);
    assert_eq!(
        send(&"b".into(), &[5, 3], Some("x")).unwrap(),
        r#"{"action":"send","dest":"b","message":[5,3],"ack":"x"}"#
    );
    assert_eq!(
        send(&["b", "c"].into(), &"potato", None).unwrap(),
        r#"{"action":"send","dest":["b","c"],"message":"potato"}"#
    );
    assert_eq!(
        answer(&json!(5), &json!(null)).unwrap(),
        r#"{"action":"answer","ack":5,"message":null}"#
    );
}

#[test]
fn an_ack_counts_as_javascript_counts_it() {
    for ack in ["null", "false", "0", "-0.0", r#""""#] {
        let text = format!(r#"{{"action":"message","message":1,"ack":{ack}}}"#);
        let expected = Heard::Message {
            message: json!(1),
            from: None,
            ack: None,
        };
        assert_eq!(decode(&text).unwrap(), expected, "{ack}");
    }
    check(
        r#"{"action":"message","message":null,"ack":[]}"#,
        expect!["Message { message: Null, from: None, ack: Some(Array []) }"],
    );
}

#[test]
fn an_id_that_is_no_string_is_its_json() {
    check(
        r#"{"action":"registered","id":42}"#,
        expect![[r#"Registered { id: "42" }"#]],
    );
    check(
        r#"{"action":"unregistered","id":true}"#,
        expect![[r#"Unregistered { id: "true" }"#]],
    );
    check(
        r#"{"action":"message","message":"m","from":["a"]}"#,
        expect![[r#"Message { message: String("m"), from: Some("[\"a\"]"), ack: None }"#]],
    );
    check(
        r#"{"action":"message","message":"m","from":null}"#,
        expect![[r#"Message { message: String("m"), from: None, ack: None }"#]],
    );
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    check(
        r#"{"action":"answer","ack":"x","to":"a","from":"b","message":{"m":1}}"#,
        expect![[r#"Answer { ack: "x", message: Object {"m": Number(1)}, from: Some("b") }"#]],
    );
}
