//! HTTP requests that are wrong, at both ports: each is answered, and then the connection is closed, since nobody
//! knows any more where the next request would begin.

use std::time::Duration;

use broker_testkit::client::{Answer, Raw};

use crate::broker::Broker;

const OPEN: &str = "access.allow = ['127.0.0.1']\n";

/// The lines of a good request for commands, up to its framing.
const POST: &str =
    "POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// What both ports answer to these bytes; they must close after it.
async fn last_answers(broker: &Broker, bytes: &[u8]) -> [Answer; 2] {
    let mut answers = Vec::new();
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        // Who refuses may close before all of it is written.
        let _ = raw.try_write(bytes).await;
        let answer = raw.answer().await;
        assert_eq!(raw.rest().await, b"", "{}", bytes.escape_ascii());
        answers.push(answer);
    }
    answers.try_into().expect("two ports")
}

/// Checks that both ports refuse these bytes with this status, and close.
async fn refused(broker: &Broker, bytes: impl AsRef<[u8]>, status: u16) {
    let bytes = bytes.as_ref();
    for answer in last_answers(broker, bytes).await {
        let start = &bytes[..bytes.len().min(200)];
        assert_eq!(
            answer.status,
            status,
            "{}: {}",
            start.escape_ascii(),
            answer.body
        );
    }
}

/// Checks that both ports take these bytes for a request that they understand, good or not.
async fn understood(broker: &Broker, bytes: impl AsRef<[u8]>) {
    for addr in [broker.addr(), broker.admin_addr()] {
        let mut raw = Raw::connect(addr).await;
        raw.write(&bytes).await;
        let status = raw.answer().await.status;
        assert!([200, 404, 405, 426].contains(&status), "{status}");
    }
}

/// A request for commands that is framed like this.
fn posted(framing_and_body: &str) -> String {
    format!("{POST}{framing_and_body}")
}

/// A request without a body, with these header lines.
fn got(headers: &str) -> String {
    format!("GET / HTTP/1.1\r\n{headers}\r\n")
}

#[tokio::test]
async fn two_different_content_lengths_and_one_that_is_no_number_are_refused() {
    let broker = Broker::alone(OPEN);
    understood(&broker, posted("Content-Length: 2\r\n\r\n[]")).await;
    for lengths in [
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2, 3",
        "Content-Length: +2",
        "Content-Length: -2",
        "Content-Length: 0x2",
        "Content-Length:",
        "Content-Length: 99999999999999999999",
    ] {
        refused(&broker, posted(&format!("{lengths}\r\n\r\n[]")), 400).await;
    }
}

#[tokio::test]
async fn a_content_length_with_a_transfer_encoding_is_refused() {
    const CHUNKS: &str = "\r\n\r\n2\r\n[]\r\n0\r\n\r\n";
    let broker = Broker::alone(OPEN);
    for framing in [
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 2",
        "transfer-encoding:chunked\r\nX-Between: 1\r\nCONTENT-LENGTH:12",
    ] {
        refused(&broker, posted(&format!("{framing}{CHUNKS}")), 400).await;
    }
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: a\r\n";
    refused(&broker, format!("{}0\r\n\r\n", got(both)), 400).await;
    // However it is cut, and behind other requests on the same connection, with a body or without.
    let both = posted(&format!(
        "Transfer-Encoding: chunked\r\nContent-Length: 2{CHUNKS}"
    ));
    let kept = [
        got("Host: a\r\n"),
        posted("Content-Length: 25\r\n\r\n[\nTransfer-Encoding: a\n  ]"),
    ];
    for addr in [broker.addr(), broker.admin_addr()] {
        for before in &kept {
            let mut raw = Raw::connect(addr).await;
            raw.write(before).await;
            let answer = raw.answer().await;
            for piece in both.as_bytes().chunks(7) {
                let _ = raw.try_write(piece).await;
            }
            assert_eq!(raw.answer().await.status, 400, "after {}", answer.status);
            assert_eq!(raw.rest().await, b"");
        }
    }
}

