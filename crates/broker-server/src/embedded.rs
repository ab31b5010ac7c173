//! What an application in the same process asks of the broker.

use std::sync::Arc;

use async_trait::async_trait;
use broker_backend::Control;
use broker_core::{CommandList, Orders, Outcome, Source, write_results};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::mailbox::Mailboxes;

/// How many lists may wait to be routed.
const POSTED_LISTS: usize = 16 * 1024;

/// The broker as the application sees it.
#[derive(Debug)]
pub(crate) struct Embedded {
    mailboxes: Mailboxes,
    posts: mpsc::Sender<CommandList>,
}

impl Embedded {
    /// What the application is given, and the work of handing on what it posts, which ends with the broker.
    pub(crate) fn new(mailboxes: Mailboxes) -> (Embedded, impl Future<Output = ()> + Send) {
        let (posts, posted) = mpsc::channel(POSTED_LISTS);
        let routing = route_posted(mailboxes.clone(), posted);
        (Embedded { mailboxes, posts }, routing)
    }
}

#[async_trait]
impl Control for Embedded {
    fn post(&self, commands: CommandList) {
        match self.posts.try_send(commands) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::error!(
                event = "trouble",
                "commands of the application were lost: {POSTED_LISTS} lists wait"
            ),
            Err(TrySendError::Closed(_)) => tracing::debug!(
                event = "trouble",
                "commands of the application came after the end"
            ),
        }
    }

    async fn execute(&self, commands: CommandList) -> Box<RawValue> {
        let results = |list: &CommandList, outcomes: Vec<Outcome>| {
            let mut results = Vec::new();
            write_results(list, &outcomes, &mut results);
            let results = String::from_utf8(results).unwrap_or_default();
            RawValue::from_string(results).unwrap_or_else(|_| RawValue::NULL.to_owned())
        };
        let list = Arc::new(commands);
        let results = self.mailboxes.execute_then(list, Source::Embedder, results);
        results.await.unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

/// Hands on lists in the order they were posted in.
async fn route_posted(mailboxes: Mailboxes, mut posted: mpsc::Receiver<CommandList>) {
    while let Some(list) = posted.recv().await {
        let orders = Orders {
            list: Arc::new(list),
            source: Source::Embedder,
            origin: None,
            ticket: 0,
        };
        if mailboxes.route(orders, None).await.is_err() {
            return;
        }
    }
}
