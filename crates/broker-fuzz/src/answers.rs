//! Answers of the backend to an event.

use broker_core::{CommandList, Effect, Effects, Fact};
use bytes::Bytes;

use crate::commands::{NOW, Shard, called, reading};

/// The input is the body of an answer to a client's message.
pub(crate) fn feed(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    let list = match CommandList::parse(&body, reading(false)) {
        Ok(list) => list,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut shard = Shard::new();
    let mut effects = Effects::default();
    let session = shard.sessions[0];
    // The second message waits until the first is answered, and the answer's commands have been carried out.
    shard.says(session, &mut effects);
    shard.says(session, &mut effects);
    assert_eq!(calls(&effects), 1);
    let call = called(&effects);
    effects.list.clear();

    shard
        .broker
        .backend_replied(NOW, call, [list], &mut effects);
    let mut told = calls(&effects);
    while shard.broker.is_busy() {
        assert_eq!(told, 0, "an event overtook the commands before it");
        shard.broker.resume(NOW, &mut effects);
        told = calls(&effects);
    }
    assert_eq!(told, 1, "the next event is told once");
    let view = shard
        .broker
        .session(session)
        .expect("it still has an event to tell");
    let info: serde_json::Value = serde_json::from_str(view.info.text()).expect("the info is JSON");
    assert_eq!(info["ip"], "::1");
    assert_eq!(info["wskey"], view.id.to_string());
    shard.finish(&mut effects);
}

/// How many messages of clients the backend is told.
fn calls(effects: &Effects) -> usize {
    let facts = effects.list.iter().filter_map(|effect| {
        let Effect::CallBackend(call) = effect else {
            return None;
        };
        Some(&*call.events[0].fact)
    });
    facts
        .filter(|fact| matches!(fact, Fact::Received(_)))
        .count()
}