#[tokio::test]
async fn another_transfer_encoding_than_chunked_is_refused() {
    let broker = Broker::alone(OPEN);
    for (encoding, status) in [
        ("gzip", 400),
        ("chunked, gzip", 400),
        ("xchunked", 400),
        ("identity", 400),
        ("", 400),
        ("chunked, chunked", 400),
        ("chunked\r\nTransfer-Encoding: chunked", 400),
        ("gzip, chunked", 501),
        ("gzip\r\nTransfer-Encoding: chunked", 501),
    ] {
        let framing = format!("Transfer-Encoding: {encoding}\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
        refused(&broker, posted(&framing), status).await;
    }
    let old = posted("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0");
    refused(&broker, old, 400).await;
}

#[tokio::test]
async fn chunks_that_are_wrong_are_refused() {
    let broker = Broker::alone(OPEN);
    understood(
        &broker,
        posted("Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n[]\r\n0\r\nA: b\r\n\r\n"),
    )
    .await;
    for body in [
        // Sizes that are bad, or overflow.
        "xyz\r\n[]\r\n0\r\n\r\n",
        "-2\r\n[]\r\n0\r\n\r\n",
        "0x2\r\n[]\r\n0\r\n\r\n",
        "\r\n[]\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n[]\r\n0\r\n\r\n",
        "2\n[]\r\n0\r\n\r\n",
        // Data that a line break does not follow.
        "2\r\n[]0\r\n\r\n",
        "2\r\n[]xx\r\n0\r\n\r\n",
        "2\r\n[]\n0\r\n\r\n",
        // An extension and a trailer that are wrong.
        "2;a\nb\r\n[]\r\n0\r\n\r\n",
        "2\r\n[]\r\n0\r\nno trailer\r\n\r\n",
    ] {
        refused(
            &broker,
            posted(&format!("Transfer-Encoding: chunked\r\n\r\n{body}")),
            400,
        )
        .await;
    }
    for endless in [
        format!("2;{}", "a".repeat(64 * 1024)),
        format!("0\r\n{}", "A: b\r\n".repeat(8 * 1024)),
    ] {
        refused(
            &broker,
            posted(&format!("Transfer-Encoding: chunked\r\n\r\n{endless}")),
            400,
        )
        .await;
    }
}

#[tokio::test]
async fn header_lines_that_are_wrong_are_refused() {
    let broker = Broker::alone(OPEN);
    understood(&broker, got("Host: a\r\nX: b\tc\r\n")).await;
    for line in [
        // Folded.
        "X: b\r\n c",
        "X: b\r\n\tc",
        // A blank before the colon, no name, no colon.
        "X : b",
        "X\t: b",
        ": b",
        "X",
        // Control characters.
        "X: b\0c",
        "X: b\u{1}c",
        "X: b\rc",
        "X: b\u{7f}c",
        "X\u{1}: b",
    ] {
        refused(&broker, got(&format!("Host: a\r\n{line}\r\n")), 400).await;
    }
    refused(&broker, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400).await;
}

#[tokio::test]
async fn no_host_two_hosts_and_what_is_no_host_are_refused() {
    let broker = Broker::alone(OPEN);
    for host in [
        "a",
        "a.example:8080",
        "127.0.0.1",
        "[::1]",
        "[::1]:80",
        "a_b-c.example.",
        "a:",
    ] {
        understood(&broker, got(&format!("Host: {host}\r\n"))).await;
    }
    refused(&broker, got(""), 400).await;
    refused(&broker, got("Host: a\r\nHost: a\r\n"), 400).await;
    refused(&broker, got("Host: a\r\nHost: b\r\n"), 400).await;
    for host in [
        "", "user@a", "a/b", "a, b", "a,b", "a b", "a?b", "a#b", "a\\b", "a:b", "a:99999", ":80",
        "::1", "[::1", "[a]", "[::1]x", "\u{e9}", "<a>",
    ] {
        refused(&broker, got(&format!("Host: {host}\r\n")), 400).await;
    }
    // HTTP/1.0 has no need of one, but of a right one where there is one.
    understood(&broker, "GET / HTTP/1.0\r\n\r\n").await;
    refused(&broker, "GET / HTTP/1.0\r\nHost: a@b\r\n\r\n", 400).await;
}

#[tokio::test]
async fn a_long_target_and_a_long_head_are_refused() {
    let broker = Broker::alone(OPEN);
    let target = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(len - 1));
    understood(&broker, target(8 * 1024)).await;
    refused(&broker, target(8 * 1024 + 1), 414).await;

    let padded = |len: usize| got(&format!("Host: a\r\nX: {}\r\n", "a".repeat(len)));
    understood(&broker, padded(15 * 1024)).await;
    refused(&broker, padded(17 * 1024), 431).await;

    let lines = |count: usize| got(&format!("Host: a\r\n{}", "X: 1\r\n".repeat(count - 1)));
    understood(&broker, lines(64)).await;
    refused(&broker, lines(65), 431).await;
}

