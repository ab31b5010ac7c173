//! Limits of number, size and time, each with its refusal.

use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw, masked};

use crate::broker::Broker;

#[tokio::test]
async fn connections_beyond_the_limit_get_503_until_one_has_gone() {
    let broker = Broker::alone("listen.shards = 2\nlimits.max_connections = 2");
    let _one = broker.client("").await;
    let mut two = broker.client("").await;
    let answer = Raw::connect(broker.addr()).await.answer().await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    two.close(None, "").await;
    while two.next().await != broker_testkit::client::Heard::Lost {}
    let another = async {
        loop {
            let stream = tokio::net::TcpStream::connect(broker.addr()).await.unwrap();
            if let Ok(client) = Client::over(stream, "/", &[]).await {
                return client;
            }
        }
    };
    let _three = broker_testkit::soon("a place", another).await;
}

#[tokio::test]
async fn places_come_back_however_a_connection_ends() {
    let broker = Broker::alone(
        "listen.shards = 1\nlimits.max_connections = 1\nlimits.close_timeout = '50ms'",
    );
    for round in 0..12 {
        let mut raw = loop {
            let mut raw = Raw::connect(broker.addr()).await;
            if raw.upgrade("/", &[]).await.status == 101 {
                break raw;
            }
        };
        match round % 6 {
            0 => drop(raw),
            1 => raw.write([0x83, 0x80, 0, 0, 0, 0]).await,
            2 => raw.write(masked(8, b"")).await,
            3 => {
                broker
                    .until("the session", |report| report.connections == 1)
                    .await;
                broker.execute(r#"{"type":"close"}"#).await;
            }
            4 => {
                drop(raw);
                raw = Raw::connect(broker.addr()).await;
                let _ = raw
                    .try_write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    .await;
                raw.rest().await;
            }
            _ => {
                drop(raw);
                raw = Raw::connect(broker.addr()).await;
                let _ = raw.try_write("nonsense\r\n\r\n").await;
                raw.rest().await;
            }
        }
    }
}

#[tokio::test]
async fn session_data_over_the_limit_is_refused_and_changes_nothing() {
    let broker = Broker::alone("limits.max_session = '256B'");
    let _client = broker.client("a=1").await;
    let long = "x".repeat(300);
    let list = format!(
        r#"[{{"type":"session","data":{{"a":"{long}"}}}},{{"type":"count","match":{{"a":1}}}}]"#
    );
    let receipts = broker.receipts(&list).await;
    assert_eq!(
        (&receipts[0]["ok"], &receipts[1]["matched"]),
        (&false.into(), &1.into())
    );
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_at_its_header() {
    let broker = Broker::alone("limits.max_message = '1KiB'");
    let mut raw = broker.raw_client().await;
    raw.write([0x81, 0x80 | 126, 0x04, 0x01, 0, 0, 0, 0]).await;
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1009u16.to_be_bytes()[..]));
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_is_closed() {
    let broker =
        Broker::alone("limits.first_byte_timeout = '50ms'\nlimits.handshake_timeout = '1h'");
    assert_eq!(Raw::connect(broker.addr()).await.rest().await, b"");
    assert_eq!(Raw::connect(broker.admin_addr()).await.rest().await, b"");
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let broker =
        Broker::alone("limits.first_byte_timeout = '1h'\nlimits.handshake_timeout = '200ms'");
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        raw.write("GET / HTTP/1.1\r\n").await;
        // Each byte is a sign of life, and none of them buys more time.
        let trickle = async {
            while raw.try_write("X").await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        broker_testkit::soon("the end", trickle).await;
    }
}

#[tokio::test]
async fn a_kept_connection_that_asks_for_nothing_more_is_closed() {
    let broker = Broker::alone("limits.handshake_timeout = '100ms'");
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        raw.request("GET", "/", &[], "").await;
        assert_eq!(raw.rest().await, b"");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_with_408() {
    let broker = Broker::alone("access.allow = ['127.0.0.1']\nlimits.body_timeout = '50ms'");
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
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let broker = Broker::alone("limits.max_header = '8KiB'");
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        let long = "x".repeat(9 * 1024);
        assert_eq!(
            raw.request("GET", "/", &[("X-Long", &long)], "")
                .await
                .status,
            431
        );
        let mut raw = Raw::connect(addr).await;
        let many: Vec<(&str, &str)> = (0..65).map(|_| ("X", "1")).collect();
        assert_eq!(raw.request("GET", "/", &many, "").await.status, 431);
    }
}

#[tokio::test]
async fn whoever_asks_again_and_again_and_reads_no_answer_is_closed() {
    let broker = Broker::alone("limits.write_timeout = '100ms'");
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        let requests = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
        while raw.try_write(&requests).await.is_ok() {}
    }
}

#[tokio::test]
async fn a_client_over_messages_per_second_is_closed_with_4101_and_others_are_heard() {
    let backend = Scripted::silent();
    let broker = Broker::start("limits.messages_per_second = 3", &backend);
    let mut other = broker.client("name=other").await;
    let mut flooding = broker.raw_client().await;
    // All at once, so that no second can begin in between.
    let flood: Vec<_> = (0..50)
        .map(|number| {
            masked(
                1,
                format!(r#"{{"type":"flood","number":{number}}}"#).as_bytes(),
            )
        })
        .collect();
    flooding.write(flood.concat()).await;
    assert_eq!(flooding.frame().await, too_many_messages());
    other.say(r#"{"type":"calm"}"#).await;
    backend.told_of("client-calm").await;
    backend.told_of("session-disconnect").await;
    let told = backend
        .told()
        .into_iter()
        .filter(|told| told.message.contains("flood\""));
    assert_eq!(
        told.count(),
        3,
        "what was within the limit is told, and nothing else"
    );
}

#[tokio::test]
async fn pings_and_echoed_messages_count_as_messages() {
    let broker = Broker::alone(
        "limits.messages_per_second = 3\nendpoint = [{ path = '*', dialect = 'echo' }]",
    );
    let mut raw = broker.raw_client().await;
    let said = [masked(9, b""), masked(1, b"again")].concat();
    raw.write(said.repeat(3)).await;
    let pong = (0x8A, Vec::new());
    assert_eq!(raw.frame().await, pong);
    assert_eq!(raw.frame().await, (0x81, b"again".to_vec()));
    assert_eq!(raw.frame().await, pong);
    assert_eq!(raw.frame().await, too_many_messages());
}

/// The close frame for a client that has said more than it may.
fn too_many_messages() -> (u8, Vec<u8>) {
    let code = 4101_u16.to_be_bytes();
    (0x88, [&code[..], b"too many messages"].concat())
}
