use std::time::Duration;

use broker_core::Source;

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
