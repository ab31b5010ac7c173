//! The query by which clients 1.x and 2.x give what newer ones call `auth`.

use broker_core::json;

/// The query as a JSON object of strings, as `URLSearchParams` reads it: `+` is a blank, bytes that are no UTF-8 become
/// U+FFFD, and of a name that stands twice the last value is the one that readers of the object see.
pub(super) fn to_object(query: &str) -> String {
    let pairs = form_urlencoded::parse(query.as_bytes());
    json::object(pairs.map(|(name, value)| {
        let mut text = Vec::new();
        json::write_string(&mut text, &value);
        (name, String::from_utf8(text).unwrap_or_default())
    }))
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
