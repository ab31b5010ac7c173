//! What the application said: commands, or a reason why there are none.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use broker_core::{CommandList, Failure, ListError, Reading};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, SET_COOKIE};
use http::response::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::answer::{Greeting, Page, Unanswered};

/// How many letters of an answer that cannot be read are shown.
const SHOWN_CHARS: usize = 80;

/// What an answer with another status than 2xx comes to; redirects are not followed. Of a 4xx at most so many bytes are read
/// for the client; a body that is longer or does not arrive is left out.
pub(super) async fn refusal(head: &Parts, body: Incoming, page_bytes_max: usize) -> Unanswered {
    let failure = Failure::Status {
        code: head.status.as_u16(),
        retry_after: retry_after(head, SystemTime::now()),
    };
    let is_read = head.status.is_client_error() && page_bytes_max > 0;
    let body = if is_read {
        read_body(body, page_bytes_max).await.ok()
    } else {
        None
    };
    let page = body.map(|body| {
        Box::new(Page {
            content_type: head.headers.get(CONTENT_TYPE).cloned(),
            body,
        })
    });
    Unanswered { failure, page }
}

/// What the head of an answer says to a client whose handshake waits for it.
pub(super) fn greeting(head: &Parts) -> Option<Box<Greeting>> {
    let greeting = Greeting {
        subprotocol: head.headers.get(SEC_WEBSOCKET_PROTOCOL).cloned(),
        cookies: head
            .headers
            .get_all(SET_COOKIE)
            .into_iter()
            .cloned()
            .collect(),
    };
    (greeting != Greeting::default()).then(|| Box::new(greeting))
}

