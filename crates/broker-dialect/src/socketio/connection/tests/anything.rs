//! Any conversation at all.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Outgoing;

/// What a client sends: mostly something that is right, since the first fault is the end.
fn message() -> impl Strategy<Value = Outgoing> {
    let text = prop_oneof![
        8 => "40(/[ab],)?",
        8 => r#"42(/[ab],)?[0-9]?\["[ab]"(,1)?\]"#,
        2 => "41(/[ab],)?",
        2 => r"43(/[ab],)?[0-9]\[1?\]",
        3 => r#"451-(/[ab],)?\["[ab]",\{"_placeholder":true,"num":0\}\]"#,
        1 => r#"4[0-6](1-|2-)?(/[ab],)?[0-9]?(\["[ab]"(,\{"_placeholder":true,"num":[01]\})?\]|\{\})?"#,
        1 => "[0-6b]?(probe)?.{0,4}",
    ];
    prop_oneof![
        5 => text.prop_map(|text| Outgoing::Text(text.into())),
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(|mut bytes| {
            bytes.insert(0, 4);
            Outgoing::Binary(bytes.into())
        }),
    ]
}

fn incoming(message: &Outgoing) -> Incoming<'_> {
    match message {
        Outgoing::Text(text) => Incoming::Text(std::str::from_utf8(text).unwrap()),
        Outgoing::Binary(bytes) => Incoming::Binary(bytes),
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_only_who_is_in_a_namespace_is_heard(
        messages in prop::collection::vec((message(), 0_u8..7, 0_u64..9000), 0..40),
        is_four: bool,
    ) {
        let revision = if is_four { Revision::Four } else { Revision::Three };
        let settings = Settings { max_namespaces: 2, ..Settings::default() };
        let mut now = START;
        let (mut waiting, mut within) = (Vec::new(), Vec::new());
        let mut is_closed = false;
        let mut check = |action: Action<'_>, waiting: &mut Vec<NamespaceIndex>, within: &mut Vec<NamespaceIndex>| {
            assert!(!is_closed, "{action:?} behind the end");
            match action {
                Action::Enter { namespace, .. } => {
                    assert!(namespace.0 < 2);
                    assert!(!waiting.contains(&namespace) && !within.contains(&namespace));
                    waiting.push(namespace);
                }
                Action::Leave { namespace } => {
                    assert!(within.contains(&namespace));
                    within.retain(|one| *one != namespace);
                }
                Action::Event { namespace, event, .. } => {
                    assert!(within.contains(&namespace));
                    assert!(serde_json::from_str::<serde_json::Value>(&event.to_message()).is_ok());
                }
                Action::Acknowledged { namespace, .. } => assert!(within.contains(&namespace)),
                Action::Send(_) | Action::AbandonUpgrade => {}
                Action::Close(_) => is_closed = true,
            }
        };
        let mut connection = Connection::open(now, revision, Transport::WebSocket, Arc::new(settings), &mut |action| {
            check(action, &mut waiting, &mut within);
        });
        for (message, answer, wait) in &messages {
            now = now.after(Duration::from_millis(*wait));
            connection.handle_timeout(now, true, &mut |action| check(action, &mut waiting, &mut within));
            connection.receive(now, incoming(message), &mut |action| check(action, &mut waiting, &mut within));
            match answer {
                0..=3 => if let Some(index) = waiting.pop() {
                    let answered = connection.entered(index, "sid").is_some();
                    prop_assert_eq!(answered, !connection.session().is_closed());
                    within.push(index);
                },
                4 => if let Some(index) = waiting.pop() {
                    let answered = connection.refused(now, index, "no", None).is_some();
                    prop_assert_eq!(answered, !connection.session().is_closed());
                },
                5 => if let Some(index) = within.pop() {
                    let answered = connection.put_out(now, index).is_some();
                    prop_assert_eq!(answered, !connection.session().is_closed());
                },
                _ => {}
            }
            if !connection.session().is_closed() {
                let mut known: Vec<NamespaceIndex> = waiting.iter().chain(&within).copied().collect();
                known.sort_unstable();
                prop_assert_eq!(connection.namespaces.live().collect::<Vec<_>>(), known);
                prop_assert!(connection.next_deadline().is_some());
            }
        }
    }
}
