//! The query by which clients 1.x and 2.x give what newer ones call `auth`.

use broker_core::json;

/// The query as a JSON object of strings, as `URLSearchParams` reads it: `+` is a blank, bytes that are no UTF-8 become
/// U+FFFD, and of a name that stands twice the last value is the one that readers of the object see.
pub(super) fn to_object(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    json::object(pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut text = Vec::new();
        json::write_string(&mut text, &decoded(value));
        (decoded(name), String::from_utf8(text).unwrap_or_default())
    }))
}

fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) if is_hex(*high) && is_hex(*low) => {
                out.push(16 * hex(*high) + hex(*low));
                rest = after;
            }
            (b'+', _) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn is_hex(digit: u8) -> bool {
    digit.is_ascii_hexdigit()
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase().saturating_sub(b'a' - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, object: &str) {
        assert_eq!(to_object(query), object, "{query}");
    }

    #[test]
    fn a_query_becomes_an_object_of_strings() {
        check("", "{}");
        check("token=abc&n=1", r#"{"token":"abc","n":"1"}"#);
        check(
            "a=b=c&empty=&bare&&=x",
            r#"{"a":"b=c","empty":"","bare":"","":"x"}"#,
        );
        check("a+b=c%20d%2B", r#"{"a b":"c d+"}"#);
        check(
            "q=%22%C3%A9&bad=%ff%zz%",
            "{\"q\":\"\\\"é\",\"bad\":\"\u{fffd}%zz%\"}",
        );
    }
}
