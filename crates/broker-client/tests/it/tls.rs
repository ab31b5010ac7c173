//! `wss://`, from the address to the answer of another client.
//!
//! What the system trusts is read once by a process, from where `SSL_CERT_FILE` says. So whoever is to trust the authority
//! of a test is another process: the same test once more, which finds in [`URL`] that it is the client.

use std::process::Command;
use std::{env, fs, process};

use broker_client::{Client, ConnectError, Event, Limits};
use broker_testkit::authority::Authority;
use broker_testkit::{PATIENCE, soon};
use tokio::task::spawn_blocking;

use crate::broker::Broker;
use crate::{message, next, registered, registration};

/// The environment variable with the address that the other process is to connect to.
const URL: &str = "BROKER_CLIENT_TEST_URL";

/// Runs a test of this file once more, in a process whose system trusts this authority and no other.
async fn once_more(test: &'static str, authority: &Authority, url: &str) {
    let roots = env::temp_dir().join(format!("broker-client-{}-{test}.pem", process::id()));
    fs::write(&roots, authority.root()).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", &format!("tls::{test}")])
        .env("SSL_CERT_FILE", &roots)
        .env_remove("SSL_CERT_DIR")
        .env(URL, url);
    let running = spawn_blocking(move || command.output());
    let output = soon("the other process", running).await.unwrap().unwrap();
    fs::remove_file(&roots).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "no such test was run: {said}");
}

async fn refused(url: &str) -> String {
    let connecting = soon("an answer", Client::connect("a", url));
    match connecting.await.unwrap_err() {
        ConnectError::Tls(error) => error.to_string(),
        other => panic!("TLS was to fail, not this: {other}"),
    }
}

#[tokio::test]
async fn a_server_that_the_system_vouches_for_is_spoken_with() {
    if let Ok(url) = env::var(URL) {
        let (a, _) = registered("a", &url).await;
        let answer = a.request("b", "Hi there", PATIENCE).await.unwrap();
        assert_eq!(answer.message, "Hi to you too, sir.");
        return a.close().await;
    }
    let authority = Authority::new();
    let broker = Broker::start_tls(&authority);
    // A client with an authority of its own choice brings its stream.
    let stream = authority.connect(broker.addr()).await;
    let connecting = Client::connect_over(stream, "b", broker.url(), Limits::default());
    let (_b, mut b) = soon("a connection", connecting).await.unwrap();
    assert!(matches!(next(&mut b).await, Event::Open));
    assert_eq!(registration(&mut b).await, "b");

    let answering = async {
        let asked = message(&mut b).await;
        assert_eq!(asked.from.as_deref(), Some("a"));
        let request = asked.request.unwrap();
        request.answer("Hi to you too, sir.").await.unwrap();
    };
    let test = "a_server_that_the_system_vouches_for_is_spoken_with";
    tokio::join!(once_more(test, &authority, broker.url()), answering);
}

#[tokio::test]
async fn a_server_by_another_name_than_its_certificates_is_refused() {
    if let Ok(url) = env::var(URL) {
        let error = refused(&url.replace("localhost", "127.0.0.1")).await;
        assert!(error.contains("not valid for name"), "{error}");
        assert!(error.contains("127.0.0.1"), "{error}");
        return;
    }
    let authority = Authority::new();
    let broker = Broker::start_tls(&authority);
    let test = "a_server_by_another_name_than_its_certificates_is_refused";
    once_more(test, &authority, broker.url()).await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused() {
    let broker = Broker::start_tls(&Authority::new());
    let error = refused(broker.url()).await;
    assert_eq!(error, "invalid peer certificate: UnknownIssuer");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_refuses() {
    let broker = Broker::start();
    refused(&broker.url().replace("ws:", "wss:")).await;
}
