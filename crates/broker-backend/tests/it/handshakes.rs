//! What an application says to a client whose handshake waits for it.

use broker_backend::{Backend, Greeting, Http, Unanswered};
use broker_core::{Call, Failure};
use http::HeaderValue;

use crate::events::{config, connected, message};
use crate::server::{Server, bare, together};

fn deciding(server: &Server) -> Http {
    let mut config = config(&server.url());
    config.decides_on_handshakes = true;
    Http::new(config)
}

#[tokio::test]
async fn the_subprotocol_and_the_cookies_of_an_answer_are_for_the_client() {
    let headers = "Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1; HttpOnly\r\nX-Other: 1\r\nSet-Cookie: b=2\r\n";
    let server = Server::bind().await;
    let backend = deciding(&server);
    let answer = bare("200 OK", headers);
    let call = backend.call(Call::from(connected()));
    let (answered, (mut peer, _)) = together(call, server.serve(&answer)).await;
    let expected = Greeting {
        subprotocol: Some(HeaderValue::from_static("chat")),
        cookies: vec![
            HeaderValue::from_static("a=1; HttpOnly"),
            HeaderValue::from_static("b=2"),
        ],
    };
    assert_eq!(answered.unwrap().greeting.as_deref(), Some(&expected));
    // What is said to a message is for nobody.
    let call = backend.call(Call::from(message("1")));
    let (answered, _) = together(call, peer.serve(&answer)).await;
    assert_eq!(answered.unwrap().greeting, None);
}

#[tokio::test]
async fn a_refusal_is_passed_on_with_its_body_and_kind_unless_it_is_long() {
    let server = Server::bind().await;
    let backend = deciding(&server);
    let page = |len: usize| {
        let body = "x".repeat(len);
        format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
        )
    };
    for (len, is_read) in [
        (9, true),
        (0, true),
        (64 * 1024, true),
        (64 * 1024 + 1, false),
    ] {
        let call = backend.call(Call::from(connected()));
        let (refused, _) = together(call, server.serve(&page(len))).await;
        let Unanswered { failure, page } = refused.unwrap_err();
        assert!(
            matches!(failure, Failure::Status { code: 403, .. }),
            "{failure:?}"
        );
        assert_eq!(page.is_some(), is_read, "{len} bytes");
        if let Some(page) = page {
            assert_eq!(
                (page.body.len(), page.content_type.unwrap().as_bytes()),
                (len, b"text/html".as_slice())
            );
        }
    }
}

#[tokio::test]
async fn what_an_application_says_when_it_fails_or_where_it_decides_nothing_is_for_nobody() {
    let server = Server::bind().await;
    let cases = [
        (deciding(&server), connected(), "500 Oh"),
        (deciding(&server), message("1"), "403 Forbidden"),
        (
            Http::new(config(&server.url())),
            connected(),
            "403 Forbidden",
        ),
    ];
    for (backend, event, status) in cases {
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        let call = backend.call(Call::from(event));
        let (refused, _) = together(call, server.serve(&answer)).await;
        assert_eq!(refused.unwrap_err().page, None, "{status}");
    }
}
