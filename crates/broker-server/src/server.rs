//! Starting a broker.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;

use broker_backend::Backend;
use broker_transport::Listener;
use broker_transport::tls::{Identity, Tls};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;

use crate::accept;
use crate::admin::{self, Admin};
use crate::application;
use crate::config::{
    BackendFileError, BackendTarget, CertificateError, Config, ListenAddr, TokenFileError,
};
use crate::embedded::Embedded;
use crate::handle::{Handle, Running};
use crate::health::Health;
use crate::load::Loads;
use crate::mailbox::{Mail, Mailboxes};
use crate::random;
use crate::shard::{self, Settings};

/// Files that are open besides clients' sockets: listeners, connections to the backend, admin connections, the log.
const RESERVED_FILES: usize = 1024;

/// A broker that is not running yet.
#[derive(Debug)]
pub struct Server {
    config: Config,
    /// None for the one that the configuration names.
    backend: Option<Arc<dyn Backend>>,
    public: Vec<Listener>,
    admin: Vec<Listener>,
    identity: Option<Identity>,
    /// Whether it listens where the configuration says.
    listens: bool,
}

/// Why a broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be had.
    #[error("cannot listen on {addr}: {error}")]
    Listen {
        /// Where it was to listen.
        addr: ListenAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The token file could not be used.
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    /// The certificate could not be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A file that the settings of the backend name could not be used.
    #[error(transparent)]
    Backend(#[from] BackendFileError),
    /// A shard's thread, its runtime or its instance of the application could not be made.
    #[error("cannot start a shard: {0}")]
    Shard(#[source] io::Error),
}

impl StartError {
    /// What kind of trouble the system reported, if it was the system's.
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            StartError::Listen { error, .. } | StartError::Shard(error) => Some(error.kind()),
            StartError::Tokens(_) | StartError::Certificate(_) | StartError::Backend(_) => None,
        }
    }
}

impl Server {
    /// A broker with this configuration in front of this application, whatever `backend.url` names. It listens where the
    /// configuration says, unless it is given listeners.
    #[must_use]
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Server {
        Server {
            backend: Some(backend),
            ..Server::from_config(config)
        }
    }

    /// A broker in front of the application that the configuration names.
    #[must_use]
    pub fn from_config(config: Config) -> Server {
        Server {
            config,
            backend: None,
            public: Vec::new(),
            admin: Vec::new(),
            identity: None,
            listens: true,
        }
    }

    /// Serves clients on a listener of the caller's instead of those of the configuration; can be given several times.
    #[must_use]
    pub fn with_public_listener(mut self, listener: Listener) -> Server {
        self.public.push(listener);
        self
    }

    /// Serves the admin port on a listener of the caller's instead of that of the configuration.
    #[must_use]
    pub fn with_admin_listener(mut self, listener: Listener) -> Server {
        self.admin.push(listener);
        self
    }

    /// Listens nowhere but on listeners that it is given: clients come by [`Handle::adopt`] and [`Handle::service`].
    #[must_use]
    pub fn without_listeners(mut self) -> Server {
        self.listens = false;
        self
    }

