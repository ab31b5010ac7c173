//! The handle to a running broker.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use broker_core::{
    Aim, Command, CommandList, Criteria, Entry, Outcome, Page, Source, Standing, Verb,
};
use broker_transport::LocalAddr;
use broker_transport::tls::Identity;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{CertificateError, Config};
use crate::counters::Counters;
use crate::health::Health;
use crate::load::Loads;
use crate::mailbox::{Mail, Mailboxes, Report, ShuttingDown};
use crate::shard::Settings;

/// A running broker. Clones are handles to the same one; dropping them does not end it.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) running: Arc<Running>,
}

/// What the handles to one broker share.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) settings: Arc<Settings>,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) loads: Loads,
    /// Types of commands that the embedder has taken over.
    pub(crate) own_commands: Arc<[Box<str>]>,
    pub(crate) public_addr: Option<LocalAddr>,
    pub(crate) admin_addr: Option<LocalAddr>,
    pub(crate) health: Arc<Health>,
    /// What a drain ends first.
    pub(crate) accepting: Mutex<Vec<JoinHandle<()>>>,
    /// What goes on until the end: the admin port, and the application's own lists.
    pub(crate) serving: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) threads: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// Why the certificate is the same as before.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The broker was started without TLS, and speaks none until it is started again.
    #[error("the public listener does not speak TLS")]
    NoTls,
    /// It was not given files to be read again.
    #[error("`tls.cert` and `tls.key` are not set")]
    NoFiles,
    /// What is in the files now cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Handle {
    /// The TCP address that clients connect to; `None` where the broker has no such listener of its own.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self.public_addr()? {
            LocalAddr::Tcp(addr) => Some(*addr),
            LocalAddr::Unix(_) => None,
        }
    }

    /// Where clients connect: by TCP or by a Unix socket.
    #[must_use]
    pub fn public_addr(&self) -> Option<&LocalAddr> {
        self.running.public_addr.as_ref()
    }

    /// Where the admin port is, if there is one.
    #[must_use]
    pub fn admin_addr(&self) -> Option<&LocalAddr> {
        self.running.admin_addr.as_ref()
    }

    /// What it runs with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.running.settings.config
    }

    /// How many shards it has.
    #[must_use]
    pub fn shards(&self) -> usize {
        usize::from(self.running.settings.shards)
    }

    /// Has commands carried out, as a command POST does: without `match`, they are for everyone.
    ///
    /// # Errors
    /// When the broker is ending.
    pub async fn execute(&self, list: CommandList) -> Result<Vec<Outcome>, ShuttingDown> {
        self.running
            .mailboxes
            .execute(Arc::new(list), Source::Embedder)
            .await
    }

    /// The session info of all connections that match, as JSON objects, in the order of connecting;
    /// [`Criteria::EVERYONE`] for all of them.
    ///
    /// # Errors
    /// When the broker is ending.
    pub async fn connections(&self, criteria: Criteria) -> Result<Vec<Arc<str>>, ShuttingDown> {
        let aim = Aim {
            criteria: Some(criteria),
            except: None,
        };
        let verb = Verb::List(Page::default());
        let list = CommandList {
            entries: vec![Entry::Run(Command { aim, verb })],
            ..CommandList::default()
        };
        let Some(Outcome::Listed(listing)) = self.execute(list).await?.pop() else {
            return Err(ShuttingDown);
        };
        let infos = listing.sessions.into_iter().map(|(_, info)| info);
        Ok(infos.collect())
    }

    /// Reads `tls.cert` and `tls.key` again, for connections that are made from now on; those that are open live on.
    ///
    /// # Errors
    /// When there is nothing to be read or what is read cannot be used; the certificate stays as it is then.
    pub fn reload_certificate(&self) -> Result<(), ReloadError> {
        let identity = self.config().tls.load()?.ok_or(ReloadError::NoFiles)?;
        self.replace_identity(identity)
    }

    /// Has connections that are made from now on get this certificate; those that are open live on.
    ///
    /// # Errors
    /// When the broker was started without one.
    pub fn replace_identity(&self, identity: Identity) -> Result<(), ReloadError> {
        let tls = self.running.settings.tls.as_ref();
        tls.ok_or(ReloadError::NoTls)?.replace(identity);
        Ok(())
    }

    /// What has been refused, and why connections have ended.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.running.settings.counters
    }

    /// How things stand with the application.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.running.settings.permits.standing()
    }

    /// How things stand.
    pub async fn report(&self) -> Report {
        self.running.mailboxes.report().await
    }

    /// Returns once a shard has ended by itself, by a panic that could not be put down to one connection: a fault of the
    /// broker's own. Its clients have lost their connections then, commands for everyone are refused, and the probes of
    /// the admin port answer 503. Whoever runs the broker should [drain](Self::drain) what is left of it and start anew.
    pub async fn failed(&self) {
        self.running.health.failed().await;
    }

    /// Accepts nobody any more, closes all clients with 1012, waits until they have gone and the backend has been told
    /// of it, within `drain.timeout`, and ends.
    pub async fn drain(&self) {
        self.running.health.drain();
        stop(&self.running.accepting).await;
        let all_drained = async {
            let (drained, mut all_drained) = mpsc::channel::<()>(1);
            self.running
                .mailboxes
                .send_all(|| Mail::Drain(drained.clone()))
                .await;
            drop(drained);
            // Each shard holds a sender until it is drained, so the channel ends with the last.
            all_drained.recv().await
        };
        let limit = self.running.settings.config.drain.timeout.duration();
        if tokio::time::timeout(limit, all_drained).await.is_err() {
            let left = self.report().await;
            let (connections, events) = (left.connections, left.events_held);
            tracing::warn!(
                event = "trouble",
                "drain.timeout: {connections} connections, {events} untold events left"
            );
        }
        self.shutdown().await;
    }

    /// Closes all clients with 1001 and ends at once.
    pub async fn shutdown(&self) {
        stop(&self.running.accepting).await;
        self.running.mailboxes.send_all(|| Mail::End).await;
        let threads = std::mem::take(
            &mut *self
                .running
                .threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let joined = tokio::task::spawn_blocking(|| {
            for thread in threads {
                // A shard that has panicked has ended too.
                let _ = thread.join();
            }
        });
        let _ = joined.await;
        stop(&self.running.serving).await;
    }
}

/// Ends tasks, and returns when what they held is free for others.
async fn stop(tasks: &Mutex<Vec<JoinHandle<()>>>) {
    let tasks = std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
    for task in tasks {
        task.abort();
        // It ends as cancelled, unless it has ended before.
        let _ = task.await;
    }
}
