//! Connections that are kept, and the one case in which an event is sent again within its try.

use std::time::Duration;

use broker_backend::{Backend, Http, HttpConfig};
use broker_core::{CommandList, Event, Failure};

use crate::events::{config, connected, http, message, names};
use crate::server::{Peer, Request, Server, ok, together};
use crate::tell::Tell;

/// A backend with one connection kept from an earlier event.
async fn warmed(server: &Server, backend: &Http) -> Peer {
    let answer = ok("");
    let (result, (peer, _)) = together(backend.tell(connected()), server.serve(&answer)).await;
    result.unwrap();
    peer
}

fn second() -> Event {
    let mut event = message(r#"{"type":"second"}"#);
    event.id.number = 4;
    event
}

fn is_second(request: &Request) -> bool {
    request.header("webhook-id").unwrap().ends_with("-4")
}

/// The next connection in line carries a fresh event, so nothing else has been sent in between.
async fn nothing_more_was_sent(server: &Server) {
    let mut event = connected();
    event.id.number = 99;
    let backend = http(&server.url());
    let answer = ok("");
    let (_, (_peer, request)) = together(backend.tell(event), server.serve(&answer)).await;
    assert!(request.header("webhook-id").unwrap().ends_with("-99"));
}

#[tokio::test]
async fn a_connection_is_kept_from_event_to_event() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let mut peer = warmed(&server, &backend).await;
    for _ in 0..3 {
        let answer = ok(r#"{"type":"log"}"#);
        let (result, request) = together(backend.tell(second()), peer.serve(&answer)).await;
        assert_eq!(names(&result.unwrap()), ["log"]);
        assert!(is_second(&request));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_less_than_the_five_seconds_of_node() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let _first = warmed(&server, &backend).await;
    tokio::time::sleep(Duration::from_millis(4100)).await;
    let answer = ok("");
    let (result, (_peer, request)) = together(backend.tell(second()), server.serve(&answer)).await;
    result.unwrap();
    assert!(is_second(&request));
}

#[tokio::test]
async fn each_shard_has_connections_of_its_own() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let mut peers = Vec::new();
    for shard in [backend.for_shard(), backend.for_shard()] {
        let answer = ok("");
        let (result, (peer, _)) = together(shard.tell(connected()), server.serve(&answer)).await;
        result.unwrap();
        peers.push(peer);
    }
    assert_eq!(peers.len(), 2);
}

#[tokio::test]
async fn an_event_that_crossed_the_end_of_a_kept_connection_is_sent_again_with_the_same_id() {
    for reset in [false, true] {
        let server = Server::bind().await;
        let backend = http(&server.url());
        let mut peer = warmed(&server, &backend).await;
        let talk = async {
            let lost = peer.request().await;
            if reset {
                peer.stream.set_zero_linger().unwrap();
            }
            drop(peer);
            let (_peer, again) = server.serve(&ok(r#"{"type":"log"}"#)).await;
            (lost, again)
        };
        let (result, (lost, again)) = together(backend.tell(second()), talk).await;
        assert_eq!(names(&result.unwrap()), ["log"]);
        assert!(is_second(&lost));
        assert_eq!(lost.head, again.head);
        assert_eq!(lost.body, again.body);
        nothing_more_was_sent(&server).await;
    }
}

/// Loses the event on a kept connection; `then` is what happens on the connection after it.
async fn lost_twice(config: HttpConfig, server: &Server) -> Result<CommandList, Failure> {
    let backend = Http::new(config);
    let mut peer = warmed(server, &backend).await;
    let may_resend = backend.config().may_resend;
    let talk = async {
        peer.request().await;
        drop(peer);
        if may_resend {
            assert!(is_second(&server.accept().await.request().await));
        }
    };
    let (result, ()) = together(backend.tell(second()), talk).await;
    result
}

#[tokio::test]
async fn an_event_is_sent_again_only_once() {
    let server = Server::bind().await;
    let result = lost_twice(config(&server.url()), &server).await;
    assert!(matches!(result, Err(Failure::Interrupted(_))), "{result:?}");
    nothing_more_was_sent(&server).await;
}

#[tokio::test]
async fn an_event_that_may_have_arrived_is_not_sent_again_where_that_is_forbidden() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.may_resend = false;
    let result = lost_twice(config, &server).await;
    assert!(matches!(result, Err(Failure::Interrupted(_))), "{result:?}");
    nothing_more_was_sent(&server).await;
}

#[tokio::test]
async fn an_event_is_not_sent_again_once_anything_was_heard() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let mut peer = warmed(&server, &backend).await;
    let talk = async {
        peer.serve("HTTP/1.1 2").await;
        drop(peer);
    };
    let (result, ()) = together(backend.tell(second()), talk).await;
    assert!(matches!(result, Err(Failure::Interrupted(_))), "{result:?}");
    nothing_more_was_sent(&server).await;
}

#[tokio::test]
async fn an_event_lost_on_a_new_connection_is_not_sent_again() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let talk = async {
        server.accept().await.request().await;
    };
    let (result, ()) = together(backend.tell(second()), talk).await;
    assert!(matches!(result, Err(Failure::Interrupted(_))), "{result:?}");
    nothing_more_was_sent(&server).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_on_a_kept_connection_is_not_sent_again() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let mut peer = warmed(&server, &backend).await;
    let (result, request) = together(backend.tell(second()), peer.request()).await;
    assert!(matches!(result, Err(Failure::TimedOut(_))), "{result:?}");
    assert!(is_second(&request));
    drop(peer);
    nothing_more_was_sent(&server).await;
}

#[tokio::test]
async fn a_connection_that_is_known_to_be_closed_is_not_used() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.may_resend = false;
    let backend = Http::new(config);
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for _ in 0..3 {
        let (result, _) = together(backend.tell(connected()), server.serve(answer)).await;
        result.unwrap();
    }
}