    /// Has the public listener speak TLS as this server, whatever `tls.cert` and `tls.key` name.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Server {
        self.identity = Some(identity);
        self
    }

    /// Listens, starts the shards, and returns. Call it within a tokio runtime with I/O and time; that runtime accepts
    /// connections and serves the admin port, each shard has a thread and a runtime of its own.
    ///
    /// # Errors
    /// When it cannot listen, read the files that the configuration names, or start threads; nothing is left running
    /// then.
    pub fn start(mut self) -> Result<Handle, StartError> {
        if self.listens && self.public.is_empty() {
            self.public.push(listen(&self.config.listen.public)?);
        }
        if self.listens
            && self.admin.is_empty()
            && let Some(addr) = &self.config.listen.admin
        {
            self.admin.push(listen(addr)?);
        }
        let tokens = self.config.access.load_tokens()?;
        let tells_backend =
            self.backend.is_some() || self.config.backend.url != BackendTarget::None;
        let backend = match self.backend {
            Some(backend) => backend,
            None => application::of(&self.config)?,
        };
        let identity = match self.identity {
            Some(identity) => Some(identity),
            None => self.config.tls.load()?,
        };
        let shards = shard_count(&self.config);
        let loads = Loads::new(
            shards,
            max_connections(&self.config),
            self.config.limits.max_connections_per_ip,
        );
        let addr_of = |listeners: &[Listener]| {
            listeners
                .first()
                .and_then(|listener| listener.local_addr().ok())
        };
        let (public_addr, admin_addr) = (addr_of(&self.public), addr_of(&self.admin));

        let boot = backend
            .hears_of_start()
            .then(|| format!("{:032x}", u128::from_ne_bytes(random::bytes())).into());
        let mut settings = Settings::new(self.config, tokens, shards as u16, boot);
        settings.tells_backend = tells_backend;
        settings.tls = identity.map(Tls::new);
        let settings = Arc::new(settings);
        let (mailboxes, letters) = Mailboxes::new(shards);
        let health = Arc::new(Health::default());
        let threads = start_shards(&settings, &mailboxes, letters, &backend, &health)?;
        let (embedded, routing) = Embedded::new(mailboxes.clone());
        let mut serving = vec![tokio::spawn(routing)];
        let mut accepting = Vec::new();
        for listener in self.public {
            let accept = accept::run(listener, settings.clone(), mailboxes.clone(), loads.clone());
            accepting.push(tokio::spawn(accept));
        }
        let own_commands: Arc<[Box<str>]> = backend.own_commands().into();
        let admin = Arc::new(Admin {
            settings: settings.clone(),
            mailboxes: mailboxes.clone(),
            own_commands: own_commands.clone(),
            health: health.clone(),
        });
        for listener in self.admin {
            serving.push(tokio::spawn(admin::serve(admin.clone(), listener)));
        }
        let handle = Handle {
            running: Arc::new(Running {
                settings,
                mailboxes,
                loads,
                own_commands,
                public_addr,
                admin_addr,
                health,
                accepting: Mutex::new(accepting),
                serving: Mutex::new(serving),
                threads: Mutex::new(threads),
            }),
        };
        backend.attach(Arc::new(embedded));
        Ok(handle)
    }
}

fn start_shards(
    settings: &Arc<Settings>,
    mailboxes: &Mailboxes,
    letters: Vec<mpsc::Receiver<Mail>>,
    backend: &Arc<dyn Backend>,
    health: &Arc<Health>,
) -> Result<Vec<thread::JoinHandle<()>>, StartError> {
    let mut threads = Vec::with_capacity(letters.len());
    let start = |(number, letters): (usize, mpsc::Receiver<Mail>)| {
        let runtime = || {
            Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default())
        };
        let (settings, mailboxes, backend) = (settings.clone(), mailboxes.clone(), backend.clone());
        let health = health.clone();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("shard-{number}"))
            .spawn(move || {
                let runtime = match runtime() {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                // Whoever started us waits for this.
                let ready = || drop(ready.send(Ok(())));
                let number = number as u16;
                let run = || {
                    shard::run(
                        number, settings, mailboxes, letters, &*backend, &runtime, ready,
                    );
                };
                let outcome = catch_unwind(AssertUnwindSafe(run));
                // With it go the shard's connections.
                drop(runtime);
                if outcome.is_err() {
                    tracing::error!(
                        event = "trouble",
                        "shard {number} has panicked; its clients are gone"
                    );
                    health.fail();
                }
            })?;
        threads.push(thread);
        is_ready
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("it has panicked")))
    };
    if let Err(error) = letters.into_iter().enumerate().try_for_each(start) {
        mailboxes.end();
        for thread in threads {
            // The one that could not be started has ended by itself.
            let _ = thread.join();
        }
        return Err(StartError::Shard(error));
    }
    Ok(threads)
}

fn listen(addr: &ListenAddr) -> Result<Listener, StartError> {
    let listener = match addr {
        ListenAddr::Tcp(tcp) => Listener::tcp(*tcp),
        ListenAddr::Unix(path) => Listener::unix(path),
    };
    listener.map_err(|error| StartError::Listen {
        addr: addr.clone(),
        error,
    })
}

fn shard_count(config: &Config) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    config
        .listen
        .shards
        .map_or_else(cores, |shards| shards.get() as usize)
        .min(usize::from(u16::MAX))
}

/// The configured limit, or what the file limit allows, less a reserve.
fn max_connections(config: &Config) -> usize {
    let from_files = || {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let files = files
            .and_then(|files| usize::try_from(files).ok())
            .unwrap_or(usize::MAX);
        files.saturating_sub(RESERVED_FILES.min(files / 2))
    };
    config
        .limits
        .max_connections
        .map_or_else(from_files, |limit| limit.get() as usize)
}
