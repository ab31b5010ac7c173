//! Connections whose messages find no room.

use std::ops::Range;

use super::*;

/// Where that lies which has been read of a client and not looked at.
fn unread(shard: &Rc<Shard>, client: &Client) -> Option<Range<*mut u8>> {
    let mut state = shard.state.borrow_mut();
    let connection = state.table.get_mut(client.session)?;
    Some(connection.unread.as_mut()?.rest().as_mut_ptr_range())
}

#[test]
fn what_a_full_hold_leaves_stays_where_it_is_until_it_is_taken_in() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, "backend.hold.max_events = 1");
        let client = Client::connect(&shard, "").await;
        let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        say(
            &shard,
            &client,
            &Vec::from_iter(texts.iter().map(|text| &**text)),
        );
        let mut last = unread(&shard, &client).expect("the hold is full");
        loop {
            settled(&shard).await;
            shard.work_for(client.session, |state, now| {
                state.receive_unread(now, client.session);
            });
            let Some(rest) = unread(&shard, &client) else {
                break;
            };
            assert!(rest.start > last.start && rest.end == last.end);
            last = rest;
        }
        settled(&shard).await;
        let told = backend.told();
        assert!(told[1..].iter().map(|told| &told.message).eq(&texts));
    });
}
