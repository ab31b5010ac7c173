use proptest::prelude::*;

use super::*;

fn info_of(json: &str) -> Info {
    let empty = Info::at_connect(
        std::iter::empty(),
        &CookieRule::All,
        "::1",
        SessionId::new(0, [0; 14]),
        1 << 20,
    );
    empty
        .unwrap()
        .merged(&json::members(json).unwrap().unwrap(), &[], 1 << 20)
        .unwrap()
}

/// The info without the broker's own fields.
fn shown(info: &Info) -> String {
    json::object(info.fields().filter(|(name, _)| !is_reserved(name)))
}

fn check(old: &str, data: &str, expected: &str) {
    let data = json::members(data).unwrap().unwrap();
    let merged = info_of(old).merged(&data, &[], 1 << 20).unwrap();
    assert_eq!(shown(&merged), expected, "{old} + {data:?}");
}

#[test]
fn a_session_begins_with_its_cookies_then_ip_then_wskey() {
    let id = SessionId::new(3, [7; 14]);
    let cookies = [&b"sid=a\"b; ip=6.6.6.6; wskey=mine"[..]];
    let info =
        Info::at_connect(cookies.into_iter(), &CookieRule::All, "10.0.0.1", id, 1000).unwrap();
    assert_eq!(
        &**info.text(),
        format!(r#"{{"sid":"a\"b","ip":"10.0.0.1","wskey":"{id}"}}"#)
    );
    assert_eq!(info.get("ip"), Some("\"10.0.0.1\""));
    assert_eq!(info.get("sid"), Some(r#""a\"b""#));
    assert_eq!(info.get("SID"), None);
}

#[test]
fn a_field_is_found_by_its_name_however_that_is_written() {
    for name in [
        "a\"b", "a\\b", "a\nb", "a b", "\"", "\\", "\u{1}", "\u{7f}", "ä", "",
    ] {
        let data = json::object([(name, "1")]);
        assert_eq!(info_of(&data).get(name), Some("1"), "{name:?}");
    }
}

#[test]
fn objects_merge_and_arrays_merge_by_index() {
    check(r#"{"a":[1,2,3]}"#, r#"{"a":[9]}"#, r#"{"a":[9,2,3]}"#);
    check(
        r#"{"a":[1]}"#,
        r#"{"a":[9,{"b":1}]}"#,
        r#"{"a":[9,{"b":1}]}"#,
    );
    check(
        r#"{"a":{"b":1,"c":{"d":2}}}"#,
        r#"{"a":{"c":{"e":3}}}"#,
        r#"{"a":{"b":1,"c":{"d":2,"e":3}}}"#,
    );
    check(
        r#"{"a":[{"b":1}]}"#,
        r#"{"a":[{"c":2}]}"#,
        r#"{"a":[{"b":1,"c":2}]}"#,
    );
}

#[test]
fn of_names_that_stand_twice_the_last_counts_at_any_depth() {
    check(
        "{}",
        r#"{"a":{"x":1},"b":1,"\u0061":{"y":2}}"#,
        r#"{"b":1,"a":{"y":2}}"#,
    );
    check(
        r#"{"a":{"k":{"x":1}}}"#,
        r#"{"a":{"k":{"y":2},"k":{"z":3}}}"#,
        r#"{"a":{"k":{"x":1,"z":3}}}"#,
    );
    check(
        "{}",
        r#"{"a":[1,[{"k":1,"k":2}]]}"#,
        r#"{"a":[1,[{"k":2}]]}"#,
    );
}

#[test]
fn very_many_fields_merge() {
    let names = |count| {
        (0..count)
            .map(|n| format!("\"n{n}\":0"))
            .collect::<Vec<_>>()
    };
    let data = format!("{{{}}}", names(60_000).join(","));
    let merged = info_of(&data);
    assert_eq!(shown(&merged), data);
}

#[test]
fn other_values_replace_and_null_overwrites() {
    check(r#"{"a":1}"#, r#"{"a":null}"#, r#"{"a":null}"#);
    check(r#"{"a":{"b":1}}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
    check(r#"{"a":[1,2]}"#, r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#);
    check(r#"{"a":[1,2]}"#, r#"{"a":[null]}"#, r#"{"a":[null,2]}"#);
    check(
        r#"{}"#,
        r#"{"n":12345678901234567890.10}"#,
        r#"{"n":12345678901234567890.10}"#,
    );
}

#[test]
fn the_brokers_own_fields_stay() {
    let info = info_of(r#"{"ip":"6.6.6.6","wskey":"mine","ok":1}"#);
    assert_eq!(info.get("ip"), Some("\"::1\""));
    let unset = ["ip".into(), "wskey".into(), "ok".into()];
    let info = info.merged(&Members::default(), &unset, 1000).unwrap();
    assert_eq!(
        info.fields().map(|(name, _)| name).collect::<Vec<_>>(),
        ["ip", "wskey"]
    );
}

#[test]
fn the_limit_is_on_the_whole_text() {
    let data = format!(r#"{{"a":"{}"}}"#, "x".repeat(200));
    let data = json::members(&data).unwrap().unwrap();
    let error = info_of("{}").merged(&data, &[], 250).unwrap_err();
    assert_eq!(
        error,
        InfoTooLarge {
            size: 252,
            limit: 250
        }
    );
}

#[test]
fn data_over_the_limit_is_refused_without_being_merged_however_it_is_nested() {
    let names = vec![r#""a":1"#; 20_000].join(",");
    let deep = format!("{}{{{names}}}{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let data = json::members(&deep).unwrap().unwrap();
    let error = info_of("{}").merged(&data, &[], 16_384).unwrap_err();
    assert!(error.size > 100_000, "{error}");

    // Values that would just fit have names and the broker's own fields beside them.
    let just = format!(r#"{{"a":"{}"}}"#, "x".repeat(98));
    let data = json::members(&just).unwrap().unwrap();
    let error = info_of("{}").merged(&data, &[], 100).unwrap_err();
    assert!(error.size > error.limit, "{error}");

    let counts = |data: &str, unset: &[Box<str>]| {
        let data = json::members(data).unwrap().unwrap();
        info_of("{}").merged(&data, unset, 100).is_err()
    };
    let long = "x".repeat(200);
    assert!(counts(&format!(r#"{{"a":"{long}"}}"#), &[]));
    assert!(!counts(&format!(r#"{{"a":"{long}","a":1}}"#), &[]));
    assert!(!counts(&format!(r#"{{"ip":"{long}"}}"#), &[]));
    assert!(!counts(&format!(r#"{{"a":"{long}"}}"#), &["a".into()]));
    assert!(!counts(
        &format!(r#"{{"a":[1,"x\\"{},2]}}"#, " ".repeat(200)),
        &[]
    ));
}

#[test]
fn white_space_between_parts_is_dropped_and_within_strings_kept() {
    check(
        "{}",
        "{\"a\" : [ 1 , \" \\\" , \" ] }",
        "{\"a\":[1,\" \\\" , \"]}",
    );
}

#[test]
fn a_duplicated_name_inside_data_counts_as_its_last() {
    check("{}", r#"{"a":{"b":1,"b":2}}"#, r#"{"a":{"b":2}}"#);
    check("{}", r#"{"a":1,"a":2}"#, r#"{"a":2}"#);
}

/// The definition of the merge, over trees.
fn merge_trees(old: &mut serde_json::Value, new: serde_json::Value) {
    use serde_json::Value::{Array, Object};
    match (old, new) {
        (Object(old), Object(new)) => {
            for (name, value) in new {
                merge_trees(old.entry(name).or_insert(serde_json::Value::Null), value);
            }
        }
        (Array(old), Array(new)) => {
            for (place, value) in new.into_iter().enumerate() {
                match old.get_mut(place) {
                    Some(there) => merge_trees(there, value),
                    None => old.push(value),
                }
            }
        }
        (old, new) => *old = new,
    }
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i32>().prop_map(Into::into),
        "[a-c \"\\\\é]{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map("[a-c\"]", inner, 0..3)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn object() -> impl Strategy<Value = serde_json::Value> {
    prop::collection::btree_map("[a-d\"]", tree(), 0..4)
        .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into())
}

proptest! {
    #[test]
    fn merging_text_is_merging_trees(old in object(), new in object()) {
        let merged = info_of(&old.to_string()).merged(&json::members(&new.to_string()).unwrap().unwrap(), &[], 1 << 20);
        let mut expected = old;
        merge_trees(&mut expected, new);
        let merged = shown(&merged.unwrap());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&merged).unwrap(), expected);
    }

    #[test]
    fn an_info_is_read_back_from_its_text(fields in object()) {
        let info = info_of(&fields.to_string());
        let again = Info::read(info.text()).unwrap();
        prop_assert_eq!(again.text(), info.text());
        prop_assert_eq!(again.fields().collect::<Vec<_>>(), info.fields().collect::<Vec<_>>());
    }
}
