//! Connections that do not come about.

use broker_client::{Client, ConnectError, ID_BYTES_MAX, Limits};
use broker_testkit::soon;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::broker::Broker;
use crate::registered;

async fn refused(id: &str, url: &str) -> ConnectError {
    let connecting = Client::connect(id, url);
    soon("an answer", connecting).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn another_path_than_the_servers_is_refused_with_its_status() {
    let broker = Broker::start();
    let error = refused("a", &broker.url().replace("foo", "bar")).await;
    assert!(
        matches!(error, ConnectError::Refused { status: 404 }),
        "{error}"
    );
    // The query is of no concern to the protocol.
    registered("a", &format!("{}?x=1", broker.url())).await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = refused("a", &url).await;
    assert!(matches!(error, ConnectError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn who_does_not_speak_websocket_is_told() {
    let (near, mut far) = tokio::io::duplex(1024);
    far.write_all(b"220 mail.example ESMTP\r\n\r\n")
        .await
        .unwrap();
    let connecting = Client::connect_over(near, "a", "ws://peer", Limits::default());
    let error = soon("an answer", connecting).await.unwrap_err();
    assert!(matches!(error, ConnectError::Handshake(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let limits = Limits::default();
    let (near, _far) = tokio::io::duplex(1024);
    let connecting = Client::connect_over(near, "a", "ws://peer", limits);
    let error = soon("an answer", connecting).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server has not admitted the client within 10000 ms"
    );
}

#[tokio::test]
async fn an_empty_id_is_refused() {
    let broker = Broker::start();
    let error = refused("", broker.url()).await;
    assert!(matches!(error, ConnectError::EmptyId), "{error}");
    let (client, _) = registered("a", broker.url()).await;
    assert!(client.register("").await.is_err());
}

#[tokio::test]
async fn an_id_that_is_too_long_is_refused() {
    let broker = Broker::start();
    let error = refused(&"x".repeat(ID_BYTES_MAX + 1), broker.url()).await;
    assert!(matches!(error, ConnectError::LongId), "{error}");
}
