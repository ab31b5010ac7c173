//! The public port with a certificate.

use std::time::Duration;

use broker_server::{Identity, Server};
use broker_testkit::authority::{Authority, Issued, Offer};
use broker_testkit::backend::{Reply, Scripted};
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;
use expect_test::expect;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use crate::broker::{Broker, Directory, config};

fn identity(issued: &Issued) -> Identity {
    Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap()
}

/// A broker whose public port speaks TLS, and the authority that its clients trust.
pub(crate) fn start(text: &str) -> (Broker, Authority) {
    let authority = Authority::new();
    let server = Server::from_config(config(text)).with_identity(identity(&authority.issue()));
    let handle = server.start().unwrap();
    (Broker { handle }, authority)
}

async fn client(broker: &Broker, authority: &Authority) -> Client {
    let before = broker.handle.report().await.connections;
    let stream = authority.connect(broker.addr()).await;
    let client = Client::over(stream, "/", &[]).await.unwrap();
    broker
        .until("the session", |report| report.connections == before + 1)
        .await;
    client
}

#[tokio::test]
async fn clients_are_served_over_either_version() {
    for is_old in [false, true] {
        let (broker, authority) = start("endpoint = [{ path = '*', dialect = 'echo' }]");
        let socket = TcpStream::connect(broker.addr()).await.unwrap();
        let offer = Offer {
            is_old,
            protocols: &["http/1.1"],
        };
        let stream = authority.over(socket, offer).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut client = Client::over(stream, "/", &[]).await.unwrap();
        for len in [1, 1000, 100_000, 1_000_000] {
            let text = "x".repeat(len);
            client.say(&text).await;
            assert!(client.text().await == text);
        }
        client.close(Some(1000), "").await;
        assert_eq!(client.closed().await, 1000);
    }
}

#[tokio::test]
async fn who_finds_no_place_is_told_by_an_alert_of_tls() {
    let (broker, authority) = start("limits.max_connections = 1");
    let _only = client(&broker, &authority).await;
    for is_old in [false, true] {
        let socket = TcpStream::connect(broker.addr()).await.unwrap();
        let offer = Offer {
            is_old,
            protocols: &["http/1.1"],
        };
        let error = authority.over(socket, offer).await.unwrap_err();
        expect!["received fatal alert: InternalError"].assert_eq(&error.to_string());
    }
}

#[tokio::test]
async fn frames_in_one_record_with_the_handshake_are_read() {
    let (broker, authority) = start("endpoint = [{ path = '*', dialect = 'echo' }]");
    let mut raw = Raw::over(authority.connect(broker.addr()).await);
    let mut request =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            .to_vec();
    request.extend(broker_testkit::client::masked(1, b"early"));
    raw.write(&request).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.frame().await, (0x81, b"early".to_vec()));
}

