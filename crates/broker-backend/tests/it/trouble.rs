//! Everything that can go wrong between a request and its answer.

use std::process::Command;
use std::time::Duration;

use broker_backend::Http;
use broker_core::Failure;
use tokio::time::Instant;

use crate::events::{config, connected, http, names};
use crate::server::{Server, ok, together};
use crate::tell::Tell;

/// What one event comes to when the application reads it, says `words` and hangs up.
async fn failure(words: &str) -> Failure {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let talk = async {
        server.serve(words).await;
    };
    let (result, ()) = together(backend.tell(connected()), talk).await;
    result.expect_err(words)
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    drop(server);
    let failure = backend.tell(connected()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Unreachable(_)), "{failure:?}");
    assert!(
        failure.to_string().contains("Connection refused"),
        "{failure}"
    );
    assert!(failure.is_retryable());
}

#[tokio::test]
async fn a_name_that_is_not_found_is_unreachable() {
    // RFC 6761 §6.4: there is no such name.
    let mut config = config("http://backend.invalid/");
    // Whoever is asked for the name may take long to say that there is none.
    config.timeout = Duration::from_secs(60);
    let failure = Http::new(config).tell(connected()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Unreachable(_)), "{failure:?}");
}

#[tokio::test]
async fn a_missing_unix_socket_is_unreachable() {
    let failure = http("unix:/nonexistent/app.sock:/x")
        .tell(connected())
        .await
        .unwrap_err();
    assert!(matches!(&failure, Failure::Unreachable(_)), "{failure:?}");
    assert!(failure.to_string().contains("No such file"), "{failure}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_is_interrupted() {
    for words in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    ] {
        let failure = failure(words).await;
        assert!(
            matches!(&failure, Failure::Interrupted(_)),
            "{words}: {failure:?}"
        );
        assert!(failure.is_retryable());
    }
}

#[tokio::test]
async fn a_reset_is_interrupted() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let talk = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.stream.set_zero_linger().unwrap();
    };
    let (result, ()) = together(backend.tell(connected()), talk).await;
    let failure = result.unwrap_err();
    assert!(matches!(&failure, Failure::Interrupted(_)), "{failure:?}");
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_interrupted() {
    for words in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 twohundred OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let failure = failure(words).await;
        assert!(
            matches!(&failure, Failure::Interrupted(_)),
            "{words:?}: {failure:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_time_out() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.timeout = Duration::from_secs(3);
    let backend = Http::new(config);
    let begin = Instant::now();
    let (result, _peer) = together(backend.tell(connected()), server.accept()).await;
    assert_eq!(
        result.unwrap_err(),
        Failure::TimedOut(Duration::from_secs(3))
    );
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_trickled_answer_hits_the_deadline_of_the_whole_try() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let begin = Instant::now();
    let talk = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await;
        for said in 0.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if tokio::io::AsyncWriteExt::write_all(&mut peer.stream, b" ")
                .await
                .is_err()
            {
                return said;
            }
        }
        unreachable!("a peer that is gone is noticed")
    };
    let (result, said) = together(
        async {
            let result = backend.tell(connected()).await;
            (result, begin.elapsed())
        },
        talk,
    )
    .await;
    let (result, elapsed) = result;
    assert_eq!(
        result.unwrap_err(),
        Failure::TimedOut(Duration::from_secs(10))
    );
    assert_eq!(elapsed.as_secs(), 10);
    assert!(
        said >= 9,
        "{said} bytes came, none of which put the deadline off"
    );
}

#[tokio::test]
async fn trouble_with_one_event_leaves_the_next_one_alone() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    for words in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n<p>"] {
        let talk = async {
            server.serve(words).await;
        };
        let (result, ()) = together(backend.tell(connected()), talk).await;
        result.unwrap_err();
    }
    let answer = ok(r#"{"type":"log"}"#);
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    assert_eq!(names(&result.unwrap()), ["log"]);
}

/// The variables are read by many clients at start-up, so the test that looks runs in a process of its own.
#[test]
fn proxy_variables_are_ignored() {
    let nobody = "http://127.0.0.1:9";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "formats::multipart_is_what_the_original_sends"])
        .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, nobody)))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
}
