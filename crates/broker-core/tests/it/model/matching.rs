//! Matching, told once more in the simplest way, on trees instead of texts.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// Whether criteria hold for a session info. What is no object is one of the ways to say everyone.
pub(crate) fn matches(criteria: &Value, info: &Map<String, Value>) -> bool {
    let Some(criteria) = criteria.as_object() else {
        return true;
    };
    criteria.iter().all(|(name, wanted)| match name.as_str() {
        "$or" => list(wanted).iter().any(|branch| matches(branch, info)),
        "$and" => list(wanted).iter().all(|branch| matches(branch, info)),
        "$not" => !matches(wanted, info),
        field => holds(wanted, info.get(field)),
    })
}

/// `String(value)` in JavaScript; a field that is absent is `undefined`.
pub(crate) fn string_form(value: Option<&Value>) -> String {
    match value {
        None => "undefined".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_f64() => number.as_f64().unwrap().to_string(),
        Some(Value::Object(_)) => "[object Object]".into(),
        Some(Value::Array(elements)) => {
            let form = |element: &Value| match element {
                Value::Null => String::new(),
                other => string_form(Some(other)),
            };
            elements.iter().map(form).collect::<Vec<_>>().join(",")
        }
        Some(plain) => plain.to_string(),
    }
}

/// What JavaScript takes for false.
pub(crate) fn is_falsy(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false))
        || value == ""
        || value.as_f64().is_some_and(|number| number == 0.0)
}

fn holds(wanted: &Value, value: Option<&Value>) -> bool {
    let Some(operators) = wanted.as_object() else {
        let wanted = folded(Some(wanted));
        return wanted == "*" || wanted == folded(value);
    };
    let is = |operand: &Value| value.is_some() && folded(value) == folded(Some(operand));
    operators.iter().all(|(name, operand)| match name.as_str() {
        "$eq" => is(operand),
        "$ne" => !is(operand),
        "$in" => list(operand).iter().any(is),
        "$nin" => !list(operand).iter().any(is),
        "$gt" => compare(value, operand).is_some_and(Ordering::is_gt),
        "$gte" => compare(value, operand).is_some_and(Ordering::is_ge),
        "$lt" => compare(value, operand).is_some_and(Ordering::is_lt),
        "$lte" => compare(value, operand).is_some_and(Ordering::is_le),
        "$prefix" => value.is_some() && folded(value).starts_with(&folded(Some(operand))),
        "$exists" => value.is_some() == *operand,
        other => panic!("no test draws {other}"),
    })
}

fn compare(value: Option<&Value>, operand: &Value) -> Option<Ordering> {
    match operand {
        Value::String(_) => value.map(|_| folded(value).cmp(&folded(Some(operand)))),
        Value::Number(bound) => {
            let number = match value? {
                Value::Number(number) => number.clone(),
                Value::String(text) => text.parse().ok()?,
                _ => return None,
            };
            match (number.as_i64(), bound.as_i64()) {
                (Some(number), Some(bound)) => Some(number.cmp(&bound)),
                _ => number.as_f64()?.partial_cmp(&bound.as_f64()?),
            }
        }
        _ => None,
    }
}

fn folded(value: Option<&Value>) -> String {
    string_form(value).to_lowercase()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
