//! One event as a request: every changing part of head and body in one buffer.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use broker_core::{Call, Event, EventKind, SessionId, Timestamp};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::format::{Encoder, Message, Telling};
use super::secret::Secret;
use super::url::HttpUrl;

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WSBROKER_ATTEMPT: HeaderName = HeaderName::from_static("wsbroker-attempt");
const WSBROKER_CONNECTION: HeaderName = HeaderName::from_static("wsbroker-connection");
const WSBROKER_EVENT: HeaderName = HeaderName::from_static("wsbroker-event");
const WSBROKER_PATH: HeaderName = HeaderName::from_static("wsbroker-path");

/// Makes requests to one URL in one format.
#[derive(Debug)]
pub(super) struct Letterhead {
    uri: Uri,
    /// What stands in every request.
    constant: HeaderMap,
    /// The same, and empty places for what each event fills in: filling is cheaper than putting in.
    blank: HeaderMap,
    encoder: Encoder,
    secret: Option<Secret>,
}

impl Letterhead {
    pub(super) fn new(url: &HttpUrl, encoder: Encoder, secret: Option<Secret>) -> Letterhead {
        let mut constant = HeaderMap::with_capacity(16);
        constant.insert(HOST, url.host().clone());
        constant.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("wsbroker/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(authorization) = url.authorization() {
            constant.insert(AUTHORIZATION, authorization.clone());
        }
        let mut blank = constant.clone();
        blank.insert(CONTENT_TYPE, encoder.content_type());
        for name in [
            WEBHOOK_ID,
            WEBHOOK_TIMESTAMP,
            WSBROKER_EVENT,
            WSBROKER_CONNECTION,
            WSBROKER_ATTEMPT,
        ] {
            blank.insert(name, HeaderValue::from_static(""));
        }
        Letterhead {
            uri: url.uri().clone(),
            constant,
            blank,
            encoder,
            secret,
        }
    }

    /// A request without a body that asks nothing of the application but to be there.
    pub(super) fn head(&self) -> Request<Full<Bytes>> {
        self.request(Method::HEAD, self.constant.clone(), Bytes::new())
    }

    /// The request that tells the events of a call.
    pub(super) fn call(&self, call: &Call, now: SystemTime) -> Request<Full<Bytes>> {
        match (&self.encoder, &call.events[..]) {
            (
                Encoder::Json {
                    is_batched: true, ..
                },
                events,
            ) => self.batch(call, events, now),
            (_, [event, ..]) => self.event(event, now),
            // The core makes no such call.
            (_, []) => self.head(),
        }
    }

    /// The request that tells several events. What is said of one connection elsewhere has no place in its head.
    fn batch(&self, call: &Call, events: &[Event], now: SystemTime) -> Request<Full<Bytes>> {
        let telling_of = |event| Telling::of(event);
        let size: usize = events
            .iter()
            .map(|event| self.encoder.size(&telling_of(event)))
            .sum();
        let mut draft = Draft(Vec::with_capacity(size + 128 * (1 + events.len())));
        let id = draft.part(|out| call.id().into_iter().for_each(|id| id.write(out)));
        let second = draft.part(|out| write_seconds(out, now));
        let name = |event: &Event| draft.part(|out| event.id.write(out));
        let names: SmallVec<[Range<usize>; 32]> = events.iter().map(name).collect();
        let start = draft.0.len();
        let mut before = br#"{"events":["#.as_slice();
        for (event, name) in events.iter().zip(names) {
            draft.0.extend_from_slice(before);
            self.encoder.write(&mut draft.0, name, &telling_of(event));
            before = b",";
        }
        draft.0.extend_from_slice(b"]}");
        let body = start..draft.0.len();

        let sheet = draft.finish();
        let tries = events.first().map_or(1, |event| event.attempt);
        let mut headers = self.blank.clone();
        fill(&mut headers, WEBHOOK_ID, sheet.value(id));
        fill(&mut headers, WEBHOOK_TIMESTAMP, sheet.value(second));
        fill(
            &mut headers,
            WSBROKER_EVENT,
            Some(HeaderValue::from_static("batch")),
        );
        fill(&mut headers, WSBROKER_CONNECTION, None);
        fill(&mut headers, WSBROKER_ATTEMPT, Some(attempt(tries)));
        self.request(Method::POST, headers, sheet.0.slice(body))
    }

