//! How sessions that are polled end.

use broker_server::Closed;

use super::*;

/// Begins a poll, and waits until a shard has got to it, which serves another socket as well: with each of these requests
/// it has looked at all sockets.
async fn begin_poll(raw: &mut Raw, poller: &Poller, witness: &mut Raw) {
    raw.write(format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        poller.path
    ))
    .await;
    for _ in 0..3 {
        let path = "/socket.io/?EIO=4&transport=none";
        assert_eq!(witness.request("GET", path, &[], "").await.status, 400);
    }
}

#[tokio::test]
async fn a_bad_packet_in_a_body_ends_its_session_and_is_counted() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 1\n{ENDPOINT}"), &backend);
    let counters = broker.handle.counters();
    let many = r#"4511-["a"]"#;
    let wrong = Closed::Dialect;
    let cases = [
        // Packets of Engine.IO, so that the body is taken, but not of Socket.IO.
        ("4x", ok(), 1002, wrong, "unknown type 'x'"),
        (r#"42["a""#, ok(), 1002, wrong, "not JSON"),
        (r#"42/b,["a"]"#, ok(), 1002, wrong, "that it is not in"),
        ("40", ok(), 1002, wrong, "a namespace that it is in"),
        (r#"42["disconnect"]"#, ok(), 1002, wrong, "reserved name"),
        ("bAQI=", ok(), 1002, wrong, "no packet announced"),
        (many, ok(), 1002, wrong, "more than 10 attachments"),
        ("2", ok(), 1002, wrong, "wrong direction"),
        // No packets of Engine.IO.
        ("x", bad_request(), 1002, wrong, "unknown type 'x'"),
        ("", bad_request(), 1002, wrong, "an empty body"),
        // The last word of a client.
        (
            "1",
            ok(),
            1000,
            Closed::ByClient,
            "the peer ended the session",
        ),
    ];
    let mut ended = 0;
    for (packet, answer, code, cause, why) in cases {
        for polls in [false, true] {
            let before = counters.closed(cause);
            let poller = Poller::enter(&broker).await;
            let mut polling = Raw::connect(broker.addr()).await;
            let mut posting = Raw::connect(broker.addr()).await;
            if polls {
                begin_poll(&mut polling, &poller, &mut posting).await;
            }
            let answered = poller.post_by(&mut posting, packet).await;
            assert_eq!(answered, answer, "{packet}");
            if polls {
                assert_eq!(polling.answer().await.body, "1", "{packet}");
            }
            assert_eq!(poller.poll_by(&mut polling).await, unknown_session());
            ended += 1;
            let told = endings(&backend, ended).await.pop().unwrap();
            let is_told = told.contains(&format!(r#""code":{code}"#)) && told.contains(why);
            assert!(is_told, "{told}");
            assert_eq!(counters.closed(cause), before + 1, "{packet}: {counters}");
        }
    }
    until_nothing_is_left(&broker).await;
}

#[tokio::test]
async fn attachments_that_are_too_long_together_end_their_session_with_1009() {
    let backend = Scripted::silent();
    let config = format!("limits.max_message = '100B'\n{ENDPOINT}");
    let broker = Broker::start(&config, &backend);
    let poller = Poller::enter(&broker).await;
    // 60 bytes each, in base64.
    let attachment = format!("b{}", "A".repeat(80));
    let packet = format!("{}\u{1e}{attachment}", r#"452-["a"]"#);
    assert_eq!(poller.post(&broker, &packet).await, ok());
    assert_eq!(poller.post(&broker, &attachment).await, ok());
    assert!(endings(&backend, 1).await[0].contains(r#""code":1009"#));
    assert_eq!(broker.handle.counters().closed(Closed::MessageTooBig), 1);
}

#[tokio::test]
async fn two_polls_at_once_end_their_session_on_whatever_shards_they_arrive() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut home = socket_on(&broker, 0).await;
    for shards in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let poller = Poller::enter_by(&mut home).await;
        let mut first = socket_on(&broker, shards[0]).await;
        let mut second = socket_on(&broker, shards[1]).await;
        let both = tokio::join!(poller.poll_by(&mut first), poller.poll_by(&mut second));
        // Whichever comes first waits for nothing any more.
        let mut both = [both.0, both.1];
        both.sort();
        assert_eq!(both, [unknown_session(), bad_request()], "{shards:?}");
    }
    let expected =
        r#"{"type":"session-disconnect","code":1002,"reason":"it polled twice at once"}"#;
    assert_eq!(endings(&backend, 4).await, [expected; 4]);
    assert_eq!(broker.handle.counters().closed(Closed::ProtocolError), 4);
}

#[tokio::test]
async fn a_poll_that_is_cut_off_ends_its_session() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("listen.shards = 2\n{ENDPOINT}"), &backend);
    let mut home = socket_on(&broker, 0).await;
    for shard in [0, 1] {
        let poller = Poller::enter_by(&mut home).await;
        let mut cut = socket_on(&broker, shard).await;
        let mut witness = socket_on(&broker, shard).await;
        begin_poll(&mut cut, &poller, &mut witness).await;
        drop(cut);
        until_nothing_is_left(&broker).await;
        assert_eq!(poller.post_by(&mut home, "3").await, unknown_session());
    }
    let expected = r#"{"type":"session-disconnect","code":1006,"reason":"its poll was cut off"}"#;
    assert_eq!(endings(&backend, 2).await, [expected; 2]);
    assert_eq!(broker.handle.counters().closed(Closed::Lost), 2);
}

/// Sessions that fall silent, one that does not poll and one that polls and answers no ping: each is found, and its place is
/// free again.
async fn fall_silent(limit: &str) {
    let config = format!(
        "limits = {{ {limit} = 2, close_timeout = '100ms' }}\n{ENDPOINT}[websocket]\nping_interval = '2s'\n\
         pong_timeout = '2s'\n"
    );
    let backend = Scripted::silent();
    let broker = Broker::start(&config, &backend);
    let counters = broker.handle.counters();
    // The one socket by which everything comes takes one place of two, and the session the other.
    let mut raw = Raw::connect(broker.addr()).await;
    for polls in [false, true] {
        let poller = Poller::enter_by(&mut raw).await;
        let full = raw.request("GET", POLLING, &[], "").await;
        assert_eq!(full.status, 503, "{limit}");
        if polls {
            assert_eq!(poller.poll_by(&mut raw).await.1, "2");
            assert_eq!(poller.poll_by(&mut raw).await.1, "1");
        }
        until_nothing_is_left(&broker).await;
        assert_eq!(poller.poll_by(&mut raw).await, unknown_session());
        assert_eq!(poller.post_by(&mut raw, "3").await, unknown_session());
    }
    let expected =
        r#"{"type":"session-disconnect","code":4102,"reason":"the peer was not heard of in time"}"#;
    assert_eq!(endings(&backend, 2).await, [expected; 2]);
    assert_eq!(counters.closed(Closed::NoPong), 2, "{counters}");
    Poller::enter_by(&mut raw).await;
}

#[tokio::test]
async fn a_polling_session_that_falls_silent_is_ended_and_leaves_nothing() {
    tokio::join!(
        fall_silent("max_connections"),
        fall_silent("max_connections_per_ip")
    );
}

#[tokio::test]
async fn where_a_client_stands_it_is_told_however_much_it_has_still_to_fetch() {
    let config = format!(
        "{ENDPOINT}[limits]\nmax_send_queue = '4KiB'\nslow_consumer = 'drop'\n[backend]\nconnect = 'wait'"
    );
    let backend = Scripted::silent();
    let broker = Broker::start(&config, &backend);
    let poller = Poller::named(POLLING, &get(&broker, POLLING).await);
    assert_eq!(poller.post(&broker, "40").await, ok());
    let main = sid(&poller.poll(&broker).await);
    let send = r#"{"type":"send","match":"*","message":{"type":"much","args":["LONG"]}}"#;
    let send = send.replace("LONG", &"x".repeat(4096));
    broker.execute(&send).await;
    assert_eq!(broker.receipts(&send).await[0]["dropped"], 1);

    assert_eq!(poller.post(&broker, "40/other,").await, ok());
    assert_eq!(poller.post(&broker, r#"42/other,["hello"]"#).await, ok());
    backend.told_of("client-hello").await;
    broker
        .execute(&format!(
            r#"{{"type":"close","match":{{"wskey":"{main}"}}}}"#
        ))
        .await;
    let fetched = poller.poll(&broker).await;
    let packets: Vec<&str> = fetched.split('\u{1e}').collect();
    assert!(packets[1].starts_with("40/other,{"), "{packets:?}");
    assert_eq!(packets[2..], ["41"]);
}

#[tokio::test]
async fn what_a_client_does_not_fetch_has_a_limit() {
    let send = r#"{"type":"send","match":"*","message":{"type":"much","args":["LONG"]}}"#;
    let send = send.replace("LONG", &"x".repeat(4096));
    for slow_consumer in ["close", "drop"] {
        let limits = format!("max_send_queue = '16KiB'\nslow_consumer = '{slow_consumer}'");
        let backend = Scripted::silent();
        let broker = Broker::start(&format!("{ENDPOINT}[limits]\n{limits}"), &backend);
        let poller = Poller::enter(&broker).await;
        let (mut matched, mut dropped) = (0, 0);
        for _ in 0..10 {
            let receipt = &broker.receipts(&send).await[0];
            matched += receipt["matched"].as_u64().unwrap();
            dropped += receipt["dropped"].as_u64().unwrap();
        }
        if slow_consumer == "close" {
            assert_eq!(poller.poll(&broker).await, "1");
            assert_eq!((matched, dropped), (5, 1));
            assert!(endings(&backend, 1).await[0].contains(r#""code":4100"#));
            assert_eq!(broker.handle.counters().closed(Closed::SendQueue), 1);
            until_nothing_is_left(&broker).await;
        } else {
            assert_eq!((matched, dropped), (10, 6));
            let fetched = poller.poll(&broker).await;
            assert_eq!(fetched.split('\u{1e}').count(), 4);
            assert_eq!(poller.post(&broker, r#"42["still"]"#).await, ok());
        }
    }
}

#[tokio::test]
async fn a_body_over_messages_per_second_ends_its_session_with_4101() {
    let backend = Scripted::silent();
    let config = format!("listen.shards = 1\nlimits.messages_per_second = 5\n{ENDPOINT}");
    let broker = Broker::start(&config, &backend);
    let poller = Poller::enter(&broker).await;
    let body = [r#"42["said"]"#; 20].join("\u{1e}");
    assert_eq!(poller.post(&broker, &body).await, unknown_session());
    assert!(endings(&backend, 1).await[0].contains(r#""code":4101"#));
    until_nothing_is_left(&broker).await;
    let said = backend.told().into_iter();
    let said = said.filter(|told| told.message.contains("client-said"));
    assert!((1..20).contains(&said.count()), "those before it are told");
    assert_eq!(broker.handle.counters().closed(Closed::TooManyMessages), 1);
}