/// RFC 9110 §10.2.3: a number of seconds, or a date.
fn retry_after(head: &Parts, now: SystemTime) -> Option<Duration> {
    let text = head.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(mut body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_long(limit));
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| super::exchange::interrupted(&error))?;
        // Trailers say nothing to us.
        let Ok(part) = frame.into_data() else {
            continue;
        };
        if first.len() + whole.len() + part.len() > limit {
            return Err(too_long(limit));
        }
        // Most answers come in one piece and are not copied.
        if first.is_empty() && whole.is_empty() {
            first = part;
            continue;
        }
        if whole.is_empty() {
            whole.reserve((announced as usize).max(first.len() + part.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&part);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

pub(super) fn too_long(limit: usize) -> Failure {
    Failure::BadAnswer(
        format!("backend's answer is longer than the limit max_answer of {limit} bytes").into(),
    )
}

/// Reads the commands of a whole answer.
pub(super) fn read_commands(body: &Bytes, reading: Reading<'_>) -> Result<CommandList, Failure> {
    CommandList::parse(body, reading).map_err(|error| unreadable(body, &error))
}

/// Reads the answers to so many events.
pub(super) fn read_answers(
    body: &Bytes,
    events: usize,
    reading: Reading<'_>,
) -> Result<Vec<CommandList>, Failure> {
    CommandList::parse_each(body, events, reading).map_err(|error| unreadable(body, &error))
}

fn unreadable(body: &[u8], error: &ListError) -> Failure {
    Failure::BadAnswer(complained(body, error).into())
}

/// What is wrong and where, how the answer begins, and what a newcomer has to do about it.
fn complained(body: &[u8], error: &ListError) -> String {
    let mut text = format!("backend's answer is no list of commands: {error}; it begins with \"");
    let start = &body[..body.len().min(SHOWN_CHARS * 4)];
    let shown = String::from_utf8_lossy(start);
    for letter in shown.chars().take(SHOWN_CHARS) {
        // Writing to a `String` has no way to fail.
        let _ = match letter {
            '"' | '\\' => write!(text, "\\{letter}"),
            '\n' => write!(text, "\\n"),
            '\r' => write!(text, "\\r"),
            '\t' => write!(text, "\\t"),
            // Control letters, also those of Unicode that turn or hide text, must not reach a terminal.
            _ if letter.is_control() || is_format(letter) => {
                write!(text, "{}", letter.escape_unicode())
            }
            _ => write!(text, "{letter}"),
        };
    }
    let is_cut = shown.chars().nth(SHOWN_CHARS).is_some() || start.len() < body.len();
    text.push_str(if is_cut { "\"…" } else { "\"" });
    if let Some(hint) = hint(start) {
        text.push_str("; ");
        text.push_str(hint);
    }
    text
}

/// Letters without a shape that change how others are shown.
fn is_format(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn hint(start: &[u8]) -> Option<&'static str> {
    const PHP_WORDS: [&str; 5] = [
        "Warning",
        "Notice",
        "Deprecated",
        "Fatal error",
        "Parse error",
    ];
    if start.starts_with(b"\xef\xbb\xbf") {
        return Some("save the script as UTF-8 without a byte order mark");
    }
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start();
    let bare = text
        .trim_start_matches("<br />")
        .trim_start()
        .trim_start_matches("<b>");
    let bare = bare.trim_start_matches("PHP ");
    if PHP_WORDS.iter().any(|word| bare.starts_with(word)) {
        return Some("PHP wrote a message into it: set display_errors to 0 or stderr");
    }
    if text.starts_with("<?php") {
        return Some(
            "the script's source came instead of its output: the web server does not run PHP",
        );
    }
    if text.starts_with('<') {
        return Some("this is HTML: look for an error page, or for output in front of the JSON");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: Reading<'static> = Reading::lenient(2);

    fn complained(body: &[u8]) -> String {
        let body = Bytes::copy_from_slice(body);
        read_commands(&body, READING)
            .expect_err("a complaint")
            .to_string()
    }

    #[test]
    fn an_unreadable_answer_is_shown_with_its_place_and_a_hint() {
        assert_eq!(
            complained(b"<br />\n<b>Warning</b>:  Undefined variable $x in <b>/app/b.php</b> on line <b>3</b><br />\n[]"),
            "backend's answer is no list of commands: not JSON: expected value at line 1 column 1; it begins with \
             \"<br />\\n<b>Warning</b>:  Undefined variable $x in <b>/app/b.php</b> on line <b>3<\"…; \
             PHP wrote a message into it: set display_errors to 0 or stderr"
        );
        assert!(complained(b"\nFatal error: x").ends_with("set display_errors to 0 or stderr"));
        assert!(complained(b"PHP Notice:  x").ends_with("set display_errors to 0 or stderr"));
        assert!(complained(b"<!doctype html>").ends_with("in front of the JSON"));
        assert!(complained(b"<?php echo 1;").ends_with("does not run PHP"));
        assert!(complained(b"\xef\xbb\xbf[]").ends_with("without a byte order mark"));
    }

    #[test]
    fn json_of_another_shape_is_named() {
        assert_eq!(
            complained(b"null"),
            "backend's answer is no list of commands: commands must be a list of objects or one object, got null; \
             it begins with \"null\""
        );
        assert!(complained(b"[{},{},{}]").contains("more than the limit max_commands of 2"));
    }

    #[test]
    fn what_is_shown_cannot_break_a_log_line_or_steer_a_terminal() {
        let shown = complained("a\"\\\r\n\t\u{1b}[2J\u{202e}é\u{0}".as_bytes());
        assert!(
            shown.ends_with(r#"begins with "a\"\\\r\n\t\u{1b}[2J\u{202e}é\u{0}""#),
            "{shown}"
        );
    }

    #[test]
    fn what_is_shown_is_cut_between_letters() {
        let shown = complained("é".repeat(1000).as_bytes());
        assert!(
            shown.contains(&format!("\"{}\"…", "é".repeat(SHOWN_CHARS))),
            "{shown}"
        );
        let shown = complained(&[0xff; 500]);
        assert!(
            shown.contains(&format!("\"{}\"…", "\u{fffd}".repeat(SHOWN_CHARS))),
            "{shown}"
        );
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Thu, 05 Nov 2026 17:00:00 GMT").unwrap();
        let wait = |text: &str| {
            let (head, ()) = http::Response::builder()
                .header(RETRY_AFTER, text)
                .body(())
                .unwrap()
                .into_parts();
            retry_after(&head, now)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            wait("Thu, 05 Nov 2026 17:01:30 GMT"),
            Some(Duration::from_secs(90))
        );
        assert_eq!(wait("Thu, 05 Nov 2026 16:00:00 GMT"), Some(Duration::ZERO));
        for text in ["soon", "-1", "1.5", ""] {
            assert_eq!(wait(text), None, "{text}");
        }
    }
}
