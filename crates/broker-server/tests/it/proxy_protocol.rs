//! The PROXY protocol on the public listener.

use broker_server::{Identity, Listener, Server};
use broker_testkit::authority::{Authority, Offer};
use broker_testkit::client::Raw;
use broker_testkit::http2::Http2;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::broker::{Broker, Directory, config};

const TRUSTING: &str = "listen.proxy_protocol = true\naccess.trusted_proxies = ['127.0.0.1']\n";

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n";

const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x50";

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The address of a client whose connection begins with this header.
async fn ip_behind(header: &[u8], headers: &[(&str, &str)]) -> String {
    let broker = Broker::alone(TRUSTING);
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write(header).await;
    assert_eq!(raw.upgrade("/", headers).await.status, 101);
    ip_of_the_one(&broker).await
}

async fn ip_of_the_one(broker: &Broker) -> String {
    broker
        .until("the session", |report| report.connections == 1)
        .await;
    let list = broker.receipts(r#"{"type":"list","fields":["ip"]}"#).await;
    let ip = &list[0]["connections"][0]["ip"];
    ip.as_str().expect("every session has one").to_owned()
}

#[tokio::test]
async fn the_address_in_the_header_is_the_clients() {
    assert_eq!(ip_behind(V1, &[]).await, "192.0.2.7");
    assert_eq!(ip_behind(V2, &[]).await, "192.0.2.7");
}

#[tokio::test]
async fn a_client_that_is_named_forges_no_address_by_http_headers() {
    let forged = [("X-Forwarded-For", "6.6.6.6")];
    assert_eq!(ip_behind(V2, &forged).await, "192.0.2.7");
    assert_eq!(ip_behind(LOCAL, &forged).await, "127.0.0.1");
}

#[tokio::test]
async fn a_header_that_names_nobody_leaves_the_peers_own_address() {
    assert_eq!(ip_behind(LOCAL, &[]).await, "127.0.0.1");
    assert_eq!(ip_behind(b"PROXY UNKNOWN\r\n", &[]).await, "127.0.0.1");
}

#[tokio::test]
async fn http2_may_follow_the_header_and_every_websocket_of_it_is_the_clients() {
    let broker = Broker::alone(TRUSTING);
    for header in [V1, V2] {
        let mut socket = TcpStream::connect(broker.addr()).await.unwrap();
        socket.write_all(header).await.unwrap();
        let mut http2 = Http2::over(socket).await;
        let forged = [("x-forwarded-for", "6.6.6.6")];
        let both = [
            http2.client("/", &[]).await,
            http2.client("/", &forged).await,
        ];
        broker
            .until("the sessions", |report| report.connections == 2)
            .await;
        let list = broker.receipts(r#"{"type":"list","fields":["ip"]}"#).await;
        for one in 0..2 {
            assert_eq!(list[0]["connections"][one]["ip"], "192.0.2.7");
        }
        drop((both, http2));
        broker
            .until("nobody", |report| report.connections == 0)
            .await;
    }
}

#[tokio::test]
async fn a_tls_handshake_may_follow_the_header() {
    let authority = Authority::new();
    let issued = authority.issue();
    let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes());
    let server = Server::from_config(config(TRUSTING)).with_identity(identity.unwrap());
    let broker = Broker {
        handle: server.start().unwrap(),
    };
    let mut socket = TcpStream::connect(broker.addr()).await.unwrap();
    socket.write_all(V2).await.unwrap();
    let offer = Offer {
        is_old: false,
        protocols: &["http/1.1"],
    };
    let mut raw = Raw::over(authority.over(socket, offer).await.unwrap());
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    assert_eq!(ip_of_the_one(&broker).await, "192.0.2.7");
}

#[tokio::test]
async fn without_a_header_nobody_comes_in() {
    let broker = Broker::alone(TRUSTING);
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(raw.rest().await, b"");
}

#[tokio::test]
async fn a_stranger_is_refused_whatever_its_header_says() {
    let broker =
        Broker::alone("listen.proxy_protocol = true\naccess.trusted_proxies = ['192.0.2.0/24']\n");
    for header in [V1, V2, LOCAL] {
        let mut raw = Raw::connect(broker.addr()).await;
        // The broker may have closed already.
        let _ = raw.try_write(header).await;
        let _ = raw.try_write("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(raw.rest().await, b"");
    }
}

#[tokio::test]
async fn a_header_that_does_not_come_or_trickles_is_cut_off() {
    let trusting = format!("{TRUSTING}limits.first_byte_timeout = '100ms'");
    let broker = Broker::alone(&trusting);
    assert_eq!(Raw::connect(broker.addr()).await.rest().await, b"");
    let mut raw = Raw::connect(broker.addr()).await;
    raw.write("PROXY UNKNOWN ").await;
    let trickle = async {
        while raw.try_write("x").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    broker_testkit::soon("the end", trickle).await;
}

#[tokio::test]
async fn unless_it_is_asked_for_a_header_is_a_bad_request() {
    let broker = Broker::alone("access.trusted_proxies = ['127.0.0.1']");
    for header in [V1, V2] {
        let mut raw = Raw::connect(broker.addr()).await;
        raw.write([header, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"].concat())
            .await;
        assert_eq!(raw.answer().await.status, 400);
    }
}

#[tokio::test]
async fn a_command_through_such_a_proxy_needs_a_token() {
    let text = format!("{TRUSTING}access.allow = ['0.0.0.0/0']\naccess.tokens = ['secret']");
    let broker = Broker::alone(&text);
    for header in [V1, LOCAL] {
        for (headers, status) in [
            (&[][..], 403),
            (&[("Authorization", "Bearer secret")][..], 200),
        ] {
            let mut raw = Raw::connect(broker.addr()).await;
            raw.write(header).await;
            let answer = raw
                .request("POST", "/", headers, r#"{"type":"count"}"#)
                .await;
            assert_eq!(answer.status, status);
        }
    }
}

#[tokio::test]
async fn a_peer_on_a_unix_socket_is_trusted_to_name_its_client() {
    let directory = Directory::new();
    let path = directory.file("public");
    let listener = Listener::unix(&path).expect("the path is free");
    let server = Server::from_config(config("listen.proxy_protocol = true"));
    let handle = server.with_public_listener(listener).start();
    let broker = Broker {
        handle: handle.expect("it starts"),
    };
    let mut raw = Raw::connect_unix(&path).await;
    raw.write(V2).await;
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    assert_eq!(ip_of_the_one(&broker).await, "192.0.2.7");
    broker.handle.shutdown().await;
}

#[tokio::test]
async fn the_client_that_is_named_is_counted() {
    let broker = Broker::alone(&format!("{TRUSTING}limits.max_connections_per_ip = 1"));
    let mut clients = Vec::new();
    for (header, status) in [
        (V1, 101),
        (V2, 503),
        (b"PROXY TCP4 192.0.2.8 192.0.2.1 1 1\r\n", 101),
    ] {
        let mut raw = Raw::connect(broker.addr()).await;
        raw.write(header).await;
        assert_eq!(raw.upgrade("/", &[]).await.status, status);
        clients.push(raw);
    }
}
