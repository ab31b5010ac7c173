//! Messages of clients in the dialect `wsbroker`.

use broker_core::{SessionId, Timestamp};
use broker_dialect::{Action, DialectKind, Incoming, Options, Start};
use serde_json::value::RawValue;

use crate::told::Object;

/// The first byte says whether the rest is a text or a binary message.
pub(crate) fn feed(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let incoming = match (first % 2, str::from_utf8(rest)) {
        (0, Ok(text)) => Incoming::Text(text),
        (0, Err(_)) => return,
        _ => Incoming::Binary(rest),
    };
    let options = Options::default();
    let start = Start::new(Timestamp(0), SessionId::new(0, [1; 14]), &options);
    let mut dialect = DialectKind::Wsbroker.open(&start, &mut |_| {});
    let mut actions = 0;
    dialect.receive(Timestamp(0), incoming, &mut |action| {
        actions += 1;
        match action {
            Action::Message(message) => {
                let mut told = Vec::new();
                message.write_prefixed(&mut told);
                check(&told);
            }
            Action::Refuse { reason, .. } => assert!(reason.len() <= 123),
            Action::Register(_)
            | Action::Unregister
            | Action::Relay(_)
            | Action::Answer { .. }
            | Action::Enter { .. }
            | Action::Leave { .. }
            | Action::Say { .. }
            | Action::Acknowledge { .. }
            | Action::PassOver(_)
            | Action::AbandonUpgrade
            | Action::Reply(_) => panic!("not in this dialect: {action:?}"),
        }
    });
    assert_eq!(actions, 1, "a message is told or refused, once");
}

/// It is JSON, and if it is an object, its one type is a client's.
fn check(told: &[u8]) {
    let whole: &RawValue = serde_json::from_slice(told).expect("the backend is told JSON");
    if whole.get().starts_with('{') {
        let kind = Object::read(told).string("type");
        assert!(kind.starts_with("client-"), "{kind}");
    }
}
