//! What becomes of an answer.

use broker_backend::{Backend, Http};
use broker_core::Failure;

use crate::events::{config, connected, http, message, names};
use crate::server::{Server, bare, ok, together};
use crate::tell::Tell;

/// What one event comes to when the application says `answer` and hangs up.
async fn outcome(answer: impl AsRef<[u8]>) -> Result<Vec<String>, Failure> {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let event = connected();
    let talk = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say(answer).await;
    };
    let (result, ()) = together(backend.tell(event), talk).await;
    result.map(|list| names(&list).into_iter().map(str::to_owned).collect())
}

#[tokio::test]
async fn commands_are_read_whatever_the_content_type_and_the_2xx() {
    let list = r#"[{"type":"send","message":1},{"type":"close"}]"#;
    let expected = Ok(vec!["send".to_owned(), "close".to_owned()]);
    assert_eq!(outcome(ok(list)).await, expected);
    let length = list.len();
    for head in [
        format!("HTTP/1.1 201 Created\r\nContent-Type: text/html\r\nContent-Length: {length}"),
        "HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nConnection: close".to_owned(),
        "HTTP/1.0 200 OK".to_owned(),
    ] {
        assert_eq!(
            outcome(format!("{head}\r\n\r\n{list}")).await,
            expected,
            "{head}"
        );
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n10\r\n{\"type\":\"close\"}\r\n1\r\n]\r\n0\r\n\r\n";
    assert_eq!(outcome(chunked).await, Ok(vec!["close".to_owned()]));
}

#[tokio::test]
async fn an_empty_answer_holds_no_commands() {
    for answer in [ok(""), ok(" \r\n"), ok("[]"), bare("204 No Content", "")] {
        assert_eq!(outcome(&answer).await, Ok(vec![]), "{answer}");
    }
}

#[tokio::test]
async fn a_bad_command_is_refused_in_its_place_and_the_others_run() {
    let list = r#"[null,{"type":"send"},{"type":"close","sned":1},{"type":"own"}]"#;
    let expected = ["refused", "refused", "close", "own"].map(str::to_owned);
    assert_eq!(outcome(ok(list)).await, Ok(expected.into()));
}

#[tokio::test]
async fn a_reserved_type_is_no_longer_the_brokers() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    backend.reserve(&["close".into()]);
    // An instance made afterwards knows it too.
    let backend = backend.for_shard();
    let answer = ok(r#"[{"type":"close","code":"mine"},{"type":"log"}]"#);
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    let list = result.unwrap();
    assert!(matches!(&list.entries[0], broker_core::Entry::Other(own) if &*own.name == "close"));
    assert_eq!(names(&list), ["close", "log"]);
}

#[tokio::test]
async fn html_is_shown_with_its_place_and_a_hint() {
    let page = "<!DOCTYPE html>\n<title>Oops</title>";
    assert_eq!(
        outcome(ok(page)).await,
        Err(Failure::BadAnswer(
            "backend's answer is no list of commands: not JSON: expected value at line 1 column 1; \
             it begins with \"<!DOCTYPE html>\\n<title>Oops</title>\"; \
             this is HTML: look for an error page, or for output in front of the JSON"
                .into()
        ))
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::bind().await;
    let elsewhere = Server::bind().await;
    let backend = http(&server.url());
    let answer = bare(
        "307 Temporary Redirect",
        &format!("Location: {}\r\n", elsewhere.url()),
    );
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    assert_eq!(
        result.unwrap_err(),
        Failure::Status {
            code: 307,
            retry_after: None
        }
    );
    // Had anybody called there, theirs would be the first connection in line.
    let ours = http(&elsewhere.url());
    let event = message(r#"{"type":"ours"}"#);
    let answer = ok("");
    let (_, (_peer, request)) = together(ours.tell(event), elsewhere.serve(&answer)).await;
    assert!(request.text().contains("client-ours"));
}

#[tokio::test]
async fn another_status_is_a_failure_and_its_body_is_not_run() {
    for (status, is_retryable) in [
        ("400 Bad Request", false),
        ("404 Not Found", false),
        ("429 Too Many Requests", true),
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
    ] {
        let list = r#"[{"type":"close"}]"#;
        let length = list.len();
        let failure = outcome(format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{list}"
        ))
        .await
        .unwrap_err();
        assert_eq!(
            failure.to_string(),
            format!("backend answered {}", &status[..3])
        );
        assert_eq!(failure.is_retryable(), is_retryable, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let failure = outcome(bare("503 Service Unavailable", "Retry-After: 7\r\n")).await;
    assert_eq!(
        failure.unwrap_err().retry_after(),
        Some(std::time::Duration::from_secs(7))
    );
}

fn bounded(url: &str, max_answer: usize) -> Http {
    let mut config = config(url);
    config.max_answer = max_answer;
    Http::new(config)
}

fn too_long(limit: usize) -> Failure {
    let text = format!("backend's answer is longer than the limit max_answer of {limit} bytes");
    Failure::BadAnswer(text.into())
}

#[tokio::test]
async fn an_answer_as_long_as_the_limit_is_read() {
    let server = Server::bind().await;
    let list = r#"[{"type":"close"}]"#;
    for (limit, is_read) in [(list.len(), true), (list.len() - 1, false)] {
        let backend = bounded(&server.url(), limit);
        let answer = ok(list);
        let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
        if is_read {
            assert_eq!(names(&result.unwrap()), ["close"]);
        } else {
            assert_eq!(result.unwrap_err(), too_long(limit));
        }
    }
}

#[tokio::test]
async fn an_answer_in_chunks_is_bounded_as_a_whole() {
    let server = Server::bind().await;
    for (limit, is_read) in [(18, true), (17, false)] {
        let backend = bounded(&server.url(), limit);
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            11\r\n[{\"type\":\"close\"}\r\n1\r\n]\r\n0\r\n\r\n";
        let (result, _) = together(backend.tell(connected()), server.serve(answer)).await;
        if is_read {
            assert_eq!(names(&result.unwrap()), ["close"]);
        } else {
            assert_eq!(result.unwrap_err(), too_long(limit));
        }
    }
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_not_waited_for() {
    let server = Server::bind().await;
    let backend = bounded(&server.url(), 1000);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    let (result, _) = together(backend.tell(connected()), server.serve(head)).await;
    assert_eq!(result.unwrap_err(), too_long(1000));
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_its_connection_closed() {
    let server = Server::bind().await;
    let backend = bounded(&server.url(), 100_000);
    let talk = async {
        let mut peer = server.accept().await;
        peer.request().await;
        peer.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
        // Ends when the other side is gone.
        while tokio::io::AsyncWriteExt::write_all(&mut peer.stream, chunk.as_bytes())
            .await
            .is_ok()
        {}
    };
    let (result, ()) = together(backend.tell(connected()), talk).await;
    assert_eq!(result.unwrap_err(), too_long(100_000));
}

#[tokio::test]
async fn an_answer_in_many_pieces_is_put_together() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let text = "x".repeat(300_000);
    let list = format!(r#"[{{"type":"send","message":"{text}"}}]"#);
    let answer = ok(&list);
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    let list = result.unwrap();
    let broker_core::Entry::Run(command) = &list.entries[0] else {
        panic!("{list:?}");
    };
    let broker_core::Verb::Send(message) = &command.verb else {
        panic!("{command:?}");
    };
    assert_eq!(message.size(), text.len() + 2);
}

#[tokio::test]
async fn more_commands_than_the_limit_are_refused_as_a_whole() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.max_commands = 1;
    let backend = Http::new(config);
    let answer = ok(r#"[{"type":"log"},{"type":"log"}]"#);
    let (result, _) = together(backend.tell(connected()), server.serve(&answer)).await;
    let failure = result.unwrap_err().to_string();
    assert!(
        failure.contains("2 commands are more than the limit max_commands of 1"),
        "{failure}"
    );
}
