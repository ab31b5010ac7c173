//! Answers that come line by line.

use std::time::Duration;

use broker_backend::{
    Answer, Backend, CommandStream, Commands, Connection, Hooks, InProcess, Onward,
};
use broker_core::{Call, CommandList, Failure};

use crate::events::{config, connected, http, names};
use crate::server::{Peer, Server, together};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson; charset=utf-8\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Calls a backend whose answer is streamed; the stream, and the application's end of its connection.
async fn begin(backend: &impl Backend, server: &Server) -> (Box<dyn CommandStream>, Peer) {
    let call = backend.call(Call::from(connected()));
    let (answer, (peer, _)) = together(call, server.serve(HEAD)).await;
    match answer.unwrap() {
        Answer {
            commands: Commands::Stream(_, stream),
            ..
        } => (stream, peer),
        other => panic!("{other:?} is not streamed"),
    }
}

/// What comes next, which is a list.
async fn next(stream: &mut Box<dyn CommandStream>) -> CommandList {
    stream.next().await.expect("a line").expect("a list")
}

#[tokio::test]
async fn each_line_is_a_list_or_a_command_and_is_had_as_soon_as_it_has_come() {
    let server = Server::bind().await;
    let (mut stream, mut peer) = begin(&http(&server.url()), &server).await;
    peer.say(chunk("{\"type\":\"send\",\"message\":1}\n")).await;
    assert_eq!(names(&next(&mut stream).await), ["send"]);
    // Empty lines say nothing; a line may come in pieces, and several at once.
    peer.say(chunk("\n\r\n[{\"type\":\"close\"},")).await;
    peer.say(chunk(
        "{\"type\":\"log\",\"text\":1}]\r\n[]\n{\"type\":\"count\"}",
    ))
    .await;
    assert_eq!(names(&next(&mut stream).await), ["close", "log"]);
    assert_eq!(names(&next(&mut stream).await), Vec::<&str>::new());
    // The last one needs no end of a line.
    peer.say("0\r\n\r\n").await;
    assert_eq!(names(&next(&mut stream).await), ["count"]);
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_told_with_its_beginning_and_others_follow() {
    let server = Server::bind().await;
    let (mut stream, mut peer) = begin(&http(&server.url()), &server).await;
    peer.say(chunk("<b>Warning</b>: x\n{\"type\":\"close\"}\n"))
        .await;
    let failure = stream.next().await.unwrap().unwrap_err().to_string();
    assert!(
        failure.contains("begins with \"<b>Warning</b>: x"),
        "{failure}"
    );
    assert!(
        failure.ends_with("set display_errors to 0 or stderr"),
        "{failure}"
    );
    assert_eq!(names(&next(&mut stream).await), ["close"]);
}

#[tokio::test]
async fn a_stream_that_is_cut_says_so_once() {
    let server = Server::bind().await;
    let (mut stream, mut peer) = begin(&http(&server.url()), &server).await;
    peer.say(chunk("{\"type\":\"close\"}\n{\"type\"")).await;
    drop(peer);
    assert_eq!(names(&next(&mut stream).await), ["close"]);
    let failure = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(failure, Failure::Interrupted(_)), "{failure:?}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_line_over_max_answer_ends_the_stream_however_it_comes() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.max_answer = 100;
    let backend = broker_backend::Http::new(config);
    for end in ["", "\n"] {
        let (mut stream, mut peer) = begin(&backend, &server).await;
        peer.say(chunk(&format!("\"{}\"{end}", "x".repeat(100))))
            .await;
        let failure = stream.next().await.unwrap().unwrap_err().to_string();
        assert!(failure.contains("max_answer of 100 bytes"), "{failure}");
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn silence_ends_a_stream_and_a_stream_has_no_end_in_time() {
    let server = Server::bind().await;
    let mut config = config(&server.url());
    config.timeout = Duration::from_millis(500);
    config.stream_idle_timeout = Duration::from_millis(1500);
    let backend = broker_backend::Http::new(config);
    let (mut stream, mut peer) = begin(&backend, &server).await;
    // In all it takes longer than a call may, and no silence is as long as one may be.
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        peer.say(chunk("{\"type\":\"close\"}\n")).await;
        assert_eq!(names(&next(&mut stream).await), ["close"]);
    }
    let failure = stream.next().await.unwrap().unwrap_err();
    assert_eq!(failure, Failure::TimedOut(Duration::from_millis(1500)));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn whoever_lets_go_of_a_stream_closes_its_connection() {
    let server = Server::bind().await;
    let backend = http(&server.url());
    let (stream, mut peer) = begin(&backend, &server).await;
    drop(stream);
    let mut rest = Vec::new();
    let end = tokio::io::AsyncReadExt::read_to_end(&mut peer.stream, &mut rest);
    together(end, async {}).await.0.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn what_a_hook_asks_for_comes_before_the_lines_of_the_backend_behind_it() {
    struct Greeter;

    #[async_trait::async_trait]
    impl Hooks for Greeter {
        async fn on_client_connect(&self, connection: &mut Connection<'_>) -> Onward {
            connection.send(&"from the hook").unwrap();
            Onward::Pass
        }
    }

    let server = Server::bind().await;
    let behind = std::sync::Arc::new(http(&server.url()));
    let backend = InProcess::new(Greeter, Some(behind));
    let call = backend.call(Call::from(connected()));
    let (answer, (mut peer, _)) = together(call, server.serve(HEAD)).await;
    let Commands::Stream(first, mut stream) = answer.unwrap().commands else {
        panic!("it is streamed");
    };
    assert_eq!(names(&first), ["send"]);
    peer.say(chunk("{\"type\":\"close\"}\n")).await;
    assert_eq!(names(&next(&mut stream).await), ["close"]);
}
