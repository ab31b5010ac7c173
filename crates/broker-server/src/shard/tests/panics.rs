//! What a panic costs, and what it does not. The log is the one piece of foreign code that runs within all kinds of work,
//! so here it panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Metadata, Subscriber, span};

use super::*;

/// A log that panics once, at a line about such an event.
struct Touchy {
    event: &'static str,
    /// How many such lines are still to come, with the one that it panics at.
    countdown: AtomicUsize,
}

impl Touchy {
    /// From now on this thread's log panics at the n-th line about such an event.
    fn at(nth: usize, event: &'static str) -> DefaultGuard {
        tracing::subscriber::set_default(Touchy {
            event,
            countdown: AtomicUsize::new(nth),
        })
    }
}

impl Subscriber for Touchy {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut name = EventName::default();
        event.record(&mut name);
        if name.0 == self.event && self.countdown.fetch_sub(1, Ordering::Relaxed) == 1 {
            panic!("the log was told to panic at {:?}", name.0);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct EventName(String);

impl Visit for EventName {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event" {
            value.clone_into(&mut self.0);
        }
    }
}

/// A close frame with 1011, up to its reason.
const CLOSED_1011: [u8; 4] = [0x88, 16, 0x03, 0xF3];

/// What has come, once everything that waits has been written.
fn heard(shard: &Rc<Shard>, client: &mut Client) -> Vec<u8> {
    while pump(shard) {}
    client.heard()
}

fn live(shard: &Rc<Shard>) -> usize {
    shard.state.borrow().report().connections
}

#[test]
fn a_panic_in_the_work_of_one_connection_closes_it_alone_and_loses_nothing_before_it() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, "");
        let mut bad = Client::connect(&shard, "").await;
        let mut good = Client::connect(&shard, "").await;
        settled(&shard).await;

        let log = Touchy::at(2, "from_client");
        say(&shard, &bad, &["1", "2"]);
        drop(log);
        say(&shard, &good, &["3"]);
        settled(&shard).await;
        let told = backend.told();
        let messages: Vec<_> = told[2..].iter().map(|told| &*told.message).collect();
        assert_eq!(messages, ["1", "3"]);
        assert_eq!(heard(&shard, &mut bad)[..4], CLOSED_1011);
        execute(&shard, r#"{"type":"send","text":"on"}"#);
        assert_eq!(heard(&shard, &mut good), b"\x81\x02on");

        say(&shard, &bad, &[]);
        assert_eq!(live(&shard), 1, "its socket has ended");
        let told = backend.told_of("session-disconnect").await;
        assert!(told.message.contains(r#""code":1011"#), "{told:?}");
    });
}

#[test]
fn a_connection_whose_work_panics_again_while_it_is_closing_is_let_go() {
    run(async {
        let backend = Scripted::silent();
        let shard = shard_before(&backend, "");
        let client = Client::connect(&shard, "").await;
        for live_after in [1, 0] {
            let log = Touchy::at(1, "from_client");
            say(&shard, &client, &["1"]);
            drop(log);
            assert_eq!(live(&shard), live_after);
        }
        let told = backend.told_of("session-disconnect").await;
        assert!(told.message.contains(r#""code":1011"#), "{told:?}");
    });
}

#[test]
fn an_effect_that_panics_takes_no_other_with_it() {
    run(async {
        let backend = Scripted::new(|told| {
            // The second message finds no room, since nothing has been written yet.
            let answer = match &*told.message {
                "1" => {
                    r#"[{"type":"send","text":"one"},{"type":"send","text":"lost"},{"type":"log","text":"x"}]"#
                }
                _ => "",
            };
            Reply::Commands(answer.to_owned())
        });
        let config = "[limits]\nslow_consumer = 'drop'\nmax_send_queue = '1B'";
        let shard = shard_before(&backend, config);
        let mut client = Client::connect(&shard, "").await;
        say(&shard, &client, &["1", "2"]);
        let log = Touchy::at(1, "command_log");
        // Had the log line taken the rest with it, the next event of the session would never be told.
        backend.told_of("2").await;
        settled(&shard).await;
        drop(log);
        assert_eq!(heard(&shard, &mut client), b"\x81\x03one");

        // What was lost of that list is not counted with another.
        let (reply, mut outcomes) = mpsc::channel(1);
        let list = r#"[{"type":"count"},{"type":"send","text":"two"}]"#;
        shard.work(|state, now| state.execute(now, orders(list), Some(reply)));
        let sent = Outcome::Sent {
            matched: 1,
            dropped: 0,
        };
        assert_eq!(outcomes.try_recv().unwrap()[1], sent);
    });
}

#[test]
fn a_panic_while_one_connection_is_written_to_leaves_the_others_theirs() {
    run(async {
        let shard = shard();
        let gone = Client::connect(&shard, "").await;
        let mut there = crowd(&shard, 3, "").await;
        drop(gone);
        execute(&shard, r#"{"type":"send","text":"on"}"#);
        let log = Touchy::at(1, "disconnect");
        for client in &mut there {
            assert_eq!(heard(&shard, client), b"\x81\x02on");
        }
        drop(log);
        assert_eq!(live(&shard), 3);
    });
}

#[test]
fn a_panic_at_the_deadline_of_one_connection_leaves_the_others_theirs() {
    run(async {
        let shard = shard();
        let mut silent = crowd(&shard, 3, "").await;
        let pass = |seconds| {
            let later = shard
                .settings
                .clock
                .now()
                .after(Duration::from_secs(seconds));
            shard.work(|state, _| state.handle_timeouts(later));
        };
        pass(30);
        for client in &mut silent {
            assert_eq!(heard(&shard, client), [0x89, 0]);
        }
        let log = Touchy::at(1, "disconnect");
        pass(60);
        drop(log);
        assert_eq!(live(&shard), 0);
    });
}

#[test]
fn a_panic_while_a_connection_is_opened_closes_it_with_1011() {
    run(async {
        let shard = shard();
        let log = Touchy::at(1, "connect");
        let mut client = Client::connect(&shard, "").await;
        drop(log);
        assert_eq!(heard(&shard, &mut client)[..4], CLOSED_1011);
    });
}

#[test]
fn a_panic_in_what_serves_all_connections_ends_the_shard() {
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "whoever finds the state taken panics, which is what is wanted"
    )]
    async fn ends(disturb: impl FnOnce(&Shard, &mpsc::Sender<Mail>)) {
        let shard = shard();
        let (letters, mailbox) = mpsc::channel(1);
        let serving = spawn_local(serve(shard.clone(), mailbox));
        // By then all of it waits for something to do.
        for _ in 0..8 {
            yield_now().await;
        }
        let taken = shard.state.borrow_mut();
        disturb(&shard, &letters);
        let ended = soon("the end", serving).await;
        drop(taken);
        assert!(ended.unwrap_err().is_panic());
    }
    run(async {
        ends(|shard, _| shard.pump.notify_one()).await;
        ends(|shard, _| shard.alarm.notify_one()).await;
        ends(|_, letters| {
            let (reply, _) = mpsc::channel(1);
            letters.try_send(Mail::Report(reply)).unwrap();
        })
        .await;
    });
}
