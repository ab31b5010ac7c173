use bytes::Bytes;
use expect_test::{Expect, expect};

use super::*;

fn parse_at(text: &str, strict: bool) -> Result<CommandList, ListError> {
    let own_types = [Box::from("mine")];
    CommandList::parse(
        &Bytes::copy_from_slice(text.as_bytes()),
        Reading {
            strict,
            max_commands: 3,
            own_types: &own_types,
        },
    )
}

fn check(text: &str, expect: Expect) {
    let list = parse_at(text, true).unwrap();
    let lines: Vec<_> = list
        .entries
        .iter()
        .map(|entry| match entry {
            Entry::Run(command) => format!("{:?} {:?}", command.verb, command.aim),
            Entry::Refused { error, .. } => format!("refused: {error}"),
            Entry::Other(other) => format!("other: {} {:?}", other.name, other.text),
        })
        .collect();
    expect.assert_eq(&lines.join("\n"));
}

#[test]
fn a_list_an_object_and_nothing_are_lists_of_commands() {
    assert!(parse_at(" \n", false).unwrap().entries.is_empty());
    assert!(parse_at("", true).is_err());
    check(" [ ] ", expect![""]);
    check(
        r#" {"type":"send","message":{"a": 1.0}} "#,
        expect![[r#"Send(Json(b"{\"a\": 1.0}")) Aim { criteria: None, except: None }"#]],
    );
    check(
        r#"[{"type":"log","text":["x"]},{"type":"count"}]"#,
        expect![[r#"
            Log { text: "[\"x\"]", level: Info } Aim { criteria: None, except: None }
            Count { by: None } Aim { criteria: None, except: None }"#]],
    );
}

#[test]
fn what_is_no_list_is_refused_as_a_whole() {
    let error = |text: &str| parse_at(text, false).unwrap_err().to_string();
    assert_eq!(
        error("null"),
        "commands must be a list of objects or one object, got null"
    );
    assert_eq!(
        error("\"<html>\""),
        "commands must be a list of objects or one object, got a string"
    );
    assert_eq!(
        error("true"),
        "commands must be a list of objects or one object, got a boolean"
    );
    assert_eq!(
        error("<html>"),
        "not JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        error("[{},{},{},{}]"),
        "4 commands are more than the limit max_commands of 3"
    );
    assert_eq!(
        error(&"[".repeat(10_000)),
        "not JSON: recursion limit exceeded at line 1 column 128"
    );
    assert!(parse_at("{\"type\":\"send\",\"message\":\"\u{7f}\"}", true).is_ok());
}

#[test]
fn a_wrong_command_is_refused_in_its_place_and_the_others_stand() {
    check(
        r#"[null,{"type":"send","text":"x"},{"type":5}]"#,
        expect![[r#"
            refused: a command must be an object, got null
            Send(Text(b"x")) Aim { criteria: None, except: None }
            refused: a command needs a `type` that is a string"#]],
    );
}

#[test]
fn unknown_and_own_types_are_kept_whole() {
    check(
        r#"[{"type":"sned"},{"type":"mine","x":1},{"type":"__proto__"}]"#,
        expect![[r#"
            other: sned b"{\"type\":\"sned\"}"
            other: mine b"{\"type\":\"mine\",\"x\":1}"
            other: __proto__ b"{\"type\":\"__proto__\"}""#]],
    );
}

#[test]
fn each_field_is_held_to_its_kind() {
    let refused = |command: &str| match &parse_at(command, true).unwrap().entries[..] {
        [Entry::Refused { error, .. }] => error.to_string(),
        other => panic!("{command} gave {other:?}"),
    };
    for (command, error) in [
        (
            r#"{"type":"send"}"#,
            "`send` needs one of `message`, `text` and `binary`",
        ),
        (
            r#"{"type":"send","message":1,"text":"a"}"#,
            "`send` needs one of `message`, `text` and `binary`",
        ),
        (r#"{"type":"send","text":1}"#, "`text` must be a string"),
        (
            r#"{"type":"send","binary":"%%"}"#,
            "`binary` must be base64",
        ),
        (r#"{"type":"session"}"#, "`session` needs `data` or `unset`"),
        (
            r#"{"type":"session","data":[1]}"#,
            "`data` must be an object",
        ),
        (
            r#"{"type":"session","unset":"a"}"#,
            "`unset` must be a list of strings",
        ),
        (
            r#"{"type":"close","code":1005}"#,
            "`code` must be 1000 or from 3000 to 4999",
        ),
        (
            r#"{"type":"close","code":999}"#,
            "`code` must be 1000 or from 3000 to 4999",
        ),
        (
            r#"{"type":"close","code":5000}"#,
            "`code` must be 1000 or from 3000 to 4999",
        ),
        (
            r#"{"type":"list","limit":-1}"#,
            "`limit` must be a whole number",
        ),
        (
            r#"{"type":"list","cursor":"x"}"#,
            "`cursor` must be the cursor of an earlier list",
        ),
        (
            r#"{"type":"list","fields":[1]}"#,
            "`fields` must be a list of strings",
        ),
        (r#"{"type":"count","by":1}"#, "`by` must be a string"),
        (
            r#"{"type":"log","level":"loud"}"#,
            "`level` must be error, warn, info or debug",
        ),
        (r#"{"type":"log","txt":1}"#, "unknown field `txt`"),
        (
            r#"{"type":"send","message":1,"code":1000}"#,
            "unknown field `code`",
        ),
        (
            r#"{"type":"log","text":1,"text":2}"#,
            "field `text` stands twice",
        ),
        (
            r#"{"type":"send","message":1,"match":"lobby"}"#,
            "`match`: criteria must be an object, got a string",
        ),
        (
            r#"{"type":"send","message":1,"except":{"$x":1}}"#,
            "`except`: unknown operator `$x`",
        ),
    ] {
        assert_eq!(refused(command), error, "{command}");
    }
    let close = |length| format!(r#"{{"type":"close","reason":"{}"}}"#, "x".repeat(length));
    assert_eq!(refused(&close(124)), "`reason` must be at most 123 bytes");
    let entries = parse_at(&close(123), true).unwrap().entries;
    assert!(matches!(entries[..], [Entry::Run(_)]));

    let named = |count: usize| {
        let names = vec![r#""a""#; count].join(",");
        format!(r#"{{"type":"session","unset":[{names}]}}"#)
    };
    assert_eq!(
        refused(&named(COMMAND_NAMES_MAX + 1)),
        format!("`unset` must be at most {COMMAND_NAMES_MAX} strings")
    );
    let entries = parse_at(&named(COMMAND_NAMES_MAX), true).unwrap().entries;
    assert!(matches!(entries[..], [Entry::Run(_)]));
}

#[test]
fn a_lenient_door_passes_over_unknown_fields() {
    assert!(matches!(
        &parse_at(r#"{"type":"log","text":1,"extra":2}"#, false)
            .unwrap()
            .entries[..],
        [Entry::Run(Command {
            verb: Verb::Log { .. },
            ..
        })]
    ));
}

#[test]
fn a_lenient_door_lets_a_session_command_without_data_change_nothing() {
    for command in [r#"{"type":"session","data":null}"#, r#"{"type":"session"}"#] {
        assert!(matches!(
            &parse_at(command, false).unwrap().entries[..],
            [Entry::Run(Command { verb: Verb::Session { data, unset }, .. })] if &**data == "{}" && unset.is_empty()
        ));
    }
}

#[test]
fn fields_are_read() {
    check(
        r#"[{"type":"send","message":null,"match":0,"except":"self"},
            {"type":"session","data":[],"unset":["a"],"match":{"room":"A"}},
            {"type":"close","code":4000,"reason":"b\u00e4","match":[]}]"#,
        expect![[r#"
            Send(Json(b"null")) Aim { criteria: None, except: Some(Origin) }
            Session { data: "{}", unset: ["a"] } Aim { criteria: Some(Criteria { clauses: [Equals { field: "room", form: "a" }] }), except: None }
            Close { code: 4000, reason: "bä" } Aim { criteria: Some(Criteria { clauses: [] }), except: None }"#]],
    );
    check(
        r#"[{"type":"send","binary":"AP8="},{"type":"list","fields":["a"],"limit":2,"cursor":"7"},{"type":"count","by":"room"}]"#,
        expect![[r#"
            Send(Binary(b"\0\xff")) Aim { criteria: None, except: None }
            List(Page { fields: Some(["a"]), limit: Some(2), after: Some(7) }) Aim { criteria: None, except: None }
            Count { by: Some("room") } Aim { criteria: None, except: None }"#]],
    );
}

#[test]
fn what_is_passed_over_is_told_once_by_its_command_and_name() {
    let told = |text: &str, strict| {
        let list = parse_at(text, strict).unwrap();
        let told = list.overlooked.iter();
        told.map(|Overlooked { command, field }| format!("{command}.{field}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let list = r#"[{"type":"log","text":1,"txt":2,"e":3},{"type":"log","text":1,"txt":2},{"type":"count","txt":1}]"#;
    assert_eq!(told(list, false), "log.txt log.e count.txt");
    assert_eq!(told(list, true), "", "there they are errors");
    let data = r#"{"type":"session","data":{"a":"ip","wskey":1,"ip":2},"more":1}"#;
    assert_eq!(
        told(data, false),
        "session.more session.data.ip session.data.wskey"
    );
    let data = r#"{"type":"session","data":{"ip":2}}"#;
    assert_eq!(told(data, true), "session.data.ip");
    assert_eq!(told(r#"{"type":"session","data":{"a":"ip"}}"#, false), "");

    let names: Vec<String> = (0..100)
        .map(|number| format!(r#""{number}é{}":1"#, "é".repeat(100)))
        .collect();
    let many = told(
        &format!(r#"{{"type":"log","text":1,{}}}"#, names.join(",")),
        false,
    );
    assert!(many.len() < 16 * 70, "{many}");
}

#[test]
fn a_message_is_as_long_as_its_payload() {
    for (command, size) in [
        (r#"{"type":"send","message":{"a": 1}}"#, 8),
        (r#"{"type":"send","text":"ä"}"#, 2),
        (r#"{"type":"send","binary":"AAAA"}"#, 3),
    ] {
        let list = parse_at(command, true).unwrap();
        assert!(matches!(
            &list.entries[..],
            [Entry::Run(Command { verb: Verb::Send(message), .. })] if message.size() == size
        ));
    }
}

#[test]
fn a_list_is_for_its_session_alone_unless_a_command_names_others() {
    for (commands, is_local) in [
        ("[]", true),
        (r#"{"type":"send","message":1,"except":"self"}"#, true),
        (r#"[{"type":"session","data":{}},{"type":"close"}]"#, true),
        (r#"{"type":"send","message":1,"match":{"a":1}}"#, false),
        (
            r#"[{"type":"log"},{"type":"session","data":{},"match":[]}]"#,
            false,
        ),
        (r#"[{"type":"close","match":true},{"type":"close"}]"#, false),
        // Nobody is told what they find.
        (
            r#"[{"type":"list","match":[]},{"type":"count","match":[]}]"#,
            true,
        ),
        (r#"[{"type":"log"},{"type":"mine"},{"type":"send"}]"#, true),
    ] {
        let list = parse_at(commands, true).unwrap();
        assert_eq!(list.is_local_to(0, 2), is_local, "{commands}");
    }
}

#[test]
fn an_answer_names_what_it_replies_to() {
    let list = parse_at(
        r#"{"type":"answer","ack":"2-1f-000000000000000a","message":null}"#,
        true,
    );
    let list = list.unwrap();
    let Entry::Run(Command {
        verb: Verb::Answer { ack, message },
        ..
    }) = &list.entries[0]
    else {
        panic!("{list:?}");
    };
    assert_eq!(ack.to_string(), "2-1f-000000000000000a");
    assert_eq!(message.as_deref(), Some(&b"null"[..]));
    assert!(list.is_local_to(2, 3) && !list.is_local_to(0, 3) && list.is_local_to(0, 1));
    for (command, error) in [
        (r#"{"type":"answer"}"#, "`answer` needs `ack`"),
        (r#"{"type":"answer","ack":7}"#, "`ack` must be a string"),
        (
            r#"{"type":"answer","ack":"2-1F-000000000000000A"}"#,
            "`ack` must be the `ack` of an event",
        ),
        (
            r#"{"type":"answer","ack":"0-1-000000000000000a","text":"x"}"#,
            "unknown field `text`",
        ),
    ] {
        let list = parse_at(command, true).unwrap();
        let Entry::Refused { error: found, .. } = &list.entries[0] else {
            panic!("{command}: {list:?}");
        };
        assert_eq!(found.to_string(), error, "{command}");
    }
}
