use broker_server::core::Criteria;
use broker_server::embed::is_upgrade;
use broker_testkit::backend::{Reply, Scripted, commands};
use broker_testkit::client::{Client, Heard, Raw, masked};
use broker_testkit::soon;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_client_that_is_handed_over_is_one_of_the_brokers_own() {
    let backend = Scripted::silent();
    let broker = broker("listen.shards = 2", &backend);
    assert_eq!(broker.handle.local_addr(), None);
    let app = Application::adopting(&broker, json!({})).await;
    let mut client = Client::connect(app.addr, "/chat?a=1").await;
    client.say(r#"{"type":"hello"}"#).await;
    backend.told_of("client-hello").await;
    broker.execute(r#"{"type":"send","text":"good day"}"#).await;
    assert_eq!(client.text().await, "good day");
    client.close(Some(3000), "enough").await;
    let told = backend.told_of("session-disconnect").await;
    assert!(told.message.contains("3000"), "{}", told.message);
    until_connected(&broker, 0).await;
}

#[tokio::test]
async fn what_the_application_knows_is_merged_over_the_cookies_but_ip_and_wskey_are_the_brokers() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let known = json!({"user": {"id": 5}, "room": "attic", "ip": "1.2.3.4", "wskey": "mine"});
    let app = Application::adopting(&broker, known).await;
    let cookies = [("cookie", "room=cellar; colour=red")];
    let _client = Client::connect_with(app.addr, "/", &cookies).await;
    let told = backend.told_of("session-connect").await;
    let info = json(&told.connection);
    let expected = json!({
        "room": "attic", "colour": "red", "user": {"id": 5},
        "ip": "127.0.0.1", "wskey": told.session.to_string(),
    });
    assert_eq!(info, expected);
    until_connected(&broker, 1).await;
    let connections = broker.handle.connections(Criteria::EVERYONE).await.unwrap();
    let infos: Vec<Value> = connections.iter().map(|text| json(text)).collect();
    assert_eq!(infos, [expected]);
}

#[tokio::test]
async fn a_unix_socket_is_handed_over_too() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let handle = broker.handle.clone();
    let served = tokio::spawn(serve(theirs, move |mut request| {
        let broker = handle.clone();
        request.extensions_mut().insert(Peer::Unix);
        async move { broker.adopt(request, SessionInfo::default()).await }
    }));
    let mut client = Client::over(ours, "/", &[]).await.unwrap();
    soon("the server to let go", served).await.unwrap();
    client.say(r#"{"type":"hello"}"#).await;
    let told = backend.told_of("client-hello").await;
    assert_eq!(json(&told.connection)["ip"], "unix");
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_are_not_missed() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let app = Application::adopting(&broker, json!({})).await;
    let mut raw = Raw::connect(app.addr).await;
    let handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut packet = handshake.as_bytes().to_vec();
    packet.extend(masked(0x1, b"early"));
    packet.extend(masked(0x9, b"there?"));
    raw.write(packet).await;
    assert_eq!(raw.answer().await.status, 101);
    assert_eq!(raw.frame().await, (0x8a, b"there?".to_vec()));
    backend.told_of("early").await;
}

#[tokio::test]
async fn the_application_adds_headers_to_the_101() {
    let broker = broker("", &Scripted::silent());
    let handle = broker.handle.clone();
    let app = Application::start(move |request| {
        let broker = handle.clone();
        async move {
            assert!(is_upgrade(&request));
            let mut response = broker.adopt(request, SessionInfo::default()).await;
            let cookie = http::HeaderValue::from_static("seen=1");
            response.headers_mut().append("set-cookie", cookie);
            response
        }
    })
    .await;
    let mut raw = Raw::connect(app.addr).await;
    let offer = [("sec-websocket-protocol", "chat, other")];
    let answer = raw.upgrade("/", &offer).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("set-cookie"), Some("seen=1"));
    assert_eq!(answer.header("sec-websocket-protocol"), Some("chat"));
}

