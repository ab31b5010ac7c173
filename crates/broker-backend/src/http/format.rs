//! How an event is written into the body of a request.

use std::ops::Range;

use broker_core::json;
use broker_core::{Event, Fact, Handshake, Timestamp};
use http::HeaderValue;
use serde_json::value::RawValue;

use super::passed_header::PassedHeader;
use super::random;

/// How an event is written into a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `multipart/form-data` with the fields `message` and `connection`, as npm `wsbroker` sends it.
    #[default]
    Multipart,
    /// The same fields, `application/x-www-form-urlencoded`.
    Form,
    /// One JSON object: `id`, `time`, `message`, `connection`, `path`, and `headers` with `session-connect`.
    Json,
}

/// What a body tells.
pub(super) struct Telling<'a> {
    pub(super) time: Timestamp,
    pub(super) message: Message<'a>,
    /// The session info: a JSON object.
    pub(super) connection: &'a str,
    /// None for a message of the embedder's own.
    pub(super) handshake: Option<&'a Handshake>,
}

impl<'a> Telling<'a> {
    /// What is told of an event.
    pub(super) fn of(event: &'a Event) -> Telling<'a> {
        Telling {
            time: event.time,
            message: Message::Fact(&event.fact),
            connection: &event.connection,
            handshake: Some(&event.handshake),
        }
    }
}

/// What happened, or what the embedder says.
pub(super) enum Message<'a> {
    Fact(&'a Fact),
    Direct(&'a RawValue),
}

impl Message<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Message::Fact(fact) => fact.write_message(out),
            Message::Direct(message) => out.extend_from_slice(message.get().as_bytes()),
        }
    }

    /// About how many bytes it takes; a few too many, so that the buffer is not moved.
    fn size(&self) -> usize {
        const PREFIX_AND_TYPE: usize = 80;
        match self {
            Message::Fact(fact) => fact.size() + PREFIX_AND_TYPE,
            Message::Direct(message) => message.get().len(),
        }
    }
}

/// Writes bodies of one format. What is the same in all of them is made once.
#[derive(Debug)]
pub(super) enum Encoder {
    Multipart(Multipart),
    Form,
    Json {
        /// The headers of a handshake that are passed on, lower-case.
        headers: Box<[Box<str>]>,
        /// Whether a body holds a list of events.
        is_batched: bool,
    },
}

impl Encoder {
    /// A writer of that format; `is_batched` concerns [`Format::Json`] alone.
    pub(super) fn new(format: Format, headers: &[PassedHeader], is_batched: bool) -> Encoder {
        match format {
            Format::Multipart => Encoder::Multipart(Multipart::new(&random_boundary())),
            Format::Form => Encoder::Form,
            Format::Json => Encoder::Json {
                headers: headers.iter().map(|name| name.as_str().into()).collect(),
                is_batched,
            },
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(&self) -> HeaderValue {
        match self {
            Encoder::Multipart(multipart) => multipart.content_type.clone(),
            Encoder::Form => HeaderValue::from_static("application/x-www-form-urlencoded"),
            Encoder::Json { .. } => HeaderValue::from_static("application/json"),
        }
    }

    /// How much room a body should be given.
    pub(super) fn size(&self, telling: &Telling<'_>) -> usize {
        const FRAME: usize = 512;
        let message = telling.message.size();
        let connection = telling.connection.len();
        FRAME
            + match self {
                Encoder::Multipart(_) => message + connection,
                // The message as it is, then both with three letters for each of theirs at worst.
                Encoder::Form => message + 3 * (message + connection),
                Encoder::Json { .. } => {
                    message
                        + connection
                        + telling
                            .handshake
                            .map_or(0, |handshake| handshake.path.len())
                }
            }
    }

    /// Appends a body for the event named `id` and says where it stands in `out`.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        id: Range<usize>,
        telling: &Telling<'_>,
    ) -> Range<usize> {
        match self {
            Encoder::Multipart(multipart) => multipart.write(out, telling),
            Encoder::Form => form(out, telling),
            Encoder::Json { headers, .. } => json_object(out, id, telling, headers),
        }
    }
}

/// The unchanging parts of a `multipart/form-data` body (RFC 7578), byte for byte as npm `form-data` writes them.
///
/// The boundary is drawn once and used for all bodies. Both fields are JSON, where a line break is never followed by two
/// dashes, so no field can hold a delimiter (RFC 2046 §5.1.1) even if the boundary became known.
#[derive(Debug)]
pub(super) struct Multipart {
    content_type: HeaderValue,
    first: Box<[u8]>,
    between: Box<[u8]>,
    last: Box<[u8]>,
}

impl Multipart {
    fn new(boundary: &str) -> Multipart {
        let field = |name: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n")
        };
        let content_type = format!("multipart/form-data; boundary={boundary}");
        Multipart {
            content_type: HeaderValue::try_from(content_type)
                .unwrap_or(HeaderValue::from_static("multipart/form-data")),
            first: field("message").into_bytes().into(),
            between: format!("\r\n{}", field("connection")).into_bytes().into(),
            last: format!("\r\n--{boundary}--\r\n").into_bytes().into(),
        }
    }

