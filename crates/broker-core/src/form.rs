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
fn joined(array: &str) -> String {
    let mut out = String::new();
    // A client chooses how deep it nests; what nobody could read has the empty form, so that the descent stays short.
    if json::check(array.as_bytes()).is_err() {
        return out;
    }
    for (place, element) in json::elements(array).unwrap_or_default().iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        if element.get() != "null" {
            out.push_str(&js_string(element.get()));
        }
    }
    out
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
}