#[tokio::test]
async fn with_wait_the_backend_decides_before_the_application_has_a_response() {
    let backend = Scripted::new(|told| match told.connection.contains("stranger") {
        true => Reply::Commands(r#"{"type":"close"}"#.to_owned()),
        false => Reply::Commands(r#"{"type":"send","text":"welcome"}"#.to_owned()),
    });
    let broker = broker("backend.connect = 'wait'", &backend);
    let app = Application::adopting(&broker, json!({})).await;
    let mut client = Client::connect(app.addr, "/").await;
    assert_eq!(client.text().await, "welcome");
    let stranger = [("cookie", "name=stranger")];
    let answer = Raw::connect(app.addr).await.upgrade("/", &stranger).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn brokers_in_one_process_know_nothing_of_each_other() {
    let (here, there) = (Scripted::silent(), Scripted::silent());
    let (one, two) = (broker("", &here), broker("", &there));
    let (app_one, app_two) = (
        Application::adopting(&one, json!({"of": 1})).await,
        Application::adopting(&two, json!({"of": 2})).await,
    );
    let mut first = Client::connect(app_one.addr, "/").await;
    let mut second = Client::connect(app_two.addr, "/").await;
    until_connected(&one, 1).await;
    until_connected(&two, 1).await;
    one.execute(r#"{"type":"send","text":"from one"}"#).await;
    two.execute(r#"{"type":"send","text":"from two"}"#).await;
    assert_eq!(first.text().await, "from one");
    assert_eq!(second.text().await, "from two");
    one.handle.shutdown().await;
    assert_eq!(first.closed().await, 1001);
    two.execute(r#"{"type":"send","text":"still here"}"#).await;
    assert_eq!(second.text().await, "still here");
    assert!(
        here.told()
            .iter()
            .all(|told| !told.connection.contains("\"of\":2"))
    );
    assert!(
        there
            .told()
            .iter()
            .all(|told| !told.connection.contains("\"of\":1"))
    );
}

#[tokio::test]
async fn an_ending_broker_closes_those_that_were_handed_over() {
    let backend = Scripted::silent();
    let broker = broker("", &backend);
    let app = Application::adopting(&broker, json!({})).await;
    let mut client = Client::connect(app.addr, "/").await;
    until_connected(&broker, 1).await;
    let handle = broker.handle.clone();
    let drain = tokio::spawn(async move { handle.drain().await });
    assert_eq!(client.closed().await, 1012);
    soon("the drain", drain).await.unwrap();
    let late = Raw::connect(app.addr).await.upgrade("/", &[]).await;
    assert_eq!((late.status, late.header("retry-after")), (503, Some("5")));
    let list = broker.handle.execute(commands(r#"{"type":"count"}"#)).await;
    assert!(list.is_err());
    let all = broker.handle.connections(Criteria::EVERYONE).await;
    assert!(all.is_err());
}

/// Which of the servers that exist an application uses.
#[derive(Clone, Copy, Debug)]
enum HttpServer {
    Http1,
    Auto,
}

/// Serves one client on a runtime of its own, which ends as soon as it is told to.
fn serve_elsewhere(broker: &Broker, server: HttpServer) -> (SocketAddr, oneshot::Sender<()>) {
    let (end, ended) = oneshot::channel::<()>();
    let (told, addr) = std::sync::mpsc::channel();
    let broker = broker.handle.clone();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told.send(listener.local_addr().unwrap()).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let answer = move |request| {
                let broker = broker.clone();
                async move { broker.adopt(request, SessionInfo::default()).await }
            };
            match server {
                HttpServer::Http1 => serve(stream, answer).await,
                HttpServer::Auto => {
                    let service = service_fn(|request| {
                        let answered = answer(request);
                        async { Ok::<_, Infallible>(answered.await) }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    let stream = TokioIo::new(stream);
                    let served = server.serve_connection_with_upgrades(stream, service);
                    served.await.unwrap();
                }
            }
            let _ = ended.await;
        });
    });
    (addr.recv().unwrap(), end)
}

#[tokio::test]
async fn a_tcp_socket_moves_to_its_shard_and_outlives_the_runtime_that_it_came_from() {
    for server in [HttpServer::Http1, HttpServer::Auto] {
        let broker = broker(
            "endpoint = [{ path = '*', dialect = 'echo' }]",
            &Scripted::silent(),
        );
        let (addr, end) = serve_elsewhere(&broker, server);
        let mut client = Client::connect(addr, "/").await;
        until_connected(&broker, 1).await;
        end.send(()).unwrap();
        let gone = async { while tokio::net::TcpStream::connect(addr).await.is_ok() {} };
        soon("the runtime to end", gone).await;
        client.say("still there?").await;
        assert_eq!(
            client.next().await,
            Heard::Text("still there?".into()),
            "{server:?}"
        );
    }
}