    fn write(&self, out: &mut Vec<u8>, telling: &Telling<'_>) -> Range<usize> {
        let start = out.len();
        out.extend_from_slice(&self.first);
        telling.message.write(out);
        out.extend_from_slice(&self.between);
        out.extend_from_slice(telling.connection.as_bytes());
        out.extend_from_slice(&self.last);
        start..out.len()
    }
}

/// 26 dashes and 24 digits, the look of npm `form-data`'s; the digits come from the system's randomness.
fn random_boundary() -> String {
    const TWELVE_DIGITS: u64 = 1_000_000_000_000;
    let digits = || random() % TWELVE_DIGITS;
    format!("{}{:012}{:012}", "-".repeat(26), digits(), digits())
}

fn form(out: &mut Vec<u8>, telling: &Telling<'_>) -> Range<usize> {
    // The message is written plainly in front of the body and encoded from there, which saves a second buffer.
    let plain = out.len();
    telling.message.write(out);
    let start = out.len();
    out.extend_from_slice(b"message=");
    for place in plain..start {
        push_urlencoded(out, out[place]);
    }
    out.extend_from_slice(b"&connection=");
    for byte in telling.connection.bytes() {
        push_urlencoded(out, byte);
    }
    start..out.len()
}

/// `application/x-www-form-urlencoded` of the WHATWG URL standard, §5.2.
fn push_urlencoded(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => out.push(byte),
        b' ' => out.push(b'+'),
        _ => out.extend_from_slice(&[
            b'%',
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]),
    }
}

fn json_object(
    out: &mut Vec<u8>,
    id: Range<usize>,
    telling: &Telling<'_>,
    headers: &[Box<str>],
) -> Range<usize> {
    let start = out.len();
    out.extend_from_slice(br#"{"id":""#);
    out.extend_from_within(id);
    out.extend_from_slice(br#"","time":""#);
    telling.time.write(out);
    out.extend_from_slice(br#"","message":"#);
    telling.message.write(out);
    out.extend_from_slice(br#","connection":"#);
    out.extend_from_slice(telling.connection.as_bytes());
    if let Some(handshake) = telling.handshake {
        out.extend_from_slice(br#","path":"#);
        json::write_string(out, &handshake.path);
        if !headers.is_empty() && matches!(telling.message, Message::Fact(Fact::Connected { .. })) {
            out.extend_from_slice(br#","headers":"#);
            write_headers(out, handshake, headers);
        }
    }
    out.push(b'}');
    start..out.len()
}

/// An object of those headers that the handshake had. A repeated one is joined as RFC 9110 §5.3 says; cookies by `; `.
fn write_headers(out: &mut Vec<u8>, handshake: &Handshake, wanted: &[Box<str>]) {
    let mut before = b'{';
    for name in wanted {
        let mut values = handshake
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| &**value);
        let Some(first) = values.next() else {
            continue;
        };
        let separator = if **name == *"cookie" { "; " } else { ", " };
        let joined = values.fold(first.to_owned(), |joined, value| joined + separator + value);
        out.push(std::mem::replace(&mut before, b','));
        json::write_string(out, name);
        out.push(b':');
        json::write_string(out, &joined);
    }
    if before == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
}