#[tokio::test]
async fn a_target_that_is_no_path_is_refused() {
    let broker = Broker::alone(OPEN);
    understood(&broker, "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n").await;
    for target in [
        "*", "a:80", "nowhere", "?a", "/\u{e9}", "/a b", "/a\tb", "/a\u{1}b", "/<",
    ] {
        refused(
            &broker,
            format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
            400,
        )
        .await;
    }
    refused(
        &broker,
        format!(
            "POST * HTTP/1.1\r\n{}",
            posted("Content-Length: 2\r\n\r\n[]")
                .split_once("\r\n")
                .unwrap()
                .1
        ),
        400,
    )
    .await;
    // A tunnel is not to be had, and what a server can do at all is not said.
    for line in ["CONNECT a:80", "CONNECT /", "OPTIONS *"] {
        for addr in [broker.addr(), broker.admin_addr()] {
            let mut raw = Raw::connect(addr).await;
            raw.write(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await;
            let status = raw.answer().await.status;
            assert!((400..500).contains(&status), "{line}: {status}");
        }
    }
}

#[tokio::test]
async fn dots_and_escapes_in_a_path_are_taken_as_they_stand() {
    let broker = Broker::alone("[[endpoint]]\npath = '/chat/*'\ndialect = 'echo'\n");
    let status = async |path: &str| {
        Raw::connect(broker.addr())
            .await
            .upgrade(path, &[])
            .await
            .status
    };
    assert_eq!(status("/chat/a").await, 101);
    for path in [
        "/other/../chat/a",
        "/./chat/a",
        "//chat/a",
        "/%63hat/a",
        "/chat%2fa",
        "/%00",
        "/chat%00/a",
    ] {
        assert_eq!(status(path).await, 404, "{path}");
    }
    // Below the endpoint they are the application's to judge.
    assert_eq!(status("/chat/../other").await, 101);
}

#[tokio::test]
async fn what_is_no_http_1_is_refused() {
    let broker = Broker::alone(OPEN);
    for line in [
        "GET /",
        "GET / HTTP/1.2",
        "GET / HTTP/1.1x",
        "GET / http/1.1",
        "GET  / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        " GET / HTTP/1.1",
        "GE(T / HTTP/1.1",
        "GET /\r HTTP/1.1",
        "\0",
    ] {
        refused(&broker, format!("{line}\r\nHost: a\r\n\r\n"), 400).await;
    }
}

#[tokio::test]
async fn a_tls_hello_to_a_plain_port_is_refused() {
    let broker = Broker::alone(OPEN);
    let hello = [
        &b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03"[..],
        &[7; 240],
    ]
    .concat();
    refused(&broker, hello, 400).await;
}

#[tokio::test]
async fn a_body_that_trickles_in_has_one_deadline_for_all_of_it() {
    let broker = Broker::alone(&format!("{OPEN}limits.body_timeout = '200ms'"));
    for addr in [broker.addr(), broker.admin_addr()] {
        let (mut reading, mut writing) = Raw::connect(addr).await.split();
        writing
            .write(posted("Content-Length: 1000000\r\n\r\n["))
            .await;
        // Each byte is a sign of life, and none of them buys more time.
        let trickle = tokio::spawn(async move {
            while writing.try_write(" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert_eq!(reading.answer().await.status, 408);
        drop(reading);
        trickle.abort();
    }
}

#[tokio::test]
async fn a_huge_body_that_asks_first_is_refused_without_being_sent() {
    let broker = Broker::alone(OPEN);
    let asked = posted("Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n");
    refused(&broker, asked, 413).await;
}

#[tokio::test]
async fn an_answer_is_not_lost_to_a_client_that_goes_on_sending() {
    let broker = Broker::alone(&format!(
        "{OPEN}limits = {{ max_body = '1KiB', close_timeout = '1m' }}"
    ));
    for addr in [broker.addr(), broker.admin_addr()] {
        let (mut reading, mut writing) = Raw::connect(addr).await.split();
        writing
            .write(posted("Content-Length: 8388608\r\n\r\n"))
            .await;
        // The socket has far more to read than its buffers hold when the answer is out. Closing it then would reset the
        // connection, and take the answer with it.
        for _ in 0..8 {
            writing.write(vec![b' '; 1 << 20]).await;
        }
        assert_eq!(reading.answer().await.status, 413);
        assert_eq!(reading.rest().await, b"");
    }
}
