//! The JavaScript string form of a JSON value, by which the original broker compares.

use std::borrow::Cow;

use crate::json;

/// `String(value)` as JavaScript has it, with one difference: an integer keeps all its digits.
///
/// `value` is one JSON value as text, without white space around it.
#[must_use]
pub fn js_string(value: &str) -> Cow<'_, str> {
    match value.as_bytes().first() {
        Some(b'"') => json::string(value).unwrap_or_default(),
        Some(b'{') => Cow::Borrowed("[object Object]"),
        Some(b'[') => Cow::Owned(joined(value)),
        Some(b't' | b'f' | b'n') | None => Cow::Borrowed(value),
        Some(_) => number(value),
    }
}

/// The form that criteria compare: [`js_string`] in lower case; borrowed where nothing has to change.
#[must_use]
pub fn folded(value: &str) -> Cow<'_, str> {
    fold(js_string(value))
}

/// Lower-cases a text, keeping it borrowed where nothing has to change.
#[must_use]
pub fn fold(text: Cow<'_, str>) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        return text;
    }
    Cow::Owned(text.to_lowercase())
}

/// The folded form of a field that is absent.
pub const ABSENT: &str = "undefined";

/// Whether JavaScript takes the JSON value for false.
#[must_use]
pub fn is_falsy(value: &str) -> bool {
    match value {
        "null" | "false" | "\"\"" => true,
        _ => value.parse::<f64>().is_ok_and(|number| number == 0.0),
    }
}

/// `Array.prototype.join(",")`: null elements are empty, inner arrays are joined in turn.
///
/// A client chooses how deep it nests, so this is one pass over the text and no descent. What nobody could read has the
/// empty form.
fn joined(array: &str) -> String {
    let mut out = String::new();
    if json::check(array.as_bytes()).is_err() {
        return out;
    }
    let mut rest = array;
    while let Some(first) = rest.bytes().next() {
        let (part, behind) = rest.split_at(part_length(rest));
        match first {
            b'[' | b']' | b' ' | b'\t' | b'\n' | b'\r' => {}
            b',' => out.push(','),
            _ if part == "null" => {}
            _ => out.push_str(&js_string(part)),
        }
        rest = behind;
    }
    out
}

/// How long the part of an array is that `text` begins with: a value that is no array, or one letter between values.
fn part_length(text: &str) -> usize {
    const BETWEEN: [char; 7] = ['[', ']', ',', ' ', '\t', '\n', '\r'];
    match text.as_bytes().first() {
        Some(b'"') => string_length(text),
        Some(b'{') => object_length(text),
        Some(_) if text.starts_with(BETWEEN) => 1,
        Some(_) | None => text.find(BETWEEN).unwrap_or(text.len()),
    }
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (place, letter) in text.bytes().enumerate().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

fn object_length(text: &str) -> usize {
    let mut open = 0_usize;
    let mut place = 0;
    while let Some(letter) = text.as_bytes().get(place) {
        match letter {
            b'"' => {
                place += string_length(&text[place..]);
                continue;
            }
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        place += 1;
        if open == 0 {
            break;
        }
    }
    place
}

fn number(text: &str) -> Cow<'_, str> {
    if text == "-0" {
        return Cow::Borrowed("0");
    }
    if !text.contains(['.', 'e', 'E']) {
        return Cow::Borrowed(text);
    }
    match text.parse::<f64>() {
        Ok(number) => Cow::Owned(ryu_js::Buffer::new().format(number).to_owned()),
        Err(_) => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_have_their_javascript_string_form() {
        for (value, form) in [
            ("42", "42"),
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e21", "1e+21"),
            ("100e-2", "1"),
            ("0.0000001", "1e-7"),
            ("1e999", "Infinity"),
            ("9007199254740993", "9007199254740993"),
            ("true", "true"),
            ("null", "null"),
            ("[9,2,3]", "9,2,3"),
            ("[ ]", ""),
            (
                &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
                "",
            ),
            ("[null,[1,[null,\"a\"]],{}]", ",1,,a,[object Object]"),
            (
                r#"[ "a]\",[" , {"}":[{}],"b\\":"{"} ,[[],[1.50,-0]], true]"#,
                "a]\",[,[object Object],,1.5,0,true",
            ),
            ("{\"a\":1}", "[object Object]"),
            ("\"A\\u0062c\"", "Abc"),
        ] {
            assert_eq!(js_string(value), form, "{value}");
        }
    }

    #[test]
    fn folding_lowers_beyond_ascii_and_copies_only_when_it_must() {
        assert!(matches!(folded("\"room 7\""), Cow::Borrowed("room 7")));
        assert_eq!(folded("\"ÄRGER\""), "ärger");
    }

    /// The definition of joining, over trees.
    fn join_trees(value: &Value) -> String {
        match value {
            Value::Array(elements) => {
                let forms: Vec<String> = elements.iter().map(join_trees).collect();
                forms.join(",")
            }
            Value::Null => String::new(),
            leaf @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                js_string(&leaf.to_string()).into_owned()
            }
        }
    }

    fn array() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a \\\\\"\\[\\]{},:]{0,6}".prop_map(Value::from),
        ];
        let inner = leaf.prop_recursive(5, 40, 4, |inner| {
            let names = "[a\\\\\"{}]{0,2}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(names, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        });
        prop::collection::vec(inner, 0..4).prop_map(Value::from)
    }

    proptest! {
        #[test]
        fn joining_text_is_joining_trees(array in array()) {
            let dense = array.to_string();
            prop_assert_eq!(js_string(&dense), join_trees(&array));
            let spaced = serde_json::to_string_pretty(&array).unwrap();
            prop_assert_eq!(js_string(&spaced), join_trees(&array));
        }
    }
}
