use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use super::*;
use crate::shard::state::Turn;

/// A reader that notes whether it was woken.
#[derive(Debug, Default)]
struct Sleeper(AtomicBool);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn is_read(shard: &Rc<Shard>, client: &Client, reader: &Waker) -> bool {
    let mut state = shard.state.borrow_mut();
    match state.turn(client.session, reader) {
        Turn::Read(buffer) => {
            state.return_buffer(buffer);
            true
        }
        Turn::Wait => false,
        Turn::GoOn | Turn::SeeOff(_) => unreachable!("nothing was left, and it is there"),
    }
}

/// A shard on which those at the first endpoint write letters.
fn shard_of_writers() -> Rc<Shard> {
    let endpoints = ["/relay=wsmsgbroker", "*=wsbroker"];
    let config = Config {
        endpoints: endpoints.map(|endpoint| endpoint.parse().unwrap()).into(),
        ..Config::default()
    };
    let backend = application::of(&config).unwrap();
    shard_with(config, backend)
}

#[test]
fn who_writes_letters_is_not_read_while_too_many_are_on_their_way_between_any_shards() {
    run(async {
        let shard = shard_of_writers();
        spawn_local(read_writers_on(shard.clone()));
        let writer = Arrival::admitted_to(&shard, 0, "").await.open(&shard);
        let other = Arrival::admitted_to(&shard, 1, "").await.open(&shard);
        let sleeper = Arc::new(Sleeper::default());
        let reader = sleeper.clone().into();

        // None of these is of this shard.
        let much = 1 << 30;
        shard.settings.transit.post(much);
        assert!(!is_read(&shard, &writer, &reader));
        assert!(is_read(&shard, &other, Waker::noop()));
        yield_now().await;
        assert!(!is_read(&shard, &writer, &reader));

        shard.settings.transit.take(much);
        let woken = async {
            while !sleeper.0.load(Ordering::Relaxed) {
                yield_now().await;
            }
        };
        soon("its reader is woken", woken).await;
        assert!(is_read(&shard, &writer, &reader));
    });
}

#[test]
fn who_is_closing_is_read_all_the_same_and_waits_for_no_room() {
    run(async {
        let shard = shard_of_writers();
        let before = Arrival::admitted_to(&shard, 0, "").await.open(&shard);
        let meanwhile = Arrival::admitted_to(&shard, 0, "").await.open(&shard);
        let close = |client: &Client| {
            shard.work(|state, now| state.close(now, client.session, ENDING));
        };
        close(&before);
        shard.settings.transit.post(1 << 30);
        assert!(!is_read(&shard, &meanwhile, Waker::noop()));
        close(&meanwhile);
        for _ in 0..3 {
            for client in [&before, &meanwhile] {
                assert!(is_read(&shard, client, Waker::noop()));
            }
        }
        let paused = shard.state.borrow_mut().outbox.take_paused();
        assert_eq!(
            paused,
            [meanwhile.session],
            "once, from before it was closing"
        );
    });
}
