//! `backend.connect = "wait"`: the application decides on handshakes before they are answered.

mod away;
mod leaving;

use broker_server::backend::{Greeting, Page};
use broker_server::core::Failure;
use broker_server::{Counters, Rejected};
use broker_testkit::backend::{Reply, Scripted, Told};
use broker_testkit::client::{Answer, Client, Raw, masked};
use broker_testkit::http2::{Http2, connect};
use http::HeaderValue;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::broker::{Broker, HANDSHAKE};

const WAIT: &str = "backend.connect = 'wait'\n";

/// By which version of HTTP a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Http {
    One,
    Two,
}

/// What whoever gets no WebSocket is answered.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    retry_after: Option<String>,
    content_type: Option<String>,
    body: String,
}

/// A handshake that is under way over HTTP/1.1, on a connection that is kept.
fn knock(broker: &Broker, cookies: &'static str) -> JoinHandle<(Answer, Raw)> {
    let addr = broker.addr();
    tokio::spawn(async move {
        let mut raw = Raw::connect(addr).await;
        (raw.upgrade("/", &[("cookie", cookies)]).await, raw)
    })
}

async fn refused(broker: &Broker, http: Http) -> Refusal {
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    match http {
        Http::One => {
            let answer = Raw::connect(broker.addr()).await.upgrade("/", &[]).await;
            Refusal {
                status: answer.status,
                retry_after: answer.header("retry-after").map(str::to_owned),
                content_type: answer.header("content-type").map(str::to_owned),
                body: answer.body,
            }
        }
        Http::Two => {
            let mut http2 = http2(broker).await;
            let answer = http2.request(connect("/", &[]), "").await.unwrap();
            Refusal {
                status: answer.status.as_u16(),
                retry_after: answer.headers.get("retry-after").map(text),
                content_type: answer.headers.get("content-type").map(text),
                body: answer.body,
            }
        }
    }
}

async fn http2(broker: &Broker) -> Http2 {
    Http2::over(TcpStream::connect(broker.addr()).await.unwrap()).await
}

/// An application that says this to whoever connects, and has nothing to say to anything else.
fn saying(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |told| {
        if is_connect(told) {
            reply()
        } else {
            Reply::Commands(String::new())
        }
    })
}

fn is_connect(told: &Told) -> bool {
    told.message.contains("session-connect")
}

async fn nobody_is_left(broker: &Broker) {
    broker
        .until("nothing is left", |report| report.sessions == 0)
        .await;
}

/// How many handshakes the application refused, and how many it did not decide on.
fn rejected(counters: &Counters) -> (u64, u64) {
    (
        counters.rejected(Rejected::Backend),
        counters.rejected(Rejected::BackendAway),
    )
}

