//! Clients that are gone, and brokers that end, while the application decides.

use broker_server::Closed;
use broker_testkit::soon;
use tokio::task::AbortHandle;

use super::*;

/// How a client that waits goes away.
#[derive(Clone, Copy, Debug)]
enum By {
    ClosingItsSocket,
    ResettingItsStream,
    LosingItsConnection,
}

const WAYS: [By; 3] = [
    By::ClosingItsSocket,
    By::ResettingItsStream,
    By::LosingItsConnection,
];

/// A connection of HTTP/2 that is lost with this.
struct Lost(AbortHandle);

impl Drop for Lost {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client asks to come in, and goes away by itself once this has happened.
async fn gives_up(broker: &Broker, by: By, until: impl Future) {
    let knock = async {
        match by {
            By::ClosingItsSocket => {
                Raw::connect(broker.addr()).await.upgrade("/", &[]).await;
            }
            By::ResettingItsStream => {
                let mut http2 = http2(broker).await;
                let _ = http2.try_stream(connect("/", &[])).await;
            }
            By::LosingItsConnection => {
                let mut http2 = http2(broker).await;
                let _lost = Lost(http2.connection.abort_handle());
                let _ = http2.try_stream(connect("/", &[])).await;
            }
        }
    };
    tokio::select! {
        () = knock => panic!("{by:?}: it was answered"),
        _ = until => {}
    }
}

#[tokio::test]
async fn a_client_that_is_gone_before_the_application_is_asked_was_never_there() {
    for by in WAYS {
        let backend = Scripted::silent();
        let text = format!("{WAIT}listen.shards = 1\nbackend.max_in_flight = 1");
        let broker = Broker::start(&text, &backend);
        backend.slow_down();
        let ann = knock(&broker, "name=ann");
        backend.told_of("session-connect").await;
        let in_line = broker.until("two who wait", |report| report.events_held == 2);
        gives_up(&broker, by, in_line).await;
        broker
            .until("one has gone", |report| {
                (report.sessions, report.events_held) == (1, 1)
            })
            .await;
        backend.wake();
        let (answer, _ann) = ann.await.unwrap();
        assert_eq!(answer.status, 101);
        broker.until("ann", |report| report.connections == 1).await;
        let _bob = broker.client("name=bob").await;
        backend
            .told_until("bob", |told| {
                told.iter().any(|it| it.connection.contains("bob"))
            })
            .await;
        assert_eq!(backend.told().len(), 2, "{by:?}: ann and bob");
    }
}

#[tokio::test]
async fn a_client_that_is_gone_when_the_application_says_yes_is_told_of_as_gone() {
    for by in WAYS {
        let backend = Scripted::silent();
        let broker = Broker::start(&format!("{WAIT}listen.shards = 2"), &backend);
        backend.slow_down();
        gives_up(&broker, by, backend.told_of("session-connect")).await;
        let held = broker.until("its end", |report| report.events_held == 2);
        assert_eq!(held.await.sessions, 1, "{by:?}");
        backend.wake();
        nobody_is_left(&broker).await;
        let told = backend.told();
        assert_eq!(told.len(), 2, "{by:?}: {told:?}");
        let left = r#"{"type":"session-disconnect","code":1006,"reason":""}"#;
        assert_eq!(told[1].message, left);
        assert_eq!(told[0].session, told[1].session);
    }
}

#[tokio::test]
async fn of_a_client_that_is_gone_when_the_application_says_no_nothing_more_is_told() {
    let refused = Failure::Status {
        code: 403,
        retry_after: None,
    };
    let timed_out = Failure::TimedOut(std::time::Duration::from_secs(1));
    for (failure, more) in [(refused, 0), (timed_out, 1)] {
        for by in WAYS {
            let failure = failure.clone();
            let backend = saying(move || Reply::Failure(failure.clone()));
            let broker = Broker::start(WAIT, &backend);
            backend.slow_down();
            gives_up(&broker, by, backend.told_of("session-connect")).await;
            broker
                .until("its end", |report| report.events_held == 2)
                .await;
            backend.wake();
            nobody_is_left(&broker).await;
            assert_eq!(backend.told().len(), 1 + more, "{by:?}");
        }
    }
}

#[tokio::test]
async fn places_of_clients_that_gave_up_come_back() {
    let backend = Scripted::silent();
    let text = format!("{WAIT}listen.shards = 1\nlimits.max_connections = 2");
    let broker = Broker::start(&text, &backend);
    for by in WAYS {
        backend.slow_down();
        let before = backend.told().len();
        let asked = backend.told_until("it is asked", |told| told.len() > before);
        gives_up(&broker, by, asked).await;
        backend.wake();
        nobody_is_left(&broker).await;
    }
    let both = async {
        let mut clients = Vec::new();
        while clients.len() < 2 {
            let (answer, raw) = knock(&broker, "").await.unwrap();
            if answer.status == 101 {
                clients.push(raw);
            }
        }
    };
    soon("both places", both).await;
}

#[tokio::test]
async fn a_drain_turns_away_who_waits_and_ends() {
    let backend = Scripted::silent();
    let text = format!("{WAIT}listen.shards = 1\ndrain.timeout = '50s'\nbackend.max_in_flight = 1");
    let broker = Broker::start(&text, &backend);
    backend.slow_down();
    let asked = knock(&broker, "");
    backend.told_of("session-connect").await;
    let in_line = knock(&broker, "");
    let mut connection = http2(&broker).await;
    let over_http2 = tokio::spawn(async move {
        let answer = connection.request(connect("/", &[]), "").await;
        (answer.unwrap().status, connection)
    });
    broker
        .until("all wait", |report| report.events_held == 3)
        .await;
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    for waiting in [asked, in_line] {
        let (answer, _raw) = waiting.await.unwrap();
        let retry_after = answer.header("retry-after").map(str::to_owned);
        assert_eq!((answer.status, retry_after.as_deref()), (503, Some("5")));
        assert_eq!(answer.body, "the broker is shutting down\n");
    }
    let (status, connection) = over_http2.await.unwrap();
    assert_eq!(status, 503);
    let ended = soon("the end of a connection", connection.connection).await;
    assert!(ended.unwrap().is_ok());
    backend.wake();
    soon("the drain", drain).await.unwrap();
    let counters = broker.handle.counters();
    assert_eq!(counters.rejected(Rejected::Draining), 3, "{counters}");
    // Of the one that it was asked about it is told the end.
    let told = backend.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].message.contains(r#""code":1006"#), "{told:?}");
}

#[tokio::test]
async fn an_end_at_once_answers_who_waits() {
    let backend = Scripted::silent();
    let broker = Broker::start(WAIT, &backend);
    backend.slow_down();
    let waiting = knock(&broker, "");
    backend.told_of("session-connect").await;
    soon("the end", broker.handle.shutdown()).await;
    let (answer, _raw) = waiting.await.unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(broker.handle.counters().closed(Closed::Restart), 0);
}
