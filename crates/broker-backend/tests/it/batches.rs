//! Several events in one request, and what is answered.

use broker_backend::{Answer, Backend, Commands, Format, Http, Unanswered};
use broker_core::{Call, CommandList, Event, EventId, Failure, SessionId};
use serde_json::{Value, json};

use crate::events::{config, connected, disconnected, message, names};
use crate::server::{Request, Server, ok, together};

fn batched(server: &Server) -> Http {
    let mut config = config(&server.url());
    config.format = Format::Json;
    config.is_batched = true;
    Http::new(config)
}

/// Events of different sessions, as their first try.
fn call(events: impl IntoIterator<Item = Event>) -> Call {
    let numbered = events.into_iter().zip(1..).map(|(event, number)| Event {
        id: EventId {
            session: SessionId::new(0, [number; 14]),
            number: 7,
        },
        ..event
    });
    let mut events = numbered.collect::<Vec<_>>().into_iter();
    let mut call = Call::from(events.next().expect("an event"));
    call.events.extend(events);
    call
}

async fn tell(call: Call, answer: &str) -> (Result<Vec<CommandList>, Failure>, Request) {
    let server = Server::bind().await;
    let backend = batched(&server);
    let (result, (_peer, request)) = together(backend.call(call), server.serve(&ok(answer))).await;
    let lists = match result {
        Ok(Answer {
            commands: Commands::Lists(lists),
            ..
        }) => Ok(lists.into_vec()),
        Ok(other) => panic!("{other:?} is not all at once"),
        Err(Unanswered { failure, .. }) => Err(failure),
    };
    (lists, request)
}

#[tokio::test]
async fn events_go_out_in_one_request_and_each_has_its_answer() {
    let three = call([connected(), message(r#"{"type":"hi"}"#), disconnected()]);
    let ids: Vec<String> = three
        .events
        .iter()
        .map(|event| event.id.to_string())
        .collect();
    let answer = r#"[{"type":"close"},null,[{"type":"log","text":1},{"type":"send","message":2}]]"#;
    let (lists, request) = tell(three, answer).await;
    let lists = lists.unwrap();
    let names: Vec<Vec<&str>> = lists.iter().map(names).collect();
    assert_eq!(names, [vec!["close"], vec![], vec!["log", "send"]]);

    let body: Value = serde_json::from_str(request.text()).unwrap();
    let events = body["events"].as_array().unwrap();
    let told = |field: &str| events.iter().map(|event| &event[field]).collect::<Vec<_>>();
    assert_eq!(told("id"), ids.iter().collect::<Vec<_>>());
    assert_eq!(events[1]["message"], json!({"type": "client-hi"}));
    assert_eq!(events[2]["message"]["type"], "session-disconnect");
    assert_eq!(events[0]["connection"]["user"], "ann");
    assert_eq!(events[0]["path"], "/chat?room=1");

    // The request has a name of its own, that is none of its events'.
    assert_eq!(
        request.header("webhook-id"),
        Some(&*format!("batch-{}", ids[0]))
    );
    assert_eq!(request.header("wsbroker-event"), Some("batch"));
    assert_eq!(request.header("wsbroker-attempt"), Some("1"));
    assert_eq!(request.header("wsbroker-connection"), None);
    assert_eq!(request.header("wsbroker-path"), None);
}

#[tokio::test]
async fn an_event_that_goes_out_alone_is_in_a_list_too_and_gives_the_request_its_name() {
    let one = call([message("1")]);
    let id = one.events[0].id.to_string();
    let (lists, request) = tell(one, "[[]]").await;
    assert_eq!(lists.unwrap().len(), 1);
    assert_eq!(request.header("webhook-id"), Some(&*id));
    let body: Value = serde_json::from_str(request.text()).unwrap();
    assert_eq!(body["events"][0]["id"], id);
}

#[tokio::test]
async fn an_answer_that_is_not_one_for_each_event_runs_nothing_and_is_shown() {
    let two = || call([message("1"), message("2")]);
    for answer in ["[null]", r#"{"type":"close"}"#, "7"] {
        let failure = tell(two(), answer).await.0.unwrap_err();
        assert!(!failure.is_retryable(), "{failure:?}");
        let said = failure.to_string();
        assert!(
            said.contains("the answer to 2 events must be a list with an entry for each"),
            "{said}"
        );
    }
    let none = tell(two(), "").await.0.unwrap();
    assert!(none.len() == 2 && none.iter().all(|list| list.entries.is_empty()));
}
