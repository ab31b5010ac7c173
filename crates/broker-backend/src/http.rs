//! An application that is told of events by HTTP.

mod answer;
mod exchange;
mod format;
mod passed_header;
mod post;
mod secret;
mod stream;
mod tls;
mod url;
mod wire;

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use broker_core::{Call, CommandList, EventKind, Failure, Reading};
use bytes::Bytes;
use serde_json::value::RawValue;
use smallvec::SmallVec;

pub use self::format::Format;
pub use self::passed_header::{PassedHeader, PassedHeaderError};
pub use self::secret::{Secret, SecretError};
pub use self::tls::{Authorities, AuthoritiesError};
pub use self::url::{HttpUrl, UrlError};

use self::exchange::{Body, Bounds, Heard, Pool};
use self::format::Encoder;
use self::post::Letterhead;
use self::stream::Lines;
use self::tls::TlsClient;
use self::wire::Connector;
use crate::answer::{Answer, Commands, Unanswered};
use crate::backend::{Backend, WantedHeaders};

/// How an application is told: [`HttpConfig::new`], changed where something else is wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpConfig {
    /// Where events are POSTed to.
    pub url: HttpUrl,
    /// How an event is written; multipart unless told otherwise.
    pub format: Format,
    /// How long one try may take, from connecting to the answer's last byte; 10 s unless told otherwise.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes; 4 MiB unless told otherwise.
    pub max_answer: usize,
    /// How many commands an answer may hold; 10,000 unless told otherwise.
    pub max_commands: usize,
    /// Whether a request that went out on a kept connection just when the application closed it is sent again at once,
    /// with the same id; true unless told otherwise. It is false where an event that may have arrived must never be
    /// sent again.
    pub may_resend: bool,
    /// Whether each request holds a list of events, and each answer one of answers; only in [`Format::Json`], and false
    /// unless told otherwise.
    pub is_batched: bool,
    /// Whether handshakes wait for the answer to `session-connect`, so that what it says to the client itself matters;
    /// false unless told otherwise.
    pub decides_on_handshakes: bool,
    /// How long an answer that comes line by line may be silent; 60 s unless told otherwise.
    pub stream_idle_timeout: Duration,
    /// What events are signed with, so that the application can tell them from anybody else's POSTs; none unless told
    /// otherwise. The signature is made of the raw body, which PHP cannot read where the format is
    /// [`Format::Multipart`].
    pub secret: Option<Secret>,
    /// Whose certificates an `https://` application may have; those that the system trusts unless told otherwise.
    pub authorities: Option<Authorities>,
    /// The headers of a handshake that `session-connect` carries; only in [`Format::Json`].
    pub headers: Box<[PassedHeader]>,
}

impl HttpConfig {
    /// The defaults, for one URL.
    #[must_use]
    pub fn new(url: HttpUrl) -> HttpConfig {
        HttpConfig {
            url,
            format: Format::default(),
            timeout: Duration::from_secs(10),
            max_answer: 4 << 20,
            max_commands: 10_000,
            may_resend: true,
            is_batched: false,
            decides_on_handshakes: false,
            stream_idle_timeout: Duration::from_secs(60),
            secret: None,
            authorities: None,
            headers: Box::default(),
        }
    }
}

/// Tells an application by HTTP/1.1 POSTs over kept connections, with TLS or without.
///
/// Redirects are not followed, proxies in the environment are not used, and nothing that a client sent becomes a header
/// of a request, but for the path of `session-connect`.
#[derive(Debug)]
pub struct Http {
    shared: Arc<Shared>,
    pool: Pool,
}

/// What all shards have in common.
#[derive(Debug)]
struct Shared {
    config: HttpConfig,
    letterhead: Letterhead,
    /// For an `https://` URL.
    tls: Option<TlsClient>,
    wanted_headers: Box<[Box<str>]>,
    /// Types of commands that an application in front of this one has taken over.
    reserved: OnceLock<Box<[Box<str>]>>,
}

