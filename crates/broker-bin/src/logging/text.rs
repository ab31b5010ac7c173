//! Texts from outside, made fit for a log: without secrets, without anything
//! that a terminal obeys, and not endless.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The most that is shown of a body or of a `log` command's text, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 4096;
/// The most that is shown of any other text, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1024;

/// A text without its secrets, cut at a character's edge; if it was cut, it
/// says how long it was.
pub(crate) fn presentable(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return redact(text);
    }
    // A text of megabytes is not searched to its end, but far enough that a
    // secret at the cut is still recognised.
    let window = &text[..text.floor_char_boundary(bytes_max * 2)];
    let redacted = redact(window);
    let shown = &redacted[..redacted.floor_char_boundary(bytes_max)];
    Cow::Owned(format!("{shown}… ({} bytes)", text.len()))
}

/// Replaces what would move the cursor, change colours, ring, or turn the
/// direction of the text by its escape.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// The same within a JSON text, whose own escapes leave some of them out.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) {
            // All of them are below U+10000.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Control characters, line and paragraph separators, and those that reorder
/// text (Unicode's bidirectional controls).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Names of fields whose whole value is a secret.
pub(crate) fn is_secret(field: &str) -> bool {
    ["cookie", "cookies", "set_cookie", "authorization", "token"].contains(&field)
}

/// Replaces passwords in URLs and the values of cookie and authorization
/// headers by three dots.
fn redact(text: &str) -> Cow<'_, str> {
    let urls = redact_urls(text);
    match redact_headers(&urls) {
        Some(redacted) => Cow::Owned(redacted),
        None => urls,
    }
}

/// `scheme://user:password@` becomes `scheme://user:…@`.
fn redact_urls(text: &str) -> Cow<'_, str> {
    let mut redacted = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, authority_on) = rest.split_at(start + "://".len());
        let end = authority_on
            .find(|character: char| "/?# \"'<>".contains(character) || character.is_whitespace())
            .unwrap_or(authority_on.len());
        let (authority, after) = authority_on.split_at(end);
        redacted.push_str(before);
        match authority
            .rsplit_once('@')
            .map(|(user, host)| (user.split_once(':'), host))
        {
            Some((Some((user, _)), host)) => {
                let _ = write!(redacted, "{user}:…@{host}");
            }
            Some((None, _)) | None => redacted.push_str(authority),
        }
        rest = after;
    }
    if redacted.is_empty() {
        return Cow::Borrowed(text);
    }
    redacted.push_str(rest);
    Cow::Owned(redacted)
}

const SECRET_HEADERS: [&str; 2] = ["cookie", "authorization"];

/// `cookie: …` to the end of its line or of its quotes; `None` if there is none.
fn redact_headers(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut redacted = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some((at, name)) = SECRET_HEADERS
        .iter()
        .filter_map(|name| lower[from..].find(name).map(|at| (from + at, *name)))
        .min()
    {
        from = at + name.len();
        let Some((start, end)) = header_value(text, from) else {
            continue;
        };
        redacted.push_str(&text[copied..start]);
        redacted.push('…');
        (copied, from) = (end, end);
    }
    if copied == 0 {
        return None;
    }
    redacted.push_str(&text[copied..]);
    Some(redacted)
}

/// Where the value of a header begins and ends whose name ends at `from`:
/// written `name: value`, or `"name": "value"`.
fn header_value(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = &text[from..];
    let after_name = rest
        .strip_prefix('"')
        .unwrap_or(rest)
        .trim_start_matches(' ');
    let value = after_name.strip_prefix(':')?.trim_start_matches(' ');
    let start = text.len() - value.len();
    let length = match value.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map_or(value.len(), |end| end + 2),
        None => value.find(['\r', '\n']).unwrap_or(value.len()),
    };
    (length > 0).then_some((start, start + length))
}
