use bytes::Bytes;

use super::*;
use crate::command::Reading;
use crate::session::InfoTooLarge;

/// What the outcomes of shards come to for one command, whatever their order.
fn merged(command: &'static str, of_shards: &[Outcome]) -> Outcome {
    let reading = Reading::strict(1);
    let list = CommandList::parse(&Bytes::from_static(command.as_bytes()), reading).unwrap();
    let merge = |of_shards: Vec<Outcome>| {
        let [merged] = &list.merge(of_shards.into_iter().map(|one| vec![one]))[..] else {
            panic!("one command has one outcome");
        };
        merged.clone()
    };
    let there = merge(of_shards.to_vec());
    let back = merge(of_shards.iter().rev().cloned().collect());
    assert_eq!(there, back, "{command}");
    there
}

fn full(matched: usize, refused: usize) -> Outcome {
    let first = InfoTooLarge { size: 2, limit: 1 };
    Outcome::Refused(CommandError::SessionsFull {
        matched,
        refused,
        first,
    })
}

fn listing(matched: usize, orders: &[u64], has_more: bool) -> Outcome {
    let sessions = orders.iter().map(|order| (*order, "{}".into()));
    Outcome::Listed(Listing {
        matched,
        sessions: sessions.collect(),
        has_more,
    })
}

#[test]
fn counts_of_shards_add_up() {
    let sent = |matched, dropped| Outcome::Sent { matched, dropped };
    assert_eq!(
        merged(
            r#"{"type":"send","message":1}"#,
            &[sent(5, 2), Outcome::Elsewhere, sent(4, 3)]
        ),
        sent(9, 5)
    );
    let changed = |matched| Outcome::Changed { matched };
    let session = r#"{"type":"session","data":{}}"#;
    assert_eq!(merged(session, &[changed(2), changed(3)]), changed(5));
    let closed = |matched| Outcome::Closed { matched };
    assert_eq!(
        merged(r#"{"type":"close"}"#, &[closed(2), closed(3)]),
        closed(5)
    );
    let counted = |matched, by: &[(&str, usize)]| Outcome::Counted {
        matched,
        by: Some(
            by.iter()
                .map(|(value, count)| ((*value).into(), *count))
                .collect(),
        ),
    };
    assert_eq!(
        merged(
            r#"{"type":"count","by":"room"}"#,
            &[counted(7, &[("a", 2), ("b", 3)]), counted(5, &[("a", 4)])]
        ),
        counted(12, &[("a", 6), ("b", 3)])
    );
}

#[test]
fn one_session_without_room_makes_a_refusal_that_counts_all() {
    let session = r#"{"type":"session","data":{}}"#;
    assert_eq!(merged(session, &[full(5, 2), full(4, 3)]), full(9, 5));
    let changed = Outcome::Changed { matched: 3 };
    assert_eq!(merged(session, &[full(5, 2), changed]), full(8, 2));
}

#[test]
fn a_page_is_the_first_of_all_shards_and_says_when_more_follow() {
    let list = r#"{"type":"list","limit":2}"#;
    assert_eq!(
        merged(list, &[listing(3, &[2, 5], true), listing(1, &[1], false)]),
        listing(4, &[1, 2], true)
    );
    assert_eq!(
        merged(list, &[listing(3, &[2, 5], true), listing(0, &[], false)]),
        listing(3, &[2, 5], true)
    );
    assert_eq!(
        merged(list, &[listing(1, &[2], false), listing(1, &[1], false)]),
        listing(2, &[1, 2], false)
    );
}

#[test]
fn findings_are_what_is_shown() {
    let counted = |by| Outcome::Counted { matched: 9, by };
    let by = BTreeMap::from([("a".into(), 4), ("b".into(), 3), ("c".into(), 1)]);
    for (outcome, findings) in [
        (listing(9, &[1, 2], true), 2),
        (counted(Some(by)), 3),
        (counted(None), 0),
        (Outcome::Changed { matched: 9 }, 0),
    ] {
        assert_eq!(outcome.findings(), findings, "{outcome:?}");
    }
}
