//! Ending: gently, at once, and starting again on the same ports.

use broker_testkit::backend::Scripted;
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;
use tokio::net::TcpStream;

use crate::broker::{Broker, Directory, config};

#[tokio::test]
async fn a_drain_closes_clients_with_1012_and_tells_the_application_of_each() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 3\ndrain.timeout = '50s'", &backend);
    let mut clients = Vec::new();
    for _ in 0..30 {
        clients.push(broker.client("").await);
    }
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    for client in &mut clients {
        assert_eq!(client.closed().await, 1012);
    }
    soon("the drain", drain).await.unwrap();
    let told = backend.told();
    let goodbyes = told
        .iter()
        .filter(|told| told.message.contains(r#""session-disconnect","code":1012"#));
    assert_eq!(goodbyes.count(), 30);
}

#[tokio::test]
async fn the_ports_of_a_broker_that_has_ended_can_be_used_again_at_once() {
    let directory = Directory::new();
    let mut settings = config("");
    for _ in 0..5 {
        let server = broker_server::Server::from_config(settings.clone());
        let broker = Broker {
            handle: server.start().expect("the ports are free"),
        };
        settings.listen.public = broker.addr().to_string().parse().unwrap();
        settings.listen.admin = Some(broker.admin_addr().to_string().parse().unwrap());
        let mut client = broker.client("").await;
        let idle = Raw::connect(broker.admin_addr()).await;
        broker.handle.shutdown().await;
        assert_eq!(client.closed().await, 1001);
        drop(idle);
    }
    for _ in 0..5 {
        let broker = Broker::alone(&format!("listen.public = '{}'", directory.unix("public")));
        broker.handle.drain().await;
        assert!(!directory.file("public").exists());
    }
}

#[tokio::test]
async fn after_the_end_nobody_is_served_and_commands_are_refused() {
    let broker = Broker::alone("");
    let (public, admin) = (broker.addr(), broker.admin_addr());
    let mut kept = Raw::connect(admin).await;
    assert_eq!(kept.request("GET", "/readyz", &[], "").await.status, 200);
    broker.handle.shutdown().await;
    assert!(TcpStream::connect(public).await.is_err());
    assert!(TcpStream::connect(admin).await.is_err());
    assert_eq!(kept.rest().await, b"", "its connections have ended too");
    let outcome = soon(
        "an answer",
        broker
            .handle
            .execute(broker_testkit::backend::commands(r#"{"type":"count"}"#)),
    );
    assert!(outcome.await.is_err());
    assert_eq!(
        broker.handle.report().await,
        broker_server::Report::default()
    );
}

#[tokio::test]
async fn a_drain_ends_within_its_time_though_the_application_is_away() {
    let backend = Scripted::silent();
    let broker = Broker::start("drain.timeout = '300ms'", &backend);
    let mut client = broker.client("").await;
    broker
        .until("the connect is answered", |report| report.events_held == 0)
        .await;
    backend.slow_down();
    let drain = broker.handle.drain();
    let (code, ()) = tokio::join!(client.closed(), soon("the drain", drain));
    assert_eq!(code, 1012);
}

#[tokio::test]
async fn a_drain_waits_for_an_application_that_is_only_slow() {
    let backend = Scripted::silent();
    let broker = Broker::start("drain.timeout = '50s'", &backend);
    let mut client = broker.client("").await;
    broker
        .until("the connect is answered", |report| report.events_held == 0)
        .await;
    backend.slow_down();
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    assert_eq!(client.closed().await, 1012);
    backend.told_of("session-disconnect").await;
    assert!(!drain.is_finished());
    backend.wake();
    soon("the drain", drain).await.unwrap();
}

#[tokio::test]
async fn while_draining_probes_say_so_and_new_clients_are_refused() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 1\ndrain.timeout = '50s'", &backend);
    let mut admin = Raw::connect(broker.admin_addr()).await;
    assert_eq!(admin.request("GET", "/readyz", &[], "").await.status, 200);
    let mut waiting = Raw::connect(broker.addr()).await;
    assert_eq!(waiting.request("GET", "/", &[], "").await.status, 426);
    let mut client = broker.client("").await;
    broker
        .until("the connect is answered", |report| report.events_held == 0)
        .await;
    backend.slow_down();
    let drain = tokio::spawn({
        let handle = broker.handle.clone();
        async move { handle.drain().await }
    });
    assert_eq!(client.closed().await, 1012);
    assert_eq!(admin.request("GET", "/readyz", &[], "").await.status, 503);
    assert_eq!(admin.request("GET", "/livez", &[], "").await.status, 200);
    assert_eq!(waiting.upgrade("/", &[]).await.status, 503);
    backend.wake();
    soon("the drain", drain).await.unwrap();
}

#[tokio::test]
async fn whoever_comes_in_while_a_drain_begins_is_closed_by_it_too() {
    let broker = Broker::alone("listen.shards = 2\ndrain.timeout = '50s'");
    let addr = broker.addr();
    let arrivals = (0..40).map(|_| {
        tokio::spawn(async move {
            let stream = TcpStream::connect(addr).await.ok()?;
            let mut client = Client::over(stream, "/", &[]).await.ok()?;
            Some(client.closed().await)
        })
    });
    let arrivals: Vec<_> = arrivals.collect();
    broker
        .until("the first", |report| report.connections > 0)
        .await;
    soon("the drain", broker.handle.drain()).await;
    for arrival in arrivals {
        // Some come too late, and some are told nothing since their request was never read.
        if let Some(code) = arrival.await.unwrap() {
            assert_eq!(code, 1012);
        }
    }
}

#[tokio::test]
async fn several_brokers_in_one_process_keep_to_themselves() {
    let (one, other) = (
        Broker::alone("listen.shards = 2"),
        Broker::alone("listen.shards = 2"),
    );
    let mut ann = one.client("").await;
    let mut bob = other.client("").await;
    one.execute(r#"{"type":"send","message":"one"}"#).await;
    other.execute(r#"{"type":"send","message":"other"}"#).await;
    assert_eq!(
        (ann.text().await, bob.text().await),
        (r#""one""#.to_owned(), r#""other""#.to_owned())
    );
    one.handle.shutdown().await;
    assert_eq!(ann.closed().await, 1001);
    other.execute(r#"{"type":"send","message":"on"}"#).await;
    assert_eq!(bob.text().await, r#""on""#);
}

#[tokio::test]
async fn a_broker_that_cannot_have_its_port_says_which_and_leaves_nothing_behind() {
    let broker = Broker::alone("");
    let mut settings = config("");
    settings.listen.admin = Some(broker.addr().to_string().parse().unwrap());
    let error = broker_server::Server::from_config(settings)
        .start()
        .unwrap_err();
    assert_eq!(error.io_kind(), Some(std::io::ErrorKind::AddrInUse));
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on {}", broker.addr())),
        "{error}"
    );
}
