use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Whoever wakes it panics.
struct Regret;

impl Wake for Regret {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// Has a shard panic, over a report that is waited for by something that panics when it comes.
fn break_a_shard(handle: &Handle) -> impl Sized + use<> {
    let waker = Waker::from(Arc::new(Regret));
    loop {
        let handle = handle.clone();
        let mut report = Box::pin(async move { handle.report().await });
        // What has come already wakes nobody.
        if report
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            return report;
        }
    }
}

#[tokio::test]
async fn a_broker_that_fails_ends_the_process_with_exit_code_1() {
    let mut config = Config::default();
    config.listen.public = "127.0.0.1:0".parse().unwrap();
    config.listen.admin = None;
    let mut signals = Signals::listen().unwrap();
    let handle = Server::from_config(config).start().unwrap();
    let _report = break_a_shard(&handle);
    let attended = timeout(Duration::from_secs(20), attend(&handle, &mut signals)).await;
    let failed = attended.expect("it notices").unwrap_err();
    end(&handle, &mut signals).await;
    assert_eq!(exit_of(&failed), Exit::Failure);
}
