//! What the chat does not take, and what it takes all the same.

use expect_test::expect;

use super::*;

#[test]
fn what_is_not_known_or_too_long_is_refused_with_a_reason() {
    let refused = |message: &str, answer: Expect| {
        check(
            &["ann connects /?name=Ann", &format!("ann says {message}")],
            answer,
        );
    };
    refused(
        r#"{"type":"fly"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: unknown variant `client-fly`, expected one of `client-say`, `client-name`, `client-join` at line 1 column 20.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"say"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: missing field `text`.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"say","text":5}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: invalid type: integer `5`, expected a string.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"join","room":"*"}"#,
        expect![[r#"
        {"message":{"text":"That is not known here: unknown variant `*`, expected one of `lobby`, `kitchen`, `garden`.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        r#"{"type":"name","name":"\t"}"#,
        expect![[r#"
        {"message":{"text":"A name has at least one letter.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        "null",
        expect![[r#"
            {"message":{"text":"That is not known here: invalid type: null, expected an object with a type at line 1 column 4.","type":"error"},"type":"send"}
        "#]],
    );
    let say = |length| json!({"type": "say", "text": "é".repeat(length)}).to_string();
    refused(
        &say(TEXT_CHARS_MAX + 1),
        expect![[r#"
        {"message":{"text":"A message has at most 1000 characters; this one has 1001.","type":"error"},"type":"send"}
    "#]],
    );
    refused(
        &json!({"type": "x".repeat(10_000)}).to_string(),
        expect![[r#"
            {"message":{"text":"That is not known here: unknown variant `client-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","type":"error"},"type":"send"}
        "#]],
    );
    // Nothing to say is nothing to refuse.
    refused(r#"{"type":"say","text":" \n"}"#, expect![[""]]);
}

#[test]
fn the_longest_message_is_said() {
    let text = "é".repeat(TEXT_CHARS_MAX);
    let said = json!({"type": "say", "text": text});
    let mut stage = Stage::default();
    stage.play("ann connects /");
    let answer = stage.play(&format!("ann says {said}"));
    assert_eq!(answer[0]["message"]["text"], *text);
}

#[test]
fn a_session_that_an_operator_changed_does_no_harm() {
    let mut stage = Stage::default();
    stage.play("ann connects /");
    let (_, info) = stage.sessions.get_mut("ann").unwrap();
    info.insert("room".into(), json!(["*"]));
    let answer = stage.play(r#"ann says {"type":"say","text":"hi"}"#);
    assert_eq!(answer[0]["match"], json!({"room": "lobby"}));
    assert_eq!(answer[0]["message"]["name"], "Somebody");
}
