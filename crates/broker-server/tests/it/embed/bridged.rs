use broker_testkit::authority::{Authority, Offer};
use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw, masked};
use broker_testkit::http2::{Http2, connect, reset};
use broker_testkit::soon;
use hyper::server::conn::http2;
use hyper_util::rt::TokioExecutor;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::*;

const ECHO: &str = "endpoint = [{ path = '*', dialect = 'echo' }]\n";

/// How much a stream of the tests holds.
const STREAM_BYTES: usize = 8 * 1024;

fn answer(broker: &Broker) -> impl Fn(Request<Incoming>) -> Answered + Send + 'static {
    let broker = broker.handle.clone();
    move |request| {
        let broker = broker.clone();
        Box::pin(async move { broker.adopt(request, SessionInfo::default()).await })
    }
}

type Answered = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

/// An application's server on a stream that is no socket; it ends when it lets go of the stream.
fn serving(broker: &Broker) -> (DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
    (ours, tokio::spawn(serve(theirs, answer(broker))))
}

#[tokio::test]
async fn messages_of_any_length_pass_a_stream_that_is_no_socket() {
    let broker = broker(ECHO, &Scripted::silent());
    let (stream, served) = serving(&broker);
    let mut client = Client::over(stream, "/", &[]).await.unwrap();
    soon("the application's server to let go", served)
        .await
        .unwrap();
    for len in [0, 1, STREAM_BYTES, 100_000, 1_000_000] {
        let text = "x".repeat(len);
        client.say(&text).await;
        assert_eq!(client.text().await, text, "{len}");
    }
    client.close(Some(3001), "enough").await;
    assert_eq!(client.rest().await, (vec![], 3001, String::new()));
    until_connected(&broker, 0).await;
}

#[tokio::test]
async fn early_frames_pass_a_stream_that_is_no_socket() {
    let broker = broker(ECHO, &Scripted::silent());
    let (stream, _) = serving(&broker);
    let mut raw = Raw::over(stream);
    let handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut packet = handshake.as_bytes().to_vec();
    packet.extend(masked(0x1, b"early"));
    raw.write(packet).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.frame().await, (0x81, b"early".to_vec()));
}

#[tokio::test]
async fn a_client_that_vanishes_behind_a_bridge_leaves_nothing() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let (stream, _) = serving(&broker);
    let client = Client::over(stream, "/", &[]).await.unwrap();
    until_connected(&broker, 1).await;
    drop(client);
    let told = backend.told_of("session-disconnect").await;
    assert!(told.message.contains("1006"), "{}", told.message);
    broker
        .until("nothing is left", |report| report.sessions == 0)
        .await;
}

#[tokio::test]
async fn a_client_behind_a_bridge_that_never_reads_is_dropped_and_keeps_nothing() {
    let text = "limits.max_send_queue = '1KiB'\nlimits.close_timeout = '10ms'\n\
        limits.write_timeout = '10ms'";
    let broker = broker(text, &Scripted::silent());
    let (stream, _) = serving(&broker);
    let mut raw = Raw::over(stream);
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    until_connected(&broker, 1).await;
    let long = format!(r#"{{"type":"send","text":"{}"}}"#, "x".repeat(50_000));
    let flood = async {
        while broker.handle.report().await.connections > 0 {
            broker.execute(&*long).await;
        }
    };
    soon("the client to be dropped", flood).await;
    // What the stream holds comes, and then its end: nobody keeps it open.
    raw.rest().await;
}

#[tokio::test]
async fn tls_of_the_applications_own_is_bridged() {
    let authority = Authority::new();
    let acceptor = authority.issue().acceptor();
    let broker = broker(ECHO, &Scripted::silent());
    let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
    let answer = answer(&broker);
    tokio::spawn(async move {
        let stream = acceptor.accept(theirs).await.unwrap();
        serve(stream, answer).await;
    });
    let stream = authority.over(ours, Offer::default()).await.unwrap();
    let mut client = Client::over(stream, "/", &[]).await.unwrap();
    let text = "x".repeat(100_000);
    client.say(&text).await;
    assert_eq!(client.text().await, text);
    broker.handle.shutdown().await;
    assert_eq!(client.closed().await, 1001);
}

#[tokio::test]
async fn a_stream_of_http2_is_handed_over_as_an_extended_connect() {
    let broker = broker(ECHO, &Scripted::silent());
    let (ours, theirs) = tokio::io::duplex(STREAM_BYTES);
    let answer = answer(&broker);
    let service = service_fn(move |request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let mut server = http2::Builder::new(TokioExecutor::new());
    server.enable_connect_protocol();
    tokio::spawn(server.serve_connection(TokioIo::new(theirs), service));
    let mut http2 = Http2::over(ours).await;
    let mut one = http2.client("/", &[]).await;
    let two = http2.stream(connect("/", &[])).await.unwrap();
    until_connected(&broker, 2).await;
    let text = "x".repeat(100_000);
    one.say(&text).await;
    assert_eq!(one.text().await, text);
    reset(two);
    until_connected(&broker, 1).await;
    one.close(Some(3000), "").await;
    assert_eq!(one.closed().await, 3000);
    until_connected(&broker, 0).await;
    let other = connect("/", &[("sec-websocket-protocol", "not a token")]);
    assert_eq!(http2.stream(other).await.unwrap_err(), 400);
}