#[tokio::test]
async fn a_handshake_is_answered_when_the_application_has_said_yes() {
    let backend = Scripted::silent();
    let broker = Broker::start(WAIT, &backend);
    backend.slow_down();
    let one = knock(&broker, "");
    let mut connection = http2(&broker).await;
    let two = tokio::spawn(async move {
        let stream = connection.stream(connect("/", &[])).await;
        (stream.unwrap(), connection)
    });
    backend
        .told_until("both", |told| {
            told.iter().filter(|it| is_connect(it)).count() == 2
        })
        .await;
    for _ in 0..20 {
        let report = broker.handle.report().await;
        assert_eq!((report.connections, report.sessions), (0, 2));
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert!(!one.is_finished() && !two.is_finished());
    backend.wake();
    let (answer, _raw) = one.await.unwrap();
    assert_eq!(answer.status, 101);
    let _two = two.await.unwrap();
    broker
        .until("both are in", |report| report.connections == 2)
        .await;
}

#[tokio::test]
async fn what_the_answer_says_is_done_before_the_client_is_in() {
    let list = r#"[{"type":"session","data":{"name":"ann"}},{"type":"send","text":"welcome"}]"#;
    let backend = saying(move || Reply::Commands(list.to_owned()));
    let broker = Broker::start(WAIT, &backend);
    let mut raw = Raw::connect(broker.addr()).await;
    assert_eq!(raw.upgrade("/", &[]).await.status, 101);
    let receipts = broker
        .receipts(r#"{"type":"list","fields":["name"]}"#)
        .await;
    assert_eq!(receipts[0]["connections"], json!([{"name": "ann"}]));
    assert_eq!(raw.frame().await, (0x81, b"welcome".to_vec()));
    let mut client = http2(&broker).await.client("/", &[]).await;
    assert_eq!(client.text().await, "welcome");
}

#[tokio::test]
async fn commands_for_others_in_the_answer_are_done_in_their_order_on_all_shards() {
    let backend = saying(|| {
        let list = r#"[{"type":"session","data":{"room":"a"}},
            {"type":"send","match":{"room":"a"},"text":"one more"},{"type":"send","text":"welcome"}]"#;
        Reply::Commands(list.to_owned())
    });
    let broker = Broker::start(&format!("{WAIT}listen.shards = 3"), &backend);
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..7 {
        let mut client = Client::connect(broker.addr(), "/").await;
        for before in &mut clients {
            assert_eq!(before.text().await, "one more");
        }
        assert_eq!(client.texts(2).await, ["one more", "welcome"]);
        clients.push(client);
    }
}

/// What the answer to a handshake says that offers these subprotocols: the one that is spoken, and cookies.
async fn greeted(broker: &Broker, http: Http, offers: &str) -> (Option<String>, Vec<String>) {
    let headers = [("sec-websocket-protocol", offers)];
    let headers = if offers.is_empty() { &[] } else { &headers[..] };
    match http {
        Http::One => {
            let answer = Raw::connect(broker.addr())
                .await
                .upgrade("/", headers)
                .await;
            let cookies = answer
                .head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            let cookies = cookies.map(|(_, value)| value.to_owned()).collect();
            let spoken = answer.header("sec-websocket-protocol");
            (spoken.map(str::to_owned), cookies)
        }
        Http::Two => {
            let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
            let mut http2 = http2(broker).await;
            let stream = http2.stream(connect("/", headers)).await.unwrap();
            let cookies = stream.headers.get_all("set-cookie").iter().map(text);
            let spoken = stream.headers.get("sec-websocket-protocol");
            (spoken.map(text), cookies.collect())
        }
    }
}

#[tokio::test]
async fn the_application_chooses_a_subprotocol_among_those_that_are_offered_and_sets_cookies() {
    let cookies = ["a=1; Path=/", "b=2"];
    let backend = saying(move || {
        let greeting = Greeting {
            subprotocol: Some(HeaderValue::from_static("chat.v2")),
            cookies: cookies.map(HeaderValue::from_static).to_vec(),
        };
        Reply::Greeting(String::new(), greeting)
    });
    let broker = Broker::start(WAIT, &backend);
    for http in [Http::One, Http::Two] {
        for (offers, spoken) in [
            ("chat.v1, chat.v2", Some("chat.v2")),
            // What the client does not offer it is not told of.
            ("chat.v1", Some("chat.v1")),
            ("", None),
        ] {
            let (said, set) = greeted(&broker, http, offers).await;
            assert_eq!(said.as_deref(), spoken, "{http:?} {offers:?}");
            assert_eq!(set, cookies, "{http:?}");
        }
    }
}

#[tokio::test]
async fn whom_the_application_refuses_is_told_so_in_its_words() {
    for http in [Http::One, Http::Two] {
        for status in [400, 401, 403, 404, 429] {
            let failure = Failure::Status {
                code: status,
                retry_after: None,
            };
            let page = Page {
                content_type: Some(HeaderValue::from_static("application/problem+json")),
                body: r#"{"title":"log in first"}"#.into(),
            };
            let backend = saying(move || Reply::Refusal(failure.clone(), page.clone()));
            let broker = Broker::start(WAIT, &backend);
            let expected = Refusal {
                status,
                retry_after: None,
                content_type: Some("application/problem+json".to_owned()),
                body: r#"{"title":"log in first"}"#.to_owned(),
            };
            assert_eq!(refused(&broker, http).await, expected);
            nobody_is_left(&broker).await;
            assert_eq!(backend.told().len(), 1, "asked once, and of nothing else");
            assert_eq!(rejected(broker.handle.counters()), (1, 0));
        }
    }
}

#[tokio::test]
async fn a_refusal_without_a_body_gets_a_line_of_ours() {
    let backend = saying(|| {
        Reply::Failure(Failure::Status {
            code: 403,
            retry_after: None,
        })
    });
    let broker = Broker::start(WAIT, &backend);
    let refusal = refused(&broker, Http::One).await;
    assert_eq!(
        (refusal.status, &*refusal.body),
        (403, "the backend does not let it in\n")
    );
}

#[tokio::test]
async fn an_answer_that_closes_refuses_the_handshake_with_403() {
    let list = r#"[{"type":"send","text":"no"},{"type":"close","code":4000}]"#;
    for http in [Http::One, Http::Two] {
        let backend = saying(move || Reply::Commands(list.to_owned()));
        let broker = Broker::start(WAIT, &backend);
        assert_eq!(refused(&broker, http).await.status, 403);
        nobody_is_left(&broker).await;
        assert_eq!(backend.told().len(), 1, "nobody came, so nobody left");
        assert_eq!(rejected(broker.handle.counters()), (1, 0));
    }
}

#[tokio::test]
async fn whatever_is_no_answer_is_503_and_the_handshake_is_not_asked_about_again() {
    let status = |code, seconds: Option<u64>| Failure::Status {
        code,
        retry_after: seconds.map(std::time::Duration::from_secs),
    };
    let second = std::time::Duration::from_secs(1);
    let cases = [
        (Reply::Failure(status(500, None)), "5", false),
        (Reply::Failure(status(503, Some(7))), "7", false),
        (Reply::Failure(status(302, None)), "5", false),
        (
            Reply::Failure(Failure::BadAnswer("HTML".into())),
            "5",
            false,
        ),
        (
            Reply::Failure(Failure::Unreachable("refused".into())),
            "5",
            false,
        ),
        (Reply::Panic, "5", false),
        // These may have arrived, so the application is told that the client is gone.
        (Reply::Failure(Failure::TimedOut(second)), "5", true),
        (
            Reply::Failure(Failure::Interrupted("reset".into())),
            "5",
            true,
        ),
    ];
    for (reply, retry_after, is_doubtful) in cases {
        let shown = format!("{reply:?}");
        let backend = saying(move || reply.clone());
        let broker = Broker::start(WAIT, &backend);
        let refusal = refused(&broker, Http::One).await;
        assert_eq!(
            (refusal.status, refusal.retry_after.as_deref()),
            (503, Some(retry_after)),
            "{shown}"
        );
        nobody_is_left(&broker).await;
        assert_eq!(rejected(broker.handle.counters()), (0, 1), "{shown}");
        let told = backend.told();
        assert_eq!(told.len(), 1 + usize::from(is_doubtful), "{shown}");
        if let Some(last) = told.get(1) {
            assert!(last.message.contains(r#""code":1006"#), "{last:?}");
        }
    }
}

#[tokio::test]
async fn whoever_is_refused_may_ask_again_on_the_same_connection() {
    let backend = Scripted::new(|told| {
        if told.connection.contains("known") {
            return Reply::Commands(String::new());
        }
        Reply::Failure(Failure::Status {
            code: 401,
            retry_after: None,
        })
    });
    let broker = Broker::start(&format!("{WAIT}limits.max_connections = 1"), &backend);
    let mut raw = Raw::connect(broker.addr()).await;
    assert_eq!(raw.upgrade("/", &[]).await.status, 401);
    let cookie = [("cookie", "name=known")];
    assert_eq!(raw.upgrade("/", &cookie).await.status, 101);
    broker
        .until("it is in", |report| report.connections == 1)
        .await;
}

#[tokio::test]
async fn while_it_waits_nobody_reaches_or_sees_a_client() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("{WAIT}listen.shards = 2"), &backend);
    let mut ann = broker.client("name=ann").await;
    backend.slow_down();
    let bob = knock(&broker, "name=bob");
    backend
        .told_until("bob", |told| {
            told.iter().any(|told| told.connection.contains("bob"))
        })
        .await;
    let list = r#"[{"type":"list","fields":["name"]},{"type":"count"},{"type":"send","text":"too early"},
        {"type":"session","match":{"name":"bob"},"data":{"seen":1}},{"type":"close","match":{"name":"bob"}}]"#;
    let receipts = broker.receipts(list).await;
    assert_eq!(receipts[0]["connections"], json!([{"name": "ann"}]));
    let matched: Vec<_> = (1..5).map(|place| &receipts[place]["matched"]).collect();
    assert_eq!(matched, [1, 1, 0, 0]);
    assert_eq!(ann.text().await, "too early");
    backend.wake();
    let (answer, mut bob) = bob.await.unwrap();
    assert_eq!(answer.status, 101);
    broker.receipts(r#"{"type":"send","text":"hello"}"#).await;
    assert_eq!(bob.frame().await, (0x81, b"hello".to_vec()));
    assert_eq!(ann.text().await, "hello");
}

#[tokio::test]
async fn what_a_client_says_behind_its_handshake_is_told_after_the_connect() {
    let backend = Scripted::silent();
    let broker = Broker::start(WAIT, &backend);
    backend.slow_down();
    let mut raw = Raw::connect(broker.addr()).await;
    let said = [masked(1, b"1"), masked(1, b"2")].concat();
    raw.write([HANDSHAKE.as_bytes(), &said].concat()).await;
    backend.told_of("session-connect").await;
    raw.write(masked(1, b"3")).await;
    backend.wake();
    assert_eq!(raw.answer().await.status, 101);
    let told = backend
        .told_until("all of it", |told| told.len() == 4)
        .await;
    let messages: Vec<_> = told.iter().map(|told| &*told.message).collect();
    assert_eq!(messages[1..], ["1", "2", "3"]);
}

#[tokio::test]
async fn no_time_for_a_request_runs_out_while_the_application_decides() {
    let backend = Scripted::silent();
    let limits = "limits = { first_byte_timeout = '500ms', handshake_timeout = '500ms', write_timeout = '500ms' }";
    let broker = Broker::start(&format!("{WAIT}{limits}"), &backend);
    backend.slow_down();
    let one = knock(&broker, "");
    let mut connection = http2(&broker).await;
    let two = tokio::spawn(async move {
        let stream = connection.stream(connect("/", &[])).await;
        (stream.unwrap(), connection)
    });
    broker
        .until("both wait", |report| report.events_held == 2)
        .await;
    // Longer than any of the limits.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    backend.wake();
    assert_eq!(one.await.unwrap().0.status, 101);
    two.await.unwrap();
}

#[tokio::test]
async fn an_echo_endpoint_does_not_wait() {
    let backend = Scripted::silent();
    let text = format!("{WAIT}endpoint = [{{ path = '/echo', dialect = 'echo' }}]");
    let broker = Broker::start(&text, &backend);
    backend.slow_down();
    let mut client = Client::connect(broker.addr(), "/echo").await;
    client.say("there?").await;
    assert_eq!(client.text().await, "there?");
    assert_eq!(backend.told(), []);
}
