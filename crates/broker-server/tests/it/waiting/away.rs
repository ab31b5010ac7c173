//! The application that is to decide is away.

use broker_testkit::soon;

use super::*;

#[tokio::test]
async fn while_the_application_is_away_one_at_a_time_asks_and_the_others_are_refused_at_once() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("{WAIT}listen.shards = 3"), &backend);
    backend.go_away();
    assert_eq!(refused(&broker, Http::One).await.status, 503);
    assert!(broker.handle.standing().is_away);

    // Whoever asks now is kept waiting, and it is not before its time that one may.
    backend.slow_down();
    let before = backend.told().len();
    let mut probe = None;
    let asks = async {
        while probe.is_none() {
            let mut asking = knock(&broker, "name=probe");
            tokio::select! {
                answered = &mut asking => assert_eq!(answered.unwrap().0.status, 503),
                _ = backend.told_until("a probe", |told| told.len() > before) => probe = Some(asking),
            }
        }
    };
    soon("one that asks", asks).await;
    let probe = probe.unwrap();
    for http in [Http::One, Http::Two].repeat(5) {
        let refusal = refused(&broker, http).await;
        assert_eq!(refusal.status, 503);
        let wait: u64 = refusal.retry_after.unwrap().parse().unwrap();
        assert!((1..=5).contains(&wait), "{wait}");
    }
    assert_eq!(backend.told().len(), before + 1);
    assert!(!probe.is_finished());
    let counters = broker.handle.counters();
    let others = counters.rejected(Rejected::BackendAway);

    backend.wake();
    let (answer, _raw) = probe.await.unwrap();
    assert_eq!(answer.status, 101);
    broker.until_away(false).await;
    let mut more = Vec::new();
    let come_in = async {
        while more.len() < 6 {
            let (answer, raw) = knock(&broker, "").await.unwrap();
            if answer.status == 101 {
                more.push(raw);
            }
        }
    };
    soon("clients come in", come_in).await;
    assert!(others >= 11, "{counters}");
    broker
        .until("all are in", |report| report.connections == 7)
        .await;
    let told = backend.told();
    assert!(told.iter().all(|told| told.attempt == 1), "{told:?}");
}

#[tokio::test]
async fn a_probe_that_fails_too_is_refused_and_the_next_may_ask() {
    let backend = Scripted::silent();
    let broker = Broker::start(WAIT, &backend);
    backend.go_away();
    let asked_thrice = async {
        while backend.told().len() < 3 {
            assert_eq!(refused(&broker, Http::One).await.status, 503);
        }
    };
    soon("three that ask", asked_thrice).await;
    assert!(broker.handle.standing().is_away);
    backend.wake();
    let back = async { while knock(&broker, "").await.unwrap().0.status != 101 {} };
    soon("somebody comes in", back).await;
    assert!(!broker.handle.standing().is_away);
    let told = backend.told();
    assert!(told.iter().all(|told| told.attempt == 1), "{told:?}");
}

#[tokio::test]
async fn handshakes_in_line_are_refused_when_the_application_turns_out_to_be_away() {
    let backend = Scripted::silent();
    let text = format!("{WAIT}listen.shards = 2\nbackend.max_in_flight = 1");
    let broker = Broker::start(&text, &backend);
    backend.slow_down();
    let waiting: Vec<_> = (0..6).map(|_| knock(&broker, "")).collect();
    broker
        .until("all wait", |report| report.events_held == 6)
        .await;
    backend.go_away();
    for handshake in waiting {
        assert_eq!(handshake.await.unwrap().0.status, 503);
    }
    nobody_is_left(&broker).await;
    assert_eq!(rejected(broker.handle.counters()), (0, 6));
}

#[tokio::test]
async fn handshakes_that_wait_for_the_start_to_be_told_are_refused_when_it_cannot_be() {
    let backend = Scripted::silent().hearing_of_start();
    backend.slow_down();
    let broker = Broker::start(&format!("{WAIT}listen.shards = 3"), &backend);
    let waiting: Vec<_> = (0..6).map(|_| knock(&broker, "")).collect();
    broker
        .until("all wait", |report| report.events_held == 7)
        .await;
    assert_eq!(backend.told().len(), 1);
    backend.go_away();
    for handshake in waiting {
        assert_eq!(handshake.await.unwrap().0.status, 503);
    }
    assert_eq!(refused(&broker, Http::One).await.status, 503);
    backend.wake();
    let back = async { while knock(&broker, "").await.unwrap().0.status != 101 {} };
    soon("somebody comes in", back).await;
}

#[tokio::test]
async fn those_who_are_in_stay_and_what_they_say_is_held() {
    let backend = Scripted::silent();
    let broker = Broker::start(&format!("{WAIT}listen.shards = 1"), &backend);
    let mut client = broker.client("").await;
    backend.go_away();
    client.say("1").await;
    backend.told_of("1").await;
    broker.until_away(true).await;
    assert_eq!(refused(&broker, Http::One).await.status, 503);
    client.say("2").await;
    broker
        .until("both are held", |report| report.events_held == 2)
        .await;
    backend.wake();
    backend.told_of("2").await;
    broker
        .until("all is told", |report| report.events_held == 0)
        .await;
    let _new = broker.client("").await;
}