#[tokio::test]
async fn commands_are_taken_over_tls_on_the_public_port_and_without_on_the_admin_port() {
    let (broker, authority) = start("access.allow = ['127.0.0.1']");
    let mut raw = Raw::over(authority.connect(broker.addr()).await);
    for _ in 0..2 {
        let answer = raw.request("POST", "/", &[], r#"[{"type":"count"}]"#).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[0]"));
    }
    broker.receipts(r#"{"type":"count"}"#).await;
}

#[tokio::test]
async fn a_unix_socket_speaks_it_too() {
    let directory = Directory::new();
    let (broker, authority) = start(&format!("listen.public = '{}'", directory.unix("public")));
    let socket = UnixStream::connect(directory.file("public")).await.unwrap();
    let stream = authority.over(socket, Offer::default()).await.unwrap();
    let mut client = Client::over(stream, "/", &[]).await.unwrap();
    broker
        .until("the session", |report| report.connections == 1)
        .await;
    broker.execute(r#"{"type":"send","text":"there"}"#).await;
    assert_eq!(client.text().await, "there");
}

#[tokio::test]
async fn behind_a_header_of_the_proxy_protocol_the_hello_follows() {
    let text = "listen.proxy_protocol = true\naccess.trusted_proxies = ['127.0.0.1']";
    let (broker, authority) = start(text);
    let mut socket = TcpStream::connect(broker.addr()).await.unwrap();
    let header = b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 443\r\n";
    socket.write_all(header).await.unwrap();
    let stream = authority.over(socket, Offer::default()).await.unwrap();
    let _client = Client::over(stream, "/", &[]).await.unwrap();
    broker
        .until("the session", |report| report.connections == 1)
        .await;
    let receipts = broker.receipts(r#"{"type":"list","fields":["ip"]}"#).await;
    let info = receipts[0]["connections"].to_string();
    assert_eq!(info, r#"[{"ip":"192.0.2.7"}]"#);
}

#[tokio::test]
async fn the_application_is_told_whom_a_connection_belongs_to_and_how_it_ended() {
    let authority = Authority::new();
    let backend = Scripted::new(|_| Reply::Commands(r#"{"type":"send","text":"seen"}"#.to_owned()));
    let server = Server::new(config(""), std::sync::Arc::new(backend.clone()));
    let handle = server
        .with_identity(identity(&authority.issue()))
        .start()
        .unwrap();
    let broker = Broker { handle };
    let mut one = client(&broker, &authority).await;
    assert_eq!(one.text().await, "seen");
    one.close(Some(4000), "enough").await;
    let told = backend.told_of("session-disconnect").await;
    assert_eq!(
        told.message,
        r#"{"type":"session-disconnect","code":4000,"reason":"enough"}"#
    );
    let two = client(&broker, &authority).await;
    drop(two);
    broker
        .until("it has gone", |report| report.connections == 0)
        .await;
}

#[tokio::test]
async fn a_client_that_reads_late_gets_everything_in_order() {
    let (broker, authority) =
        start("listen.shards = 1\nlimits.max_send_queue = '64MiB'\nlimits.write_timeout = 0");
    let mut late = client(&broker, &authority).await;
    let mut prompt = client(&broker, &authority).await;
    let text = |number: usize| format!("{number} {}", "x".repeat(10_000 + number * 13));
    for number in 0..600 {
        let text = text(number);
        broker
            .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
            .await;
        assert!(prompt.text().await == text);
    }
    assert!(broker.handle.report().await.queued_bytes > 0, "it is late");
    for number in 0..600 {
        assert!(late.text().await == text(number));
    }
    broker
        .until("all is sent", |report| report.queued_bytes == 0)
        .await;
}

#[tokio::test]
async fn a_client_that_never_reads_meets_the_policy_for_slow_consumers() {
    let (broker, authority) = start("listen.shards = 1\nlimits.write_timeout = '100ms'");
    let _never = client(&broker, &authority).await;
    let text = "x".repeat(500_000);
    for _ in 0..20 {
        broker
            .execute(format!(r#"{{"type":"send","text":"{text}"}}"#))
            .await;
    }
    broker
        .until("it has gone", |report| {
            report.connections == 0 && report.queued_bytes == 0
        })
        .await;
}

#[tokio::test]
async fn a_drain_ends_with_a_close_frame_and_a_close_notify() {
    let (broker, authority) = start("");
    let mut raw = Raw::over(authority.connect(broker.addr()).await);
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    let (head, payload) = raw.frame().await;
    assert_eq!((head, &payload[..2]), (0x88, &1012u16.to_be_bytes()[..]));
    raw.write(broker_testkit::client::masked(8, &1012u16.to_be_bytes()))
        .await;
    assert_eq!(raw.rest().await, b"");
    soon("the end", drain).await.unwrap();
}

#[tokio::test]
async fn plain_http_to_the_tls_port_is_refused_with_a_reason() {
    let (broker, _) = start("");
    let mut raw = Raw::connect(broker.addr()).await;
    let answer = raw.request("GET", "/", &[], "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("speaks TLS"), "{}", answer.body);
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn a_tls_hello_to_a_plain_port_is_refused_with_a_reason() {
    let broker = Broker::alone("");
    let authority = Authority::new();
    let socket = TcpStream::connect(broker.addr()).await.unwrap();
    let error = authority.over(socket, Offer::default()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");

    let mut raw = Raw::connect(broker.addr()).await;
    raw.write([22, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("does not speak TLS"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_hello_that_trickles_in_is_cut_off() {
    let (broker, _) = start("limits.first_byte_timeout = '1h'\nlimits.handshake_timeout = '200ms'");
    let mut raw = Raw::connect(broker.addr()).await;
    // A record whose length leaves room for as many bytes as there may come.
    raw.write([22, 3, 1, 0x40, 0]).await;
    let trickle = async {
        while raw.try_write([1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end", trickle).await;
}

#[tokio::test]
async fn a_head_that_trickles_in_over_tls_is_cut_off() {
    let (broker, authority) =
        start("limits.first_byte_timeout = '1h'\nlimits.handshake_timeout = '2s'");
    let mut raw = Raw::over(authority.connect(broker.addr()).await);
    raw.write("GET / HTTP/1.1\r\n").await;
    let trickle = async {
        while raw.try_write("X").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end", trickle).await;
}

#[tokio::test]
async fn whoever_connects_and_says_no_hello_is_closed() {
    let (broker, _) = start("limits.first_byte_timeout = '50ms'\nlimits.handshake_timeout = '1h'");
    assert_eq!(Raw::connect(broker.addr()).await.rest().await, b"");
}

#[tokio::test]
async fn a_broken_hello_is_answered_by_an_alert() {
    let (broker, _) = start("");
    let mut raw = Raw::connect(broker.addr()).await;
    // A ClientHello of four bytes is none.
    raw.write([22, 3, 1, 0, 8, 1, 0, 0, 4, 1, 2, 3, 4]).await;
    let answer = raw.rest().await;
    assert_eq!(answer[0], 21, "an alert: {answer:?}");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_changes_nothing() {
    let directory = Directory::new();
    let (cert, key) = (directory.file("cert"), directory.file("key"));
    let authority = Authority::new();
    let install = |issued: &Issued| {
        std::fs::write(&cert, &issued.certificate).unwrap();
        std::fs::write(&key, &issued.key).unwrap();
    };
    let [first, second] = [authority.issue(), authority.issue()];
    install(&first);
    let broker = Broker::alone(&format!(
        "tls = {{ cert = '{}', key = '{}' }}",
        cert.display(),
        key.display()
    ));
    let served = || async {
        let stream = authority.connect(broker.addr()).await;
        let (_, tls) = stream.get_ref();
        tls.peer_certificates().unwrap()[0].clone()
    };
    let mut old = client(&broker, &authority).await;
    assert_eq!(served().await, first.der);

    install(&second);
    broker.handle.reload_certificate().unwrap();
    assert_eq!(served().await, second.der);

    // A key that does not belong to the certificate, as between the writing of two files.
    std::fs::write(&cert, &first.certificate).unwrap();
    let error = broker.handle.reload_certificate().unwrap_err().to_string();
    assert!(error.starts_with("`tls.key`: "), "{error}");
    std::fs::remove_file(&cert).unwrap();
    let error = broker.handle.reload_certificate().unwrap_err().to_string();
    assert!(error.starts_with("`tls.cert`: cannot read"), "{error}");
    assert_eq!(served().await, second.der);

    broker.handle.replace_identity(identity(&first)).unwrap();
    assert_eq!(served().await, first.der);
    broker
        .execute(r#"{"type":"send","text":"still here"}"#)
        .await;
    assert_eq!(old.text().await, "still here");
}

#[tokio::test]
async fn without_tls_there_is_no_certificate_to_replace() {
    let broker = Broker::alone("");
    assert!(broker.handle.reload_certificate().is_err());
    let issued = Authority::new().issue();
    assert!(broker.handle.replace_identity(identity(&issued)).is_err());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_the_broker_from_starting() {
    for text in [
        "tls.cert = '/nowhere/cert.pem'",
        "tls.key = '/nowhere/key.pem'",
        "tls = { cert = '/nowhere/cert.pem', key = '/nowhere/key.pem' }",
    ] {
        let error = Server::from_config(config(text)).start().unwrap_err();
        assert!(error.to_string().contains("`tls."), "{error}");
    }
}
