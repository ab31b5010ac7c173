//! Refusals and endings are counted, each once, under the limit or rule that they are about.

use broker_server::{Closed, Refused, Rejected};
use broker_testkit::client::{Raw, masked};
use broker_testkit::soon;

use crate::broker::Broker;

/// Waits until `count` is this much.
async fn reaches(what: &str, expected: u64, count: impl Fn() -> u64) {
    let wait = async {
        while count() < expected {
            tokio::task::yield_now().await;
        }
    };
    soon(what, wait).await;
    assert_eq!(count(), expected, "{what}");
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only some are ended by what a client does here"
)]
/// What a client does, or is done to, until its WebSocket has ended for this reason.
async fn end_by(broker: &Broker, mut raw: Raw, reason: Closed) {
    let frame = |opcode, payload: &[u8]| masked(opcode, payload);
    match reason {
        Closed::ByClient => raw.write(frame(8, &1000_u16.to_be_bytes())).await,
        Closed::ByCommand => drop(broker.execute(r#"{"type":"close"}"#).await),
        Closed::Lost => return,
        Closed::ProtocolError => raw.write([0x83, 0x80, 0, 0, 0, 0]).await,
        Closed::NotUtf8 => raw.write(frame(1, b"\xff")).await,
        Closed::MessageTooBig => raw.write(frame(1, &[b'x'; 200])).await,
        Closed::TooManyFragments => {
            // In one packet, so that no time passes in which the message could be too slow.
            let frames = [0x01, 0x00, 0x00].map(|head| [head, 0x80, 0, 0, 0, 0]);
            raw.write(frames.concat()).await;
        }
        Closed::SlowMessage => raw.write([0x01, 0x81, 0, 0, 0, 0, b'x']).await,
        Closed::TooManyMessages => raw.write(frame(9, b"").repeat(6)).await,
        Closed::NoPong => {}
        _ => unreachable!("{reason:?} is another test's"),
    }
    raw.rest().await;
}

#[tokio::test]
async fn each_way_in_which_a_websocket_ends_is_counted_once() {
    let limits = "listen.shards = 2\n[limits]\nmax_message = '100B'\nmax_fragments = 2\nmessage_timeout = '50ms'\n\
                  messages_per_second = 5\nclose_timeout = '50ms'";
    let patient = Broker::alone(limits);
    let pinging = Broker::alone("websocket = { ping_interval = '20ms', pong_timeout = '20ms' }");
    let reasons = [
        (&patient, Closed::ByClient),
        (&patient, Closed::ByCommand),
        (&patient, Closed::Lost),
        (&patient, Closed::ProtocolError),
        (&patient, Closed::NotUtf8),
        (&patient, Closed::MessageTooBig),
        (&patient, Closed::TooManyFragments),
        (&patient, Closed::SlowMessage),
        (&patient, Closed::TooManyMessages),
        (&pinging, Closed::NoPong),
    ];
    for (broker, reason) in reasons {
        let raw = if reason == Closed::NoPong {
            broker.fleeting_client().await
        } else {
            broker.raw_client().await
        };
        end_by(broker, raw, reason).await;
        reaches(reason.name(), 1, || broker.handle.counters().closed(reason)).await;
    }
    let counters = patient.handle.counters();
    let total: u64 = Closed::ALL
        .iter()
        .map(|&reason| counters.closed(reason))
        .sum();
    assert_eq!(total, 9, "{counters}");

    let _left = patient.raw_client().await;
    let counters = counters_after_shutdown(&patient).await;
    assert_eq!(counters, 1);
}

async fn counters_after_shutdown(broker: &Broker) -> u64 {
    broker.handle.drain().await;
    broker.handle.counters().closed(Closed::Restart)
}

#[tokio::test]
async fn connections_that_get_no_websocket_are_counted() {
    let impatient = Broker::alone("limits.first_byte_timeout = '50ms'");
    assert_eq!(Raw::connect(impatient.addr()).await.rest().await, b"");
    reaches("silence", 1, || {
        let counters = impatient.handle.counters();
        counters.rejected(Rejected::FirstByteTimeout)
    })
    .await;

    let broker = Broker::alone(
        "limits.max_session = '256B'\n\
         access.origins = ['https://example.org']\nendpoint = [{ path = '/chat', dialect = 'wsbroker' }]",
    );
    let counters = broker.handle.counters();
    let count = |reason| move || counters.rejected(reason);

    let long = format!("a={}", "x".repeat(300));
    type Headers<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&str, Headers, Rejected); 5] = [
        ("/elsewhere", &[], Rejected::NoEndpoint),
        (
            "/chat",
            &[("Origin", "https://evil.example")],
            Rejected::Origin,
        ),
        ("/chat", &[("Cookie", &long)], Rejected::SessionTooLarge),
        (
            "/chat",
            &[("Sec-WebSocket-Protocol", ",;,")],
            Rejected::BadHandshake,
        ),
        ("/chat", &[("Content-Length", "1")], Rejected::BadHandshake),
    ];
    for (path, headers, reason) in cases {
        let before = counters.rejected(reason);
        let answer = Raw::connect(broker.addr())
            .await
            .upgrade(path, headers)
            .await;
        assert!(answer.status >= 400, "{reason:?}");
        reaches(reason.name(), before + 1, count(reason)).await;
    }

    let mut version = Raw::connect(broker.addr()).await;
    let old = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "8"),
    ];
    assert_eq!(version.request("GET", "/chat", &old, "").await.status, 426);
    reaches("version", 1, count(Rejected::Version)).await;

    let full = Broker::alone("limits.max_connections = 1");
    let _only = full.client("").await;
    assert_eq!(Raw::connect(full.addr()).await.answer().await.status, 503);
    reaches("max_connections", 1, || {
        full.handle.counters().rejected(Rejected::Connections)
    })
    .await;
}

