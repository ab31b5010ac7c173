//! What the application is told, and when its answers take effect.

use broker_server::core::EventKind;
use broker_testkit::backend::{Reply, Scripted, Told};
use serde_json::Value;

use crate::broker::Broker;

const MESSAGES: usize = 20;

fn messages(told: &[Told]) -> Vec<&str> {
    told.iter().map(|told| &*told.message).collect()
}

#[tokio::test]
async fn a_connections_events_come_in_order_one_at_a_time_however_slow_the_application_is() {
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 3", &backend);
    backend.slow_down();
    let mut client = broker.client("").await;
    for number in 0..MESSAGES {
        client.say(&number.to_string()).await;
    }
    let report = broker
        .until("all messages", |report| report.events_held == MESSAGES + 1)
        .await;
    assert_eq!(report.calls_in_flight, 1);
    assert_eq!(messages(&backend.told()), [r#"{"type":"session-connect"}"#]);

    backend.wake();
    let told = backend
        .told_until("all events", |told| told.len() == MESSAGES + 1)
        .await;
    let numbers: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
    assert_eq!(messages(&told)[1..], numbers);
    let ids: Vec<_> = told
        .iter()
        .map(|told| told.id.strip_prefix(&format!("{}-", told.session)))
        .collect();
    assert_eq!((ids[0], ids[MESSAGES]), (Some("1"), Some("21")));
}

#[tokio::test]
async fn one_connection_that_waits_for_the_application_keeps_no_other_waiting() {
    let backend = Scripted::new(|told| {
        let is_echo = told.kind == EventKind::Client;
        Reply::Commands(if is_echo {
            format!(r#"{{"type":"send","message":{}}}"#, told.message)
        } else {
            String::new()
        })
    });
    let broker = Broker::start("listen.shards = 1", &backend);
    let mut prompt = broker.client("").await;
    broker
        .until("the connect is answered", |report| report.events_held == 0)
        .await;
    backend.slow_down();
    let _waiting = broker.client("").await;
    broker
        .until("its event is out", |report| report.calls_in_flight == 1)
        .await;
    let pinged = prompt.ping("there?");
    pinged.await;
    assert_eq!(
        prompt.next().await,
        broker_testkit::client::Heard::Pong("there?".into())
    );
    broker.execute(r#"{"type":"send","message":"news"}"#).await;
    assert_eq!(prompt.text().await, r#""news""#);
}

/// Counts the events of a connection in its session, by a command that is routed to all shards.
fn count_up(told: &Told) -> Reply {
    let connection: Value = serde_json::from_str(&told.connection).unwrap();
    let seen = connection["seen"].as_u64().unwrap_or(0) + 1;
    let me = &connection["wskey"];
    Reply::Commands(format!(
        r#"[{{"type":"session","match":{{"wskey":{me}}},"data":{{"seen":{seen}}}}},
            {{"type":"send","match":{{"wskey":{me}}},"message":{seen}}}]"#
    ))
}

#[tokio::test]
async fn an_answers_commands_take_effect_before_the_next_event_also_when_they_go_to_all_shards() {
    let backend = Scripted::new(count_up);
    let broker = Broker::start("listen.shards = 3", &backend);
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(broker.client("").await);
    }
    for number in 0..MESSAGES {
        for client in &mut clients {
            client.say(&number.to_string()).await;
        }
    }
    let all = clients.len() * (MESSAGES + 1);
    let told = backend
        .told_until("all events", |told| told.len() == all)
        .await;
    let expected: Vec<String> = (1..=MESSAGES + 1).map(|seen| seen.to_string()).collect();
    for client in &mut clients {
        assert_eq!(client.texts(MESSAGES + 1).await, expected);
    }
    for one in &told {
        let earlier = told
            .iter()
            .take_while(|other| *other != one)
            .filter(|other| other.session == one.session);
        let connection: Value = serde_json::from_str(&one.connection).unwrap();
        assert_eq!(
            connection["seen"].as_u64().unwrap_or(0),
            earlier.count() as u64,
            "{one:?}"
        );
    }
}

#[tokio::test]
async fn without_match_an_answer_is_for_the_connection_that_caused_it() {
    let backend = Scripted::new(|told| {
        Reply::Commands(match told.kind {
            EventKind::Client => {
                r#"[{"type":"session","data":{"spoke":true}},{"type":"send","message":"you"}]"#
                    .to_owned()
            }
            EventKind::Connect | EventKind::Disconnect | EventKind::Start => String::new(),
        })
    });
    let broker = Broker::start("listen.shards = 2", &backend);
    let mut speaker = broker.client("").await;
    let mut other = broker.client("").await;
    speaker.say(r#"{"type":"hi"}"#).await;
    assert_eq!(speaker.text().await, r#""you""#);
    broker.execute(r#"[{"type":"send","message":"all"}]"#).await;
    assert_eq!(
        (speaker.text().await, other.text().await),
        (r#""all""#.to_owned(), r#""all""#.to_owned())
    );
    let receipts = broker
        .receipts(r#"{"type":"count","match":{"spoke":true}}"#)
        .await;
    assert_eq!(receipts[0]["matched"], 1);
}

#[tokio::test]
async fn an_application_given_by_an_embedder_is_told_whatever_the_configuration_names() {
    let backend = Scripted::silent();
    let broker = Broker::start("backend.url = 'none'", &backend);
    let _client = broker.client("").await;
    backend.told_of("session-connect").await;
}

#[tokio::test]
async fn without_an_application_nothing_is_held() {
    let broker = Broker::alone("");
    let mut client = broker.client("").await;
    client.say("hello").await;
    client.ping("done").await;
    assert_eq!(
        client.next().await,
        broker_testkit::client::Heard::Pong("done".into())
    );
    let report = broker.handle.report().await;
    assert_eq!((report.events_held, report.connections), (0, 1));
    client.close(None, "").await;
    broker.until("the end", |report| report.sessions == 0).await;
}
