//! Any sequence of what may happen, in virtual time.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// What may happen to a session, in virtual time.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Talk,
    BeginUpgrade,
    Probe,
    CompleteUpgrade,
    AbandonUpgrade,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..30_000).prop_map(Step::Wait),
        2 => Just(Step::Talk),
        1 => Just(Step::BeginUpgrade),
        1 => Just(Step::Probe),
        1 => Just(Step::CompleteUpgrade),
        1 => Just(Step::AbandonUpgrade),
    ];
    prop::collection::vec(step, 1..60)
}

/// A client that answers in time, or not at all.
struct Client {
    /// How long it takes to answer a ping in milliseconds; none if it is silent.
    answers_after: Option<u64>,
    /// When its pong (protocol 4) or its next ping (protocol 3) is sent.
    beat_at: Option<Timestamp>,
}

/// Lets time pass in steps no longer than to the next thing due; the time at which the session ended.
fn pass(
    session: &mut Session,
    client: &mut Client,
    now: &mut Timestamp,
    until: Timestamp,
) -> Option<Timestamp> {
    loop {
        let next = [session.next_deadline(), client.beat_at, Some(until)];
        let next = next.into_iter().flatten().min().unwrap_or(until);
        *now = next.max(*now);
        if client.beat_at.is_some_and(|at| at <= *now) {
            client.beat_at = None;
            let beat = match session.revision() {
                Revision::Three => Packet::Ping(""),
                Revision::Four => Packet::Pong,
            };
            let _ = session.receive(*now, beat);
            if session.revision() == Revision::Three {
                client.beat_at = Some(now.after(Duration::from_secs(25)));
            }
        }
        for due in due(session, *now) {
            match due {
                Due::Send(_) => {
                    let wait = client.answers_after.map(Duration::from_millis);
                    client.beat_at = wait.map(|wait| now.after(wait));
                }
                Due::AbandonUpgrade => {}
                Due::Close(_) => return Some(*now),
            }
        }
        if *now >= until {
            return None;
        }
    }
}

fn take(session: &mut Session, now: Timestamp, step: &Step, is_silent: bool) {
    match step {
        Step::Wait(_) => {}
        Step::Talk if is_silent => {}
        Step::Talk => {
            session.receive(now, Packet::Text("x"));
        }
        Step::BeginUpgrade => {
            let _ = session.begin_upgrade(now);
        }
        Step::Probe => {
            session.receive_probe(now, &Packet::Ping("probe"));
        }
        Step::CompleteUpgrade if is_silent => {}
        Step::CompleteUpgrade => {
            session.receive_probe(now, &Packet::Upgrade);
        }
        Step::AbandonUpgrade => session.abandon_upgrade(),
    }
}

proptest! {
    #[test]
    fn a_live_client_is_never_dropped(steps in steps(), is_four: bool, answers_after in 0_u64..20_000) {
        let revision = if is_four { Revision::Four } else { Revision::Three };
        let mut session = session(revision, Transport::Polling);
        let mut now = START;
        let mut client = Client {
            answers_after: Some(answers_after),
            beat_at: (!is_four).then(|| START.after(Duration::from_secs(25))),
        };
        for step in steps {
            if let Step::Wait(ms) = step {
                let until = now.after(Duration::from_millis(ms));
                prop_assert_eq!(pass(&mut session, &mut client, &mut now, until), None);
            }
            take(&mut session, now, &step, false);
            prop_assert!(!session.is_closed());
        }
    }

    #[test]
    fn a_silent_client_is_always_found(steps in steps(), is_four: bool) {
        let revision = if is_four { Revision::Four } else { Revision::Three };
        let mut session = session(revision, Transport::Polling);
        let mut now = START;
        let mut client = Client { answers_after: None, beat_at: None };
        let mut end = None;
        for step in &steps {
            if let Step::Wait(ms) = step {
                let until = now.after(Duration::from_millis(*ms));
                end = end.or(pass(&mut session, &mut client, &mut now, until));
            }
            take(&mut session, now, step, true);
        }
        let until = now.after(Duration::from_secs(100));
        let end = end.or_else(|| pass(&mut session, &mut client, &mut now, until));
        prop_assert_eq!(end, Some(after(45)));
    }

    #[test]
    fn a_deadline_that_was_handled_has_moved(steps in steps(), is_four: bool) {
        let revision = if is_four { Revision::Four } else { Revision::Three };
        let mut session = session(revision, Transport::Polling);
        let mut now = START;
        for step in &steps {
            if let Step::Wait(ms) = step {
                now = now.after(Duration::from_millis(*ms));
            }
            take(&mut session, now, step, false);
            due(&mut session, now);
            prop_assert!(session.next_deadline().is_none_or(|deadline| deadline > now));
        }
    }
}
