use std::time::Duration;

use broker_core::{Listing, Source};
use broker_testkit::backend::commands;
use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_list_that_waits_for_room_while_a_shard_ends_is_refused_and_not_forgotten() {
    let (mailboxes, mut letters) = Mailboxes::new(2);
    let (reply, _replies) = mpsc::channel(MAILBOX_LETTERS);
    for _ in 0..MAILBOX_LETTERS {
        mailboxes
            .send(1, Mail::Report(reply.clone()))
            .await
            .unwrap();
    }
    let waiting = tokio::spawn({
        let mailboxes = mailboxes.clone();
        async move { mailboxes.execute(Arc::default(), Source::Embedder).await }
    });
    while letters[0].capacity() == MAILBOX_LETTERS {
        tokio::task::yield_now().await;
    }
    drop(letters.remove(0));
    letters[0].recv().await.unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert_eq!(answer.unwrap().unwrap(), Err(ShuttingDown));
}

#[tokio::test]
async fn every_shard_gets_all_lists_in_one_order() {
    const LISTS: u64 = 200;
    let (mailboxes, letters) = Mailboxes::new(3);
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let mailboxes = mailboxes.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for list in 0..LISTS {
                        let orders = Orders {
                            list: Arc::default(),
                            source: Source::Embedder,
                            origin: None,
                            ticket: sender * LISTS + list,
                        };
                        mailboxes.route(orders, None).await.unwrap();
                    }
                });
            })
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    let sequences: Vec<Vec<u64>> = letters
        .into_iter()
        .map(|mut letters| {
            let ticket = |mail| {
                let Mail::Orders(orders, _) = mail else {
                    panic!("{mail:?} was not sent");
                };
                orders.ticket
            };
            std::iter::from_fn(|| letters.try_recv().ok())
                .map(ticket)
                .collect()
        })
        .collect();
    assert_eq!(sequences[0].len(), 4 * LISTS as usize);
    assert_eq!(
        (&sequences[0], &sequences[0]),
        (&sequences[1], &sequences[2])
    );
}

/// Has a `list` answered by two shards that found half of these sessions each, and makes something of the outcomes.
async fn find<T: Send + 'static>(
    findings: u64,
    then: impl FnOnce(Vec<Outcome>) -> T + Send + 'static,
) -> T {
    let (mailboxes, letters) = Mailboxes::new(2);
    for (mut letters, odd) in letters.into_iter().zip([0, 1]) {
        tokio::spawn(async move {
            let Some(Mail::Orders(_, Some(reply))) = letters.recv().await else {
                panic!("nobody asked");
            };
            let orders = (0..findings).filter(|order| order % 2 == odd);
            let sessions: Vec<_> = orders.map(|order| (order, "{}".into())).collect();
            let matched = sessions.len();
            let listing = Listing {
                matched,
                sessions,
                has_more: false,
            };
            reply.send(vec![Outcome::Listed(listing)]).await.unwrap();
            // The shard goes on.
            letters.recv().await;
        });
    }
    let list = Arc::new(commands(r#"{"type":"list"}"#));
    let found = mailboxes.execute_then(list, Source::Admin, |_, outcomes| then(outcomes));
    tokio::time::timeout(Duration::from_secs(20), found)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn other_work_of_a_thread_goes_on_while_a_large_result_is_made() {
    let (begun, has_begun) = oneshot::channel();
    let (unit, units) = std::sync::mpsc::channel();
    // The work that is seen to be done meanwhile: it is on the same thread, and begins when the result does.
    tokio::spawn(async move {
        has_begun.await.unwrap();
        unit.send(()).unwrap();
    });
    let orders = find(2 * FINDINGS_AT_ONCE as u64, move |mut outcomes| {
        begun.send(()).unwrap();
        units
            .recv_timeout(Duration::from_secs(5))
            .expect("other work is done meanwhile");
        let Some(Outcome::Listed(listing)) = outcomes.pop() else {
            panic!("nothing is listed");
        };
        let orders = listing.sessions.iter().map(|(order, _)| *order);
        orders.collect::<Vec<_>>()
    });
    let in_order: Vec<u64> = (0..2 * FINDINGS_AT_ONCE as u64).collect();
    assert_eq!(orders.await, in_order);
}

#[tokio::test]
async fn a_small_result_is_made_on_the_spot() {
    let here = std::thread::current().id();
    let there = find(FINDINGS_AT_ONCE as u64, |_| std::thread::current().id());
    assert_eq!(there.await, here);
}