#[tokio::test]
async fn refused_requests_are_counted_on_both_ports() {
    let broker = Broker::alone(
        "access.allow = ['127.0.0.1']\nlimits = { max_body = '100B', body_timeout = '50ms', max_commands = 1 }",
    );
    let counters = broker.handle.counters();
    let posts: [(&str, Refused); 3] = [
        ("[", Refused::BadCommands),
        (
            r#"[{"type":"count"},{"type":"count"}]"#,
            Refused::BadCommands,
        ),
        (&"x".repeat(200), Refused::BodyTooLong),
    ];
    for (body, reason) in posts {
        let before = counters.refused(reason);
        assert!(broker.post(&[], body).await.status >= 400);
        assert!(broker.admin(&[], body).await.status >= 400);
        assert_eq!(counters.refused(reason), before + 2, "{reason:?}");
    }
    let of_a_page = [("Origin", "https://evil.example")];
    assert_eq!(broker.post(&of_a_page, "[]").await.status, 403);
    assert_eq!(broker.admin(&of_a_page, "[]").await.status, 403);
    assert_eq!(counters.refused(Refused::NotAllowed), 2);

    for (addr, path) in [
        (broker.addr(), "/"),
        (broker.admin_addr(), "/api/v1/commands"),
    ] {
        let mut raw = Raw::connect(addr).await;
        raw.write(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n["
        ))
        .await;
        assert_eq!(raw.answer().await.status, 408);
    }
    assert_eq!(counters.refused(Refused::BodyTimeout), 2);

    let long = "x".repeat(20_000);
    let heads = [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), Refused::BadRequest),
        (
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(),
            Refused::BadRequest,
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", &long[..9000]),
            Refused::UriTooLong,
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: x\r\nLong: {long}\r\n\r\n"),
            Refused::HeadTooLarge,
        ),
    ];
    for (head, reason) in heads {
        for addr in [broker.addr(), broker.admin_addr()] {
            let before = counters.refused(reason);
            let mut raw = Raw::connect(addr).await;
            raw.write(&head).await;
            assert!(raw.answer().await.status >= 400);
            drop(raw);
            reaches(reason.name(), before + 1, || counters.refused(reason)).await;
        }
    }
}
