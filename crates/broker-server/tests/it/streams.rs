//! Answers that come line by line: each list of commands is executed when it comes, and the event is answered before.

use broker_server::core::Failure;
use broker_server::{Failed, Streamed};
use broker_testkit::backend::{Reply, Scripted, Streaming};
use broker_testkit::client::Client;
use broker_testkit::soon;

use crate::broker::Broker;

/// An application that answers what has `go` in it with these lines, and nothing else with anything.
fn streaming(lines: &Streaming) -> Scripted {
    let lines = lines.clone();
    Scripted::new(move |told| {
        if told.message.contains("go") {
            Reply::Stream(lines.clone())
        } else {
            Reply::Commands(String::new())
        }
    })
}

/// Waits until `count` is this much.
async fn reaches(what: &str, expected: u64, count: impl Fn() -> u64) {
    let wait = async {
        while count() < expected {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    soon(what, wait).await;
    assert_eq!(count(), expected, "{what}");
}

fn send(text: impl std::fmt::Display) -> String {
    format!(r#"{{"type":"send","text":"{text}"}}"#)
}

fn send_to(room: &str, text: impl std::fmt::Display) -> String {
    format!(r#"{{"type":"send","match":{{"room":"{room}"}},"text":"{text}"}}"#)
}

#[tokio::test]
async fn each_line_is_executed_as_it_comes() {
    let lines = Streaming::default();
    let broker = Broker::start("listen.shards = 3", &streaming(&lines));
    let mut ann = broker.client("room=a").await;
    let mut bob = broker.client("room=a").await;
    ann.say(r#""go""#).await;
    lines.say(&send("for her alone"));
    assert_eq!(ann.text().await, "for her alone");
    lines.say(&send_to("a", "for all of the room"));
    assert_eq!(ann.text().await, "for all of the room");
    assert_eq!(bob.text().await, "for all of the room");
    lines.say(r#"[{"type":"session","data":{"room":"b"}},{"type":"send","match":{"room":"b"},"text":"moved"}]"#);
    assert_eq!(ann.text().await, "moved");
    lines.say(r#"{"type":"close","code":4000,"reason":"that is all"}"#);
    lines.end();
    assert_eq!(ann.closed().await, 4000);
    lines.readers(0).await;
}

#[tokio::test]
async fn lines_are_executed_in_their_order_whomever_they_are_for() {
    const LINES: usize = 100;
    let lines = Streaming::default();
    let broker = Broker::start("listen.shards = 3", &streaming(&lines));
    let mut ann = broker.client("room=a").await;
    let mut others = [broker.client("room=a").await, broker.client("room=a").await];
    for number in 0..LINES {
        if number % 2 == 0 {
            lines.say(&send(number));
        } else {
            lines.say(&send_to("a", number));
        }
    }
    lines.end();
    ann.say(r#""go""#).await;
    let numbers = (0..LINES).map(|number| number.to_string());
    assert!(ann.texts(LINES).await.into_iter().eq(numbers.clone()));
    for other in &mut others {
        let odd = numbers.clone().skip(1).step_by(2);
        assert!(other.texts(LINES / 2).await.into_iter().eq(odd));
    }
}

#[tokio::test]
async fn with_its_head_the_event_is_answered_and_its_permit_is_free() {
    let lines = Streaming::default();
    let backend = streaming(&lines);
    let text = "listen.shards = 2\nbackend.max_in_flight = 1";
    let broker = Broker::start(text, &backend);
    let mut ann = broker.client("").await;
    let mut bob = broker.client("").await;
    ann.say(r#""go""#).await;
    lines.readers(1).await;
    ann.say("1").await;
    backend.told_of("1").await;
    bob.say("2").await;
    backend.told_of("2").await;
    broker
        .until("all is answered", |report| {
            (report.events_held, report.calls_in_flight) == (0, 0)
        })
        .await;
    lines.say(&send("still here"));
    assert_eq!(ann.text().await, "still here");
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_counted_and_the_following_are_executed() {
    let lines = Streaming::default();
    let broker = Broker::start("", &streaming(&lines));
    let mut client = broker.client("").await;
    client.say(r#""go""#).await;
    lines.say(&send("before"));
    lines.fail(Failure::BadAnswer("line 2 is no list of commands".into()));
    lines.say(r#"[{"type":"sned"},{"type":"send","text":"behind"}]"#);
    assert_eq!(client.texts(2).await, ["before", "behind"]);
    let counters = broker.handle.counters();
    assert_eq!(counters.failed(Failed::BadAnswer), 1, "{counters}");
    assert_eq!(counters.streamed(Streamed::Cut), 0, "{counters}");
    lines.fail(Failure::Interrupted("reset".into()));
    lines.end();
    reaches("the cut", 1, || counters.streamed(Streamed::Cut)).await;
    assert_eq!(counters.streamed(Streamed::Begun), 1, "{counters}");
    lines.readers(0).await;
}

#[tokio::test]
async fn an_answer_beyond_max_streams_is_counted_and_not_executed() {
    let lines = Streaming::default();
    let backend = streaming(&lines);
    let text = "listen.shards = 2\nbackend.max_streams = 1";
    let broker = Broker::start(text, &backend);
    let counters = broker.handle.counters();
    let mut ann = broker.client("").await;
    let mut bob = broker.client("").await;
    ann.say(r#""go""#).await;
    lines.say(&send("on"));
    assert_eq!(ann.text().await, "on");
    bob.say(r#""go""#).await;
    reaches("one too many", 1, || counters.streamed(Streamed::TooMany)).await;
    bob.say("1").await;
    backend.told_of("1").await;
    lines.end();
    lines.readers(0).await;
    // There is a place again; what bob hears now is the first that he hears.
    bob.say(r#""go""#).await;
    assert_eq!(bob.text().await, "on");
    reaches("two streams", 2, || counters.streamed(Streamed::Begun)).await;
    assert_eq!(counters.streamed(Streamed::TooMany), 1, "{counters}");
}

#[tokio::test]
async fn the_lines_for_a_client_that_has_gone_reach_nobody_else() {
    let lines = Streaming::default();
    let broker = Broker::start("listen.shards = 1", &streaming(&lines));
    let mut ann = broker.client("room=a").await;
    ann.say(r#""go""#).await;
    lines.readers(1).await;
    ann.close(None, "").await;
    ann.closed().await;
    broker
        .until("she has gone", |report| report.sessions == 0)
        .await;
    // He is where she was.
    let mut bob = broker.client("room=a").await;
    lines.say(&send("for her"));
    lines.say(r#"[{"type":"session","data":{"x":1}},{"type":"close"}]"#);
    lines.say(&send_to("a", "for the room"));
    assert_eq!(bob.text().await, "for the room");
    lines.end();
    lines.readers(0).await;
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_alone_and_is_counted() {
    let lines = Streaming::default();
    let backend = streaming(&lines);
    let text = "listen.shards = 1\nbackend.max_streams = 1";
    let broker = Broker::start(text, &backend);
    let counters = broker.handle.counters();
    let mut ann = broker.client("").await;
    let mut bob = broker.client("").await;
    lines.say(&send("before"));
    lines.panic();
    lines.say(&send("never"));
    for client in [&mut ann, &mut bob] {
        client.say(r#""go""#).await;
        assert_eq!(client.text().await, "before");
        // Its place is free for the next.
        lines.readers(0).await;
    }
    reaches("both", 2, || counters.failed(Failed::Panicked)).await;
    assert_eq!(counters.streamed(Streamed::TooMany), 0, "{counters}");
    assert_eq!(counters.streamed(Streamed::Cut), 2, "{counters}");
    broker.execute(send("all well")).await;
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.text().await, "all well");
        client.say("1").await;
    }
    backend.told_of("1").await;
}

#[tokio::test]
async fn a_handshake_that_waits_is_answered_at_the_head_of_a_streamed_answer() {
    let lines = Streaming::default();
    let answer = lines.clone();
    let backend = Scripted::new(move |_| Reply::Stream(answer.clone()));
    let broker = Broker::start("backend.connect = 'wait'", &backend);
    let mut client = Client::connect(broker.addr(), "/").await;
    lines.say(&send("welcome"));
    assert_eq!(client.text().await, "welcome");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_streams() {
    let lines = Streaming::default();
    let broker = Broker::start("drain.timeout = '50s'", &streaming(&lines));
    let mut client = broker.client("").await;
    client.say(r#""go""#).await;
    lines.say(&send("on"));
    assert_eq!(client.text().await, "on");
    let (code, ()) = tokio::join!(client.closed(), soon("the drain", broker.handle.drain()));
    assert_eq!(code, 1012);
    lines.readers(0).await;
}
