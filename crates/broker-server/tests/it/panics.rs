//! Code that is not the broker's panics within it; and then the broker itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use broker_server::Server;
use broker_server::backend::{Answer, Backend, Unanswered};
use broker_server::core::Call;
use broker_testkit::backend::{Scripted, commands};
use broker_testkit::client::{Heard, Raw};
use broker_testkit::soon;
use tokio::task::coop::unconstrained;

use crate::broker::{Broker, config};

/// An application that panics on a message, before there is a future that could.
#[derive(Clone, Debug)]
struct Rash(Scripted);

impl Backend for Rash {
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(self.clone())
    }

    fn call<'a, 'b>(
        &'a self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let mut message = Vec::new();
        call.events[0].fact.write_message(&mut message);
        assert_ne!(message, b"\"boo\"", "it is scared");
        self.0.call(call)
    }
}

#[tokio::test]
async fn an_application_that_panics_before_it_begins_to_answer_is_told_the_next_event() {
    let backend = Scripted::silent();
    let broker = Broker::start("", &Rash(backend.clone()));
    let mut client = broker.client("").await;
    client.say("\"boo\"").await;
    client.say("\"well\"").await;
    backend.told_of("well").await;
    broker
        .until("nothing is held", |report| report.events_held == 0)
        .await;
}

/// Whoever wakes it regrets it.
struct Regret;

impl Wake for Regret {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// Begins to wait for something, in the name of a program that panics when it comes.
fn wait_rashly<F: Future>(mut wait: impl FnMut() -> F) -> Pin<Box<impl Future>> {
    let waker = Waker::from(Arc::new(Regret));
    let mut context = Context::from_waker(&waker);
    loop {
        // The runtime wakes by itself whoever has used up his turn; that is not what is waited for.
        let mut waiting = Box::pin(unconstrained(wait()));
        // What has come already wakes nobody.
        if waiting.as_mut().poll(&mut context).is_pending() {
            return waiting;
        }
    }
}

#[tokio::test]
async fn a_caller_that_panics_over_its_outcome_is_alone_with_that() {
    let broker = Broker::alone("listen.shards = 1");
    let mut client = broker.client("").await;
    let rash = wait_rashly(|| {
        broker
            .handle
            .execute(commands(r#"{"type":"send","text":"1"}"#))
    });
    assert_eq!(client.text().await, "1");
    broker.execute(r#"{"type":"send","text":"2"}"#).await;
    while client.text().await != "2" {}
    drop(rash);
}

#[tokio::test]
async fn a_shard_that_panics_is_told_to_whoever_runs_the_broker_and_to_probes() {
    let broker = Broker::alone("listen.shards = 1");
    let mut client = broker.client("").await;
    let mut admin = Raw::connect(broker.admin_addr()).await;
    for probe in ["/livez", "/readyz"] {
        assert_eq!(admin.request("GET", probe, &[], "").await.status, 200);
    }
    let rash = wait_rashly(|| broker.handle.report());
    soon("word of the failure", broker.handle.failed()).await;
    drop(rash);
    for probe in ["/livez", "/readyz"] {
        let answer = admin.request("GET", probe, &[], "").await;
        assert_eq!(
            (answer.status, &*answer.body),
            (503, "a shard has failed; restart the broker\n")
        );
    }
    assert_eq!(client.next().await, Heard::Lost);
    let refused = broker.handle.execute(commands(r#"{"type":"count"}"#));
    assert!(soon("an answer", refused).await.is_err());
    soon("the drain of what is left", broker.handle.drain()).await;
}

/// An application that has an instance for one shard, and panics when it is to have another.
#[derive(Clone, Debug)]
struct OneOnly {
    application: Rash,
    instances: Arc<AtomicUsize>,
}

impl Backend for OneOnly {
    fn for_shard(&self) -> Arc<dyn Backend> {
        let before = self.instances.fetch_add(1, Ordering::Relaxed);
        assert_eq!(before, 0, "there is one already");
        Arc::new(self.clone())
    }

    fn call<'a, 'b>(
        &'a self,
        call: Call,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.application.call(call)
    }
}

#[tokio::test]
async fn an_application_that_panics_at_the_start_is_told_by_name_and_no_shard_is_left() {
    let backend = OneOnly {
        application: Rash(Scripted::silent()),
        instances: Arc::default(),
    };
    let held = backend.instances.clone();
    let server = Server::new(config("listen.shards = 3"), Arc::new(backend));
    let error = server.start().unwrap_err();
    assert_eq!(error.to_string(), "cannot start a shard: it has panicked");
    assert_eq!(Arc::strong_count(&held), 1, "no instance is left");
}