    /// The request that tells an event.
    fn event(&self, event: &Event, now: SystemTime) -> Request<Full<Bytes>> {
        let telling = Telling::of(event);
        let mut draft = Draft::new(&self.encoder, &telling, event.handshake.path.len());
        let id = draft.part(|out| event.id.write(out));
        let session = id.start..id.start + SessionId::TEXT_LEN;
        let second = draft.part(|out| write_seconds(out, now));
        let kind = event.fact.kind();
        let path = (kind == EventKind::Connect)
            .then(|| draft.part(|out| out.extend_from_slice(event.handshake.path.as_bytes())));
        let body = self.encoder.write(&mut draft.0, id.clone(), &telling);

        let sheet = draft.finish();
        let session = (kind != EventKind::Start)
            .then(|| sheet.value(session))
            .flatten();
        let kind = HeaderValue::from_static(kind.name());
        let mut headers = self.blank.clone();
        fill(&mut headers, WEBHOOK_ID, sheet.value(id));
        fill(&mut headers, WEBHOOK_TIMESTAMP, sheet.value(second));
        fill(&mut headers, WSBROKER_EVENT, Some(kind));
        fill(&mut headers, WSBROKER_CONNECTION, session);
        fill(&mut headers, WSBROKER_ATTEMPT, Some(attempt(event.attempt)));
        if let Some(path) = path.and_then(|path| sheet.value(path)) {
            headers.insert(WSBROKER_PATH, path);
        }
        self.request(Method::POST, headers, sheet.0.slice(body))
    }

    /// The request that carries a message of the embedder's own. `id` is made of letters that a header can hold.
    pub(super) fn direct(
        &self,
        message: &RawValue,
        id: &str,
        now: SystemTime,
    ) -> Request<Full<Bytes>> {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let telling = Telling {
            time: Timestamp(0).after(since_epoch),
            message: Message::Direct(message),
            connection: r#"{"type":"direct"}"#,
            handshake: None,
        };
        let mut draft = Draft::new(&self.encoder, &telling, id.len());
        let id = draft.part(|out| out.extend_from_slice(id.as_bytes()));
        let second = draft.part(|out| write_seconds(out, now));
        let body = self.encoder.write(&mut draft.0, id.clone(), &telling);

        let sheet = draft.finish();
        let kind = HeaderValue::from_static(EventKind::Client.name());
        let mut headers = self.blank.clone();
        fill(&mut headers, WEBHOOK_ID, sheet.value(id));
        fill(&mut headers, WEBHOOK_TIMESTAMP, sheet.value(second));
        fill(&mut headers, WSBROKER_EVENT, Some(kind));
        fill(&mut headers, WSBROKER_CONNECTION, None);
        fill(&mut headers, WSBROKER_ATTEMPT, Some(attempt(1)));
        self.request(Method::POST, headers, sheet.0.slice(body))
    }

    /// Signs whatever has an id, as it is sent: each try with its own time.
    fn request(&self, method: Method, mut headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
        if let Some(secret) = &self.secret
            && let (Some(id), Some(time)) =
                (headers.get(WEBHOOK_ID), headers.get(WEBHOOK_TIMESTAMP))
        {
            let signature = secret.sign(id.as_bytes(), time.as_bytes(), &body);
            headers.insert(WEBHOOK_SIGNATURE, signature);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// Fills a blank place, or takes it out where there is nothing to say.
fn fill(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match (value, headers.get_mut(&name)) {
        (Some(value), Some(place)) => *place = value,
        (Some(value), None) => drop(headers.insert(name, value)),
        (None, _) => drop(headers.remove(name)),
    }
}

/// The buffer while it is written.
struct Draft(Vec<u8>);

impl Draft {
    fn new(encoder: &Encoder, telling: &Telling<'_>, path: usize) -> Draft {
        const ID_AND_SECOND: usize = 64;
        Draft(Vec::with_capacity(
            ID_AND_SECOND + path + encoder.size(telling),
        ))
    }

    /// Writes one part and says where it stands.
    fn part(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.0.len();
        write(&mut self.0);
        start..self.0.len()
    }

    fn finish(self) -> Sheet {
        Sheet(self.0.into())
    }
}

/// The buffer when it is whole: header values and body are slices of it.
struct Sheet(Bytes);

impl Sheet {
    /// A path may hold what no header can; then there is none.
    fn value(&self, place: Range<usize>) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(self.0.slice(place)).ok()
    }
}

fn write_seconds(out: &mut Vec<u8>, now: SystemTime) {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
}

fn attempt(number: u32) -> HeaderValue {
    match number {
        1 => HeaderValue::from_static("1"),
        _ => HeaderValue::from(number),
    }
}
