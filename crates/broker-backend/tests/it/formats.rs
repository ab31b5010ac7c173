//! What an application sees of an event, byte for byte.

use std::time::{SystemTime, UNIX_EPOCH};

use broker_backend::{Backend, Format, WantedHeaders};
use broker_core::Event;
use expect_test::{Expect, expect};
use serde_json::value::RawValue;

use crate::events::{config, connected, disconnected, http, message};
use crate::server::{Request, Server, ok, together};
use crate::tell::Tell;

/// Tells an event and shows the request, with what differs from run to run replaced by names.
async fn check(format: Format, event: Event, expected: Expect) {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.format = format;
    config.headers = ["Cookie", "x-a", "absent"]
        .map(|name| name.parse().unwrap())
        .into();
    let backend = broker_backend::Http::new(config);
    let answer = ok("[]");
    let (result, (_peer, request)) = together(backend.tell(event), server.serve(&answer)).await;
    result.unwrap();
    expected.assert_eq(&shown(&server, &request));
}

fn shown(server: &Server, request: &Request) -> String {
    let mut text = format!("{}\n\n{}", request.head, request.text()).replace("\r\n", "\n");
    text = text.replace(&server.address(), "HOST");
    if let Some(boundary) = boundary(request) {
        text = text.replace(boundary, "BOUNDARY");
    }
    let stamp = request.header("webhook-timestamp").unwrap();
    assert!(is_now(stamp), "{stamp}");
    text.replace(stamp, "NOW")
}

/// Within an hour, whatever the machine was doing.
fn is_now(seconds: &str) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    now.abs_diff(seconds.parse().unwrap()) < 3600
}

fn boundary(request: &Request) -> Option<&str> {
    request
        .header("content-type")?
        .strip_prefix("multipart/form-data; boundary=")
}

