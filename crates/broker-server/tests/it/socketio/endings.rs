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
