//! The application is away, or answers some events never: it is looked for by one at a time, over all shards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use broker_server::core::{EventKind, Failure};
use broker_server::{Failed, Lost};
use broker_testkit::backend::{Reply, Scripted, Told};
use broker_testkit::client::{Client, Raw};
use broker_testkit::soon;

use crate::broker::Broker;

fn nothing() -> Reply {
    Reply::Commands(String::new())
}

fn error(code: u16) -> Reply {
    Reply::Failure(Failure::Status {
        code,
        retry_after: None,
    })
}

async fn crowd(broker: &Broker, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for number in 0..count {
        clients.push(broker.client(&format!("n={number}")).await);
    }
    clients
}

/// The messages that each of so many clients has said, in the order in which they were answered.
fn answered(told: &[Told], count: usize) -> Vec<Vec<String>> {
    let of = |number: usize| {
        let info = format!(r#""n":"{number}""#);
        let of_one = told.iter().filter(|told| told.connection.contains(&info));
        let mut messages: Vec<&Told> = of_one.collect();
        // Of each event the last try is the one that was answered.
        messages.dedup_by_key(|told| &told.id);
        let messages = messages.into_iter().map(|told| told.message.clone());
        messages.skip(1).collect()
    };
    (0..count).map(of).collect()
}

#[tokio::test]
async fn one_probe_at_a_time_over_all_shards_finds_out_that_the_application_is_back() {
    const CLIENTS: usize = 9;
    let backend = Scripted::silent();
    let broker = Broker::start("listen.shards = 3", &backend);
    let mut clients = crowd(&broker, CLIENTS).await;
    broker
        .until("all connects", |report| report.events_held == 0)
        .await;
    backend.go_away();
    for number in 0..4 {
        for client in &mut clients {
            client.say(&number.to_string()).await;
        }
    }
    broker
        .until("everything is held", |report| {
            report.events_held == 4 * CLIENTS
        })
        .await;
    broker.until_away(true).await;
    broker
        .until("what went out before has failed", |report| {
            report.calls_in_flight == 0
        })
        .await;
    let counters = broker.handle.counters();
    for _ in 0..3 {
        // Whoever asks now is kept waiting, so that a second one would be seen.
        backend.slow_down();
        backend.until_one_waits().await;
        let before = backend.told().len();
        for _ in 0..20 {
            let report = broker.handle.report().await;
            assert_eq!(report.calls_in_flight, 1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(backend.told().len(), before);
        let failed = || counters.failed(Failed::Unreachable);
        let before = failed();
        backend.go_away();
        let fails = async {
            while failed() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        soon("its failure", fails).await;
    }
    assert!(broker.handle.standing().is_away);
    backend.wake();
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    assert!(!broker.handle.standing().is_away);
    for messages in answered(&backend.told(), CLIENTS) {
        assert_eq!(messages, ["0", "1", "2", "3"]);
    }
    assert!(counters.failed(Failed::Unreachable) >= 4, "{counters}");
    assert_eq!(broker.handle.report().await.connections, CLIENTS);
}

#[tokio::test]
async fn between_probes_more_and_more_time_passes() {
    const PROBES: usize = 4;
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let noted = times.clone();
    let backend = Scripted::new(move |_| {
        let mut times = noted.lock().unwrap();
        times.push(Instant::now());
        if times.len() <= PROBES {
            Reply::Failure(Failure::Unreachable("refused".into()))
        } else {
            nothing()
        }
    });
    let broker = Broker::start("listen.shards = 3", &backend);
    let _clients = crowd(&broker, 9).await;
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    let times = times.lock().unwrap();
    let waits = times.windows(2).map(|pair| pair[1] - pair[0]);
    // At least half of 100 ms, of 200 ms and so on.
    for (number, wait) in waits.take(PROBES).enumerate() {
        assert!(wait >= Duration::from_millis(49 << number), "{wait:?}");
    }
}

#[tokio::test]
async fn five_failures_in_a_row_of_several_connections_say_that_it_is_away() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = is_broken.clone();
    let backend = Scripted::new(move |_| {
        if broken.load(Ordering::Relaxed) {
            error(500)
        } else {
            nothing()
        }
    });
    let broker = Broker::start("listen.shards = 2", &backend);
    let mut clients = crowd(&broker, 6).await;
    broker
        .until("all connects", |report| report.events_held == 0)
        .await;
    is_broken.store(true, Ordering::Relaxed);
    for client in &mut clients[..4] {
        client.say("1").await;
    }
    backend
        .told_until("four failures", |told| told.len() >= 10)
        .await;
    for client in &mut clients {
        client.say("2").await;
    }
    broker.until_away(true).await;
    is_broken.store(false, Ordering::Relaxed);
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    assert!(!broker.handle.standing().is_away);
    let messages = answered(&backend.told(), 6);
    assert!(messages[..4].iter().all(|of_one| *of_one == ["1", "2"]));
    assert!(messages[4..].iter().all(|of_one| *of_one == ["2"]));
    let counters = broker.handle.counters();
    assert!(counters.failed(Failed::ServerError) >= 5, "{counters}");
}

#[tokio::test]
async fn an_event_that_always_fails_is_given_up_while_others_are_answered() {
    let backend = Scripted::new(|told| {
        if told.message.contains("poison") {
            error(500)
        } else {
            nothing()
        }
    });
    let broker = Broker::start("listen.shards = 2\nbackend.retries = 3", &backend);
    let mut ann = broker.client("").await;
    let mut bob = broker.client("").await;
    ann.say(r#""poison""#).await;
    ann.say(r#""behind""#).await;
    let is_told = |part: &'static str| {
        let backend = &backend;
        move || {
            backend
                .told()
                .iter()
                .any(|told| told.message.contains(part))
        }
    };
    let counters = broker.handle.counters();
    let others = async {
        // Another's events are answered meanwhile, between any two tries.
        while counters.lost(Lost::Poison) == 0 {
            bob.say(r#""well""#).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the end of it", others).await;
    backend.told_of("behind").await;
    assert!(is_told("well")());
    let told = backend.told();
    let tries: Vec<u32> = { told.iter() }
        .filter(|told| told.message.contains("poison"))
        .map(|told| told.attempt)
        .collect();
    // A failure counts where others are known to have been answered since the one before; word of that takes a try or two. A
    // try before which nobody else was told of anything cannot count.
    let most = 5 + tries_in_a_row(&told);
    assert!((3..=most).contains(&tries.len()), "{tries:?}");
    assert!(
        tries.iter().copied().eq(1..=tries.len() as u32),
        "{tries:?}"
    );
    assert_eq!(counters.lost(Lost::Poison), 1, "{counters}");
    assert!(!broker.handle.standing().is_away);
}

/// How often the poison was tried again before anything else was told.
fn tries_in_a_row(told: &[Told]) -> usize {
    let is_poison = |told: &Told| told.message.contains("poison");
    told.windows(2)
        .filter(|pair| pair.iter().all(is_poison))
        .count()
}

fn starts(told: &[Told]) -> usize {
    told.iter()
        .filter(|told| told.kind == EventKind::Start)
        .count()
}

#[tokio::test]
async fn that_the_broker_has_started_is_told_first_and_once() {
    let backend = Scripted::silent().hearing_of_start();
    backend.slow_down();
    let broker = Broker::start("listen.shards = 3", &backend);
    let _clients = crowd(&broker, 9).await;
    broker
        .until("all of them", |report| report.events_held == 10)
        .await;
    for _ in 0..20 {
        assert_eq!(backend.told().len(), 1, "the others wait for it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!broker.handle.standing().is_away, "nothing is known yet");
    backend.wake();
    let told = backend
        .told_until("everything", |told| told.len() == 10)
        .await;
    assert_eq!(told[0].kind, EventKind::Start);
    assert_eq!(starts(&told), 1);
    broker
        .until("nothing is held", |report| report.events_held == 0)
        .await;
}

#[tokio::test]
async fn that_the_broker_has_started_is_told_until_it_is_answered() {
    let backend = Scripted::new(|told| {
        if told.kind == EventKind::Start && told.attempt < 3 {
            error(503)
        } else {
            nothing()
        }
    });
    let backend = backend.hearing_of_start();
    let broker = Broker::start("listen.shards = 3", &backend);
    let _clients = crowd(&broker, 9).await;
    let told = backend
        .told_until("everything", |told| told.len() == 12)
        .await;
    let attempts: Vec<u32> = told[..3].iter().map(|told| told.attempt).collect();
    assert_eq!((starts(&told[..3]), &*attempts), (3, &[1, 2, 3][..]));
    assert!(told[..3].iter().all(|start| start.id == told[0].id));
    broker.until_away(false).await;
}

#[tokio::test]
async fn a_start_that_the_application_refuses_holds_up_nobody() {
    let backend = Scripted::new(|told| {
        if told.kind == EventKind::Start {
            error(404)
        } else {
            nothing()
        }
    });
    let backend = backend.hearing_of_start();
    let broker = Broker::start("listen.shards = 3", &backend);
    let _clients = crowd(&broker, 3).await;
    backend
        .told_until("everything", |told| told.len() == 4)
        .await;
    assert_eq!(broker.handle.counters().lost(Lost::Refused), 1);
}

#[tokio::test]
async fn a_start_that_may_have_arrived_and_is_not_sent_again_holds_up_no_other_shard() {
    let backend = Scripted::new(|told| {
        if told.kind == EventKind::Start {
            Reply::Failure(Failure::TimedOut(Duration::from_secs(1)))
        } else {
            nothing()
        }
    });
    let backend = backend.hearing_of_start();
    let text = "listen.shards = 3\nbackend.delivery = 'at_most_once'";
    let broker = Broker::start(text, &backend);
    // It has its place on the first shard, which has nothing more to tell.
    let mut idle = Raw::connect(broker.addr()).await;
    assert_eq!(idle.request("GET", "/", &[], "").await.status, 426);
    let _client = broker.client("").await;
    let told = backend
        .told_until("the connect", |told| told.len() == 2)
        .await;
    assert_ne!(told[0].session.shard(), told[1].session.shard());
    broker.until_away(false).await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_an_application_to_hear_of_the_start() {
    let backend = Scripted::silent().hearing_of_start();
    backend.go_away();
    let broker = Broker::start("listen.shards = 3\ndrain.timeout = '50s'", &backend);
    backend
        .told_until("a few tries", |told| told.len() >= 2)
        .await;
    soon("the drain", broker.handle.drain()).await;
}