impl Http {
    /// Makes a backend that nothing has been sent to yet.
    #[must_use]
    pub fn new(config: HttpConfig) -> Http {
        let encoder = Encoder::new(config.format, &config.headers, config.is_batched);
        let wanted_headers = match &encoder {
            Encoder::Json { headers, .. } => headers.clone(),
            Encoder::Multipart(_) | Encoder::Form => Box::default(),
        };
        let is_tls = config.url.server_name().is_some();
        let tls = is_tls.then(|| TlsClient::new(config.authorities.as_ref()));
        Http::with(Arc::new(Shared {
            letterhead: Letterhead::new(&config.url, encoder, config.secret.clone()),
            tls,
            wanted_headers,
            reserved: OnceLock::new(),
            config,
        }))
    }

    fn with(shared: Arc<Shared>) -> Http {
        let HttpConfig { url, timeout, .. } = &shared.config;
        let connector = Connector::new(url, shared.tls.as_ref(), *timeout);
        Http {
            shared,
            pool: Pool::new(connector),
        }
    }

    /// How the application is told.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.shared.config
    }

    /// Sends `HEAD`, never an event, and gives the status of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn probe(&self) -> Result<u16, Failure> {
        let request = self.shared.letterhead.head();
        self.pool.status(request, self.shared.config.timeout).await
    }

    fn bounds(&self) -> Bounds {
        let config = &self.shared.config;
        Bounds {
            timeout: config.timeout,
            max_answer: config.max_answer,
            may_resend: config.may_resend,
            may_stream: false,
            decides_on_handshake: false,
        }
    }
}

impl Shared {
    fn reading(&self) -> Reading<'_> {
        let mut reading = Reading::lenient(self.config.max_commands);
        reading.own_types = self.reserved.get().map_or(&[], |types| types);
        reading
    }
}

#[async_trait]
impl Backend for Http {
    fn for_shard(&self) -> Arc<dyn Backend> {
        Arc::new(Http::with(Arc::clone(&self.shared)))
    }

    async fn call(&self, call: Call) -> Result<Answer, Unanswered> {
        let config = &self.shared.config;
        let is_handshake = config.decides_on_handshakes
            && matches!(&call.events[..], [event] if event.fact.kind() == EventKind::Connect);
        let mut bounds = self.bounds();
        bounds.may_stream = !config.is_batched;
        bounds.decides_on_handshake = is_handshake;
        let now = SystemTime::now();
        let write = || self.shared.letterhead.call(&call, now);
        let Heard { head, body } = self.pool.exchange(write, bounds).await?;
        let reading = self.shared.reading();
        let commands = match body {
            Body::Lines(lines) => {
                let lines = Lines::new(Arc::clone(&self.shared), lines);
                Commands::Stream(CommandList::default(), Box::new(lines))
            }
            Body::Whole(body) if config.is_batched => {
                let events = call.events.len();
                Commands::Lists(answer::read_answers(&body, events, reading)?.into())
            }
            Body::Whole(body) => {
                Commands::Lists(SmallVec::from([answer::read_commands(&body, reading)?]))
            }
        };
        let greeting = head.and_then(|head| answer::greeting(&head));
        Ok(Answer { commands, greeting })
    }

    async fn ask(&self, message: &RawValue) -> Result<Bytes, Failure> {
        let id = format!("direct-{:016x}{:016x}", random(), random());
        let now = SystemTime::now();
        let write = || self.shared.letterhead.direct(message, &id, now);
        let heard = self.pool.exchange(write, self.bounds()).await;
        match heard.map_err(|unanswered| unanswered.failure)?.body {
            Body::Whole(body) => Ok(body),
            // It was not allowed to.
            Body::Lines(_) => Ok(Bytes::new()),
        }
    }

    fn reserve(&self, types: &[Box<str>]) {
        // The first application in front of this one is the only one.
        let _ = self.shared.reserved.set(types.into());
    }

    fn hears_of_start(&self) -> bool {
        self.shared.config.format == Format::Json
    }

    fn wanted_headers(&self) -> WantedHeaders<'_> {
        WantedHeaders::Named(&self.shared.wanted_headers)
    }
}

/// Drawn from the system's randomness, through the keys that std's hash maps are given.
fn random() -> u64 {
    RandomState::new().hash_one(())
}
