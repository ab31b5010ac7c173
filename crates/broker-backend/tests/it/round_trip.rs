//! Whatever a client sends, independent decoders read the same fields back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use broker_backend::{Format, Http};
use broker_core::{ClientMessage, Event, Fact};
use bytes::Bytes;
use futures_util::stream;
use proptest::prelude::*;
use serde_json::Value;
use tokio::runtime::Builder;

use crate::events::{config, event};
use crate::server::{Request, Server, ok, together};
use crate::tell::Tell;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "(\r\n--|[-&=+% é\u{10ffff}]){0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z&=]{0,4}", json(), 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// White space between the parts, with line breaks.
fn spread(value: &Value) -> String {
    serde_json::to_string_pretty(value)
        .unwrap()
        .replace('\n', "\r\n")
}

async fn told(event: Event, format: Format) -> Request {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.format = format;
    let backend = Http::new(config);
    let answer = ok("");
    let (result, (_peer, request)) = together(backend.tell(event), server.serve(&answer)).await;
    result.unwrap();
    request
}

async fn multipart_fields(request: Request) -> BTreeMap<String, String> {
    let boundary = multer::parse_boundary(request.header("content-type").unwrap()).unwrap();
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from(request.body))]);
    let mut parts = multer::Multipart::new(body, boundary);
    let mut fields = BTreeMap::new();
    while let Some(part) = parts.next_field().await.unwrap() {
        let name = part.name().unwrap().to_owned();
        assert!(fields.insert(name, part.text().await.unwrap()).is_none());
    }
    fields
}

fn form_fields(request: &Request) -> BTreeMap<String, String> {
    let pairs: Vec<_> = form_urlencoded::parse(&request.body).into_owned().collect();
    assert_eq!(pairs.len(), 2);
    pairs.into_iter().collect()
}

fn json_fields(request: &Request) -> BTreeMap<String, String> {
    let fields: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        fields.keys().collect::<Vec<_>>(),
        ["connection", "id", "message", "path", "time"]
    );
    let wanted = |name: &String| name == "message" || name == "connection";
    fields
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name, value.get().to_owned()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_format_carries_the_same_fields(message in json(), connection in object()) {
        let message = ClientMessage::parse(&spread(&message)).unwrap();
        let mut prefixed = Vec::new();
        message.write_prefixed(&mut prefixed);
        let connection = connection.to_string();
        let expected = BTreeMap::from([
            ("message".to_owned(), String::from_utf8(prefixed).unwrap()),
            ("connection".to_owned(), connection.clone()),
        ]);
        let event = Event {
            connection: Arc::from(connection),
            ..event(Fact::Received(message))
        };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let request = |format| runtime.block_on(told(event.clone(), format));
        prop_assert_eq!(&runtime.block_on(multipart_fields(request(Format::Multipart))), &expected);
        prop_assert_eq!(&form_fields(&request(Format::Form)), &expected);
        prop_assert_eq!(&json_fields(&request(Format::Json)), &expected);
    }
}
