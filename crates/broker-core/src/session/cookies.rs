//! The `Cookie` header as the original broker reads it, which is not how RFC 6265 does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Which cookies become session info.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CookieRule {
    /// Every cookie.
    #[default]
    All,
    /// No cookie.
    None,
    /// The cookies of these names, in lower case.
    Only(Vec<String>),
}

impl CookieRule {
    fn admits(&self, name: &str) -> bool {
        match self {
            CookieRule::All => true,
            CookieRule::None => false,
            CookieRule::Only(names) => names.iter().any(|admitted| admitted == name),
        }
    }
}

/// Reads the values of `Cookie` headers into names and values, each name once.
///
/// A name is trimmed and lower-cased, and may be empty. A value is what stands between the first `=` and the second, not
/// decoded, not unquoted, not trimmed. The last of two cookies with one name wins; one without `=` is absent, and hides
/// an earlier one of its name.
pub(crate) fn parse<'a>(
    headers: impl Iterator<Item = &'a [u8]>,
    rule: &CookieRule,
) -> Vec<(String, String)> {
    let mut cookies: Vec<(String, Option<String>)> = Vec::new();
    // A client may send thousands of names; each is looked up once.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for header in headers {
        let header = decoded(header);
        if header.is_empty() {
            continue;
        }
        for item in header.split(';') {
            let mut parts = item.split('=');
            let name = parts
                .next()
                .unwrap_or_default()
                .trim_matches(is_js_white)
                .to_lowercase();
            if !rule.admits(&name) {
                continue;
            }
            let value = parts.next().map(str::to_owned);
            match places.entry(name) {
                Entry::Occupied(place) => cookies[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    cookies.push((place.key().clone(), value));
                    place.insert(cookies.len() - 1);
                }
            }
        }
    }
    cookies
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Header bytes that are no UTF-8 are Latin-1, as Node reads them.
fn decoded(header: &[u8]) -> String {
    match std::str::from_utf8(header) {
        Ok(text) => text.to_owned(),
        Err(_) => header.iter().map(|&byte| char::from(byte)).collect(),
    }
}

fn is_js_white(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&[u8]], expected: &[(&str, &str)]) {
        let seen = parse(headers.iter().copied(), &CookieRule::All);
        let seen: Vec<_> = seen
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(seen, expected, "{headers:?}");
    }

    #[test]
    fn names_are_trimmed_and_lowered_and_values_left_alone() {
        check(
            &[b"SID=a; Theme= \"dark\" ;x=%41"],
            &[("sid", "a"), ("theme", " \"dark\" "), ("x", "%41")],
        );
    }

    #[test]
    fn a_value_ends_at_the_second_equals_sign() {
        check(&[b"a=b=c; d==e"], &[("a", "b"), ("d", "")]);
    }

    #[test]
    fn the_last_of_one_name_wins_even_when_it_has_no_value() {
        check(&[b"a=1; A=2"], &[("a", "2")]);
        check(&[b"a=1; a"], &[]);
        check(&[b"a; a=1"], &[("a", "1")]);
    }

    #[test]
    fn an_empty_name_counts_and_an_empty_header_does_not() {
        check(&[b"=x;"], &[]);
        check(&[b"=x"], &[("", "x")]);
        check(&[b""], &[]);
    }

    #[test]
    fn several_headers_are_one() {
        check(&[b"a=1", b"b=2; a=3"], &[("a", "3"), ("b", "2")]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_latin1() {
        check(&[b"a=\xe4"], &[("a", "\u{e4}")]);
        check(&["a=ä".as_bytes()], &[("a", "ä")]);
    }

    #[test]
    fn the_rule_decides_which_become_session_info() {
        let read = |rule| parse([&b"Sid=1; theme=2"[..]].into_iter(), &rule);
        assert_eq!(read(CookieRule::None), []);
        assert_eq!(
            read(CookieRule::Only(vec!["sid".into()])),
            [("sid".into(), "1".into())]
        );
    }
}