#[tokio::test]
async fn multipart_is_what_the_original_sends() {
    check(
        Format::Multipart,
        message(r#"{"type":"say","text":"é"}"#),
        expect![[r#"
            POST /events HTTP/1.1
            host: HOST
            user-agent: wsbroker/0.1.0
            content-type: multipart/form-data; boundary=BOUNDARY
            webhook-id: AHBwcHBwcHBwcHBwcHBwAA-3
            webhook-timestamp: NOW
            wsbroker-event: client
            wsbroker-connection: AHBwcHBwcHBwcHBwcHBwAA
            wsbroker-attempt: 1
            content-length: 362

            --BOUNDARY
            Content-Disposition: form-data; name="message"

            {"type":"client-say","text":"é"}
            --BOUNDARY
            Content-Disposition: form-data; name="connection"

            {"user":"ann","ip":"::1","wskey":"AHBwcHBwcHBwcHBwcHBwAA"}
            --BOUNDARY--
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_boundary_looks_like_the_originals_and_differs_from_backend_to_backend() {
    let server = Server::bind().await;
    let mut boundaries = Vec::new();
    for _ in 0..2 {
        let backend = http(&server.url());
        let answer = ok("");
        let (_, (_peer, request)) =
            together(backend.tell(connected()), server.serve(&answer)).await;
        boundaries.push(boundary(&request).unwrap().to_owned());
    }
    for boundary in &boundaries {
        let digits = boundary.strip_prefix(&*"-".repeat(26)).unwrap();
        assert!(digits.len() == 24 && digits.bytes().all(|digit| digit.is_ascii_digit()));
    }
    assert_ne!(boundaries[0], boundaries[1]);
}

#[tokio::test]
async fn form_holds_the_same_fields_urlencoded() {
    check(
        Format::Form,
        disconnected(),
        expect![[r#"
            POST /events HTTP/1.1
            host: HOST
            user-agent: wsbroker/0.1.0
            content-type: application/x-www-form-urlencoded
            webhook-id: AHBwcHBwcHBwcHBwcHBwAA-3
            webhook-timestamp: NOW
            wsbroker-event: session-disconnect
            wsbroker-connection: AHBwcHBwcHBwcHBwcHBwAA
            wsbroker-attempt: 1
            content-length: 226

            message=%7B%22type%22%3A%22session-disconnect%22%2C%22code%22%3A1006%2C%22reason%22%3A%22say+%5C%22bye%5C%22%22%7D&connection=%7B%22user%22%3A%22ann%22%2C%22ip%22%3A%22%3A%3A1%22%2C%22wskey%22%3A%22AHBwcHBwcHBwcHBwcHBwAA%22%7D"#]],
    )
    .await;
}

#[tokio::test]
async fn json_of_a_connect_holds_the_wanted_headers() {
    check(
        Format::Json,
        connected(),
        expect![[r#"
            POST /events HTTP/1.1
            host: HOST
            user-agent: wsbroker/0.1.0
            content-type: application/json
            webhook-id: AHBwcHBwcHBwcHBwcHBwAA-3
            webhook-timestamp: NOW
            wsbroker-event: session-connect
            wsbroker-connection: AHBwcHBwcHBwcHBwcHBwAA
            wsbroker-attempt: 1
            wsbroker-path: /chat?room=1
            content-length: 243

            {"id":"AHBwcHBwcHBwcHBwcHBwAA-3","time":"2026-11-05T17:03:09.042Z","message":{"type":"session-connect"},"connection":{"user":"ann","ip":"::1","wskey":"AHBwcHBwcHBwcHBwcHBwAA"},"path":"/chat?room=1","headers":{"cookie":"user=ann","x-a":"1, 2"}}"#]],
    )
    .await;
}

#[tokio::test]
async fn json_of_a_message_holds_no_headers_and_a_later_try_says_which_it_is() {
    check(
        Format::Json,
        Event {
            attempt: 12,
            ..message("[1.0, 12345678901234567890]")
        },
        expect![[r#"
            POST /events HTTP/1.1
            host: HOST
            user-agent: wsbroker/0.1.0
            content-type: application/json
            webhook-id: AHBwcHBwcHBwcHBwcHBwAA-3
            webhook-timestamp: NOW
            wsbroker-event: client
            wsbroker-connection: AHBwcHBwcHBwcHBwcHBwAA
            wsbroker-attempt: 12
            content-length: 199

            {"id":"AHBwcHBwcHBwcHBwcHBwAA-3","time":"2026-11-05T17:03:09.042Z","message":[1.0, 12345678901234567890],"connection":{"user":"ann","ip":"::1","wskey":"AHBwcHBwcHBwcHBwcHBwAA"},"path":"/chat?room=1"}"#]],
    )
    .await;
}

#[tokio::test]
async fn a_message_of_the_embedders_own_comes_from_nobody() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.format = Format::Form;
    let backend = broker_backend::Http::new(config);
    let question: Box<RawValue> = serde_json::from_str(r#"{"type":"tick"}"#).unwrap();
    let answer = ok("whatever it says");
    let (result, (_peer, request)) = together(backend.ask(&question), server.serve(&answer)).await;
    assert_eq!(&result.unwrap()[..], b"whatever it says");
    assert_eq!(
        request.text(),
        "message=%7B%22type%22%3A%22tick%22%7D&connection=%7B%22type%22%3A%22direct%22%7D"
    );
    assert_eq!(request.header("wsbroker-event"), Some("client"));
    assert_eq!(request.header("wsbroker-connection"), None);
    let id = request.header("webhook-id").unwrap();
    assert!(id.starts_with("direct-") && id.len() == 39, "{id}");
}

/// Tells the same event twice and gives both requests.
async fn signed(format: Format) -> [Request; 2] {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.format = format;
    config.secret = Some(SECRET.parse().unwrap());
    let backend = broker_backend::Http::new(config);
    let answer = ok("");
    let (result, (mut peer, first)) =
        together(backend.tell(connected()), server.serve(&answer)).await;
    result.unwrap();
    let again = Event {
        attempt: 2,
        ..connected()
    };
    let (result, second) = together(backend.tell(again), peer.serve(&answer)).await;
    result.unwrap();
    [first, second]
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// By Standard Webhooks, computed anew from what came.
fn signature(request: &Request) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use hmac::{Hmac, KeyInit, Mac};
    let key = BASE64.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let id = request.header("webhook-id").unwrap();
    let time = request.header("webhook-timestamp").unwrap();
    mac.update(format!("{id}.{time}.{}", request.text()).as_bytes());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn with_a_secret_every_try_is_signed_with_its_own_time() {
    for format in [Format::Form, Format::Json] {
        for request in signed(format).await {
            assert_eq!(
                request.header("webhook-signature"),
                Some(&*signature(&request)),
                "{}",
                request.head
            );
            assert!(is_now(request.header("webhook-timestamp").unwrap()));
        }
    }
}

#[tokio::test]
async fn a_message_of_the_embedders_own_is_signed_too_and_a_probe_is_not() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.format = Format::Json;
    config.secret = Some(SECRET.parse().unwrap());
    let backend = broker_backend::Http::new(config);
    let question: Box<RawValue> = serde_json::from_str(r#"{"type":"tick"}"#).unwrap();
    let answer = ok("");
    let (result, (mut peer, request)) =
        together(backend.ask(&question), server.serve(&answer)).await;
    result.unwrap();
    assert_eq!(
        request.header("webhook-signature"),
        Some(&*signature(&request))
    );
    let (status, request) = together(backend.probe(), peer.serve(&answer)).await;
    assert_eq!(status, Ok(200));
    assert_eq!(request.header("webhook-signature"), None);
    let shown = format!("{backend:?}");
    assert!(
        shown.contains("Secret(…)") && !shown.contains("MfKQ"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_probe_is_a_head_without_an_event() {
    let server = Server::bind().await;
    let backend = http(&server.url().replace("//", "//u:p@"));
    let (status, (_peer, request)) = together(
        backend.probe(),
        server.serve("HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\n\r\n"),
    )
    .await;
    assert_eq!(status, Ok(405));
    assert!(request.head.starts_with("HEAD /events HTTP/1.1\r\n"));
    assert_eq!(request.header("authorization"), Some("Basic dTpw"));
    assert_eq!(request.header("webhook-id"), None);
    assert_eq!(request.body, b"");
}

#[tokio::test]
async fn a_user_in_the_url_is_sent_as_basic_authorization_and_shown_nowhere() {
    let server = Server::bind().await;
    let backend = http(&format!(
        "http://ann:hush%40hush@{}/x?y=1",
        server.address()
    ));
    let answer = ok("");
    let (result, (_peer, request)) =
        together(backend.tell(connected()), server.serve(&answer)).await;
    result.unwrap();
    assert!(request.head.starts_with("POST /x?y=1 HTTP/1.1\r\n"));
    // "ann:hush@hush"
    assert_eq!(
        request.header("authorization"),
        Some("Basic YW5uOmh1c2hAaHVzaA==")
    );
    assert_eq!(request.header("host"), Some(&*server.address()));
    let shown = format!("{backend:?}");
    assert!(
        !shown.contains("hush") && !shown.contains("YW5u"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_unix_socket_speaks_http_too() {
    let folder = std::env::temp_dir().join(format!("wsbroker-backend-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let backend = http(&format!("unix:{}:/events?x=1", path.display()));
    let server = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = listener.accept().await.unwrap().0;
        let mut head = Vec::new();
        while !head.ends_with(b"--\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = ok(r#"{"type":"close"}"#);
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    };
    let (result, request) = together(backend.tell(connected()), server).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(result.unwrap().entries.len(), 1);
    assert!(
        request.starts_with("POST /events?x=1 HTTP/1.1\r\nhost: localhost\r\n"),
        "{request}"
    );
}

#[test]
fn only_json_wants_headers_kept() {
    let wants = |format| {
        let mut config = config("http://h/");
        config.format = format;
        config.headers = ["Cookie".parse().unwrap()].into();
        let backend = broker_backend::Http::new(config);
        backend.wanted_headers().has("cookie")
    };
    assert!(wants(Format::Json));
    assert!(!wants(Format::Form));
    assert!(!wants(Format::Multipart));
    assert_eq!(
        http("http://h/").wanted_headers(),
        WantedHeaders::Named(&[])
    );
}
