//! Bodies that come beside another, or do not come as a whole: their session knows of each from its head on.

use broker_server::{Closed, Refused};

use super::*;

/// A body of one packet, in two parts.
const PARTS: [&str; 2] = ["42[", r#""half"]"#];

/// Sends the head of a request, and the first part of its body.
async fn begin_post(raw: &mut Raw, poller: &Poller) {
    let length = PARTS.concat().len();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n",
        poller.path
    );
    raw.write(head + PARTS[0]).await;
}

/// Says something again and again, until that is refused.
async fn say_until_refused(raw: &mut Raw, poller: &Poller) -> (u16, String) {
    let refusal = async {
        loop {
            let answer = poller.post_by(raw, r#"42["whole"]"#).await;
            if answer != ok() {
                return answer;
            }
        }
    };
    soon("a refusal", refusal).await
}

async fn answer(raw: &mut Raw) -> (u16, String) {
    let answer = raw.answer().await;
    (answer.status, answer.body)
}

#[tokio::test]
async fn two_bodies_at_once_end_their_session_on_whatever_shards_they_arrive() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut home = socket_on(&broker, 0).await;
    for shards in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let poller = Poller::enter_by(&mut home).await;
        let mut first = socket_on(&broker, shards[0]).await;
        let mut second = socket_on(&broker, shards[1]).await;
        begin_post(&mut first, &poller).await;
        // Until the first has arrived, the second is one by itself.
        let refused = say_until_refused(&mut second, &poller).await;
        assert_eq!(refused, bad_request(), "{shards:?}");
        first.write(PARTS[1]).await;
        assert_eq!(answer(&mut first).await, unknown_session(), "{shards:?}");
    }
    let expected =
        r#"{"type":"session-disconnect","code":1002,"reason":"it posted twice at once"}"#;
    assert_eq!(endings(&backend, 4).await, [expected; 4]);
    until_nothing_is_left(&broker).await;
    let counters = broker.handle.counters();
    assert_eq!(counters.closed(Closed::ProtocolError), 4, "{counters}");
    let told = backend.told();
    assert!(!told.iter().any(|told| told.message.contains("half")));
}

#[tokio::test]
async fn a_body_beside_one_that_waits_for_room_ends_their_session() {
    let backend = Scripted::silent();
    let config = format!("listen.shards = 2\nbackend.hold.max_events = 3\n{ENDPOINT}");
    let broker = Broker::start(&config, &backend);
    let mut home = socket_on(&broker, 0).await;
    for shards in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let poller = Poller::enter_by(&mut home).await;
        let mut first = socket_on(&broker, shards[0]).await;
        let mut second = socket_on(&broker, shards[1]).await;
        broker
            .until("the connect is told", |report| report.events_held == 0)
            .await;
        backend.slow_down();
        let long = [r#"42["said"]"#; 10].join("\u{1e}");
        let waiting = tokio::spawn({
            let path = poller.path.clone();
            async move { first.request("POST", &path, &[], &long).await }
        });
        broker
            .until("a full hold", |report| report.events_held == 4)
            .await;
        let refused = poller.post_by(&mut second, r#"42["late"]"#).await;
        assert_eq!(refused, bad_request(), "{shards:?}");
        let waited = soon("an answer", waiting).await.unwrap();
        assert_eq!((waited.status, waited.body), unknown_session());
        backend.wake();
        broker
            .until("all is told", |report| report.events_held == 0)
            .await;
    }
    endings(&backend, 4).await;
    until_nothing_is_left(&broker).await;
    let told = backend.told().into_iter();
    let said = told.filter(|told| told.message.contains("client-"));
    assert_eq!(said.count(), 4 * 4, "what was taken in is told");
}

#[tokio::test]
async fn a_body_that_is_cut_off_ends_its_session() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut home = socket_on(&broker, 0).await;
    for shard in [0, 1] {
        let poller = Poller::enter_by(&mut home).await;
        let mut cut = socket_on(&broker, shard).await;
        begin_post(&mut cut, &poller).await;
        drop(cut);
        until_nothing_is_left(&broker).await;
        assert_eq!(poller.post_by(&mut home, "3").await, unknown_session());
    }
    let expected = r#"{"type":"session-disconnect","code":1006,"reason":"its body was cut off"}"#;
    assert_eq!(endings(&backend, 2).await, [expected; 2]);
    assert_eq!(broker.handle.counters().closed(Closed::Lost), 2);
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_ends_its_session() {
    let config = format!("listen.shards = 2\nlimits.body_timeout = '50ms'\n{ENDPOINT}");
    let broker = Broker::start(&config, &Scripted::silent());
    let mut home = socket_on(&broker, 0).await;
    for shard in [0, 1] {
        let poller = Poller::enter_by(&mut home).await;
        let mut slow = socket_on(&broker, shard).await;
        begin_post(&mut slow, &poller).await;
        assert_eq!(slow.answer().await.status, 408);
        assert_eq!(poller.poll_by(&mut home).await, unknown_session());
    }
    until_nothing_is_left(&broker).await;
    let counters = broker.handle.counters();
    assert_eq!(counters.refused(Refused::BodyTimeout), 2, "{counters}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_its_session_goes_on() {
    let limits = "[limits]\nmax_message = '500B'\nmax_body = '1KiB'\n";
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}{limits}"), &backend);
    let mut home = socket_on(&broker, 0).await;
    let poller = Poller::enter_by(&mut home).await;
    let counters = broker.handle.counters();
    let mut refused = 0;
    for shard in [0, 1] {
        for (bytes, limit) in [
            (501, "max_message of 500 bytes"),
            (1025, "max_body of 1024 bytes"),
        ] {
            let mut raw = socket_on(&broker, shard).await;
            let body = format!(r#"42["{}"]"#, "x".repeat(bytes - 6));
            let why = format!("the body is longer than the limit {limit}\n");
            assert_eq!(poller.post_by(&mut raw, &body).await, (413, why));
            refused += 1;
            assert_eq!(counters.refused(Refused::BodyTooLong), refused);
            assert_eq!(poller.post_by(&mut home, r#"42["next"]"#).await, ok());
        }
    }
    backend
        .told_until("each that follows", |told| {
            let next = |told: &&Told| told.message.contains("client-next");
            told.iter().filter(next).count() == 4
        })
        .await;
}
