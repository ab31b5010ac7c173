//! The configuration as a shard uses it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use broker_core::{CookieRule, GateConfig, Secret};
use broker_dialect::{DialectKind, Options, Sessions, socketio};
use broker_transport::tls::Tls;
use broker_transport::ws;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::config::{self, Config, Endpoint, Limits};
use crate::counters::Counters;
use crate::overlooked::Told;
use crate::permits::{Leaseholder, Permits};
use crate::random;
use crate::transit::Transit;

/// What every shard and the doors need to know, worked out once.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    pub(crate) shards: u16,
    /// What the shards of this broker share.
    pub(crate) secret: Secret,
    /// Shared by all shards.
    pub(crate) permits: Arc<Permits>,
    /// Places for answers that are streamed; none where there is no limit.
    pub(crate) streams: Option<Arc<Semaphore>>,
    /// A name for this run of the broker, where the application is told that it has started.
    pub(crate) boot: Option<Box<str>>,
    /// What the shards have posted to each other.
    pub(crate) transit: Transit,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) endpoints: Vec<Route>,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) cookies: CookieRule,
    /// Tokens of the configuration and of the token file.
    pub(crate) tokens: Vec<config::Token>,
    /// Speaks for the public port, if it speaks TLS.
    pub(crate) tls: Option<Tls>,
    pub(crate) max_send_queue: usize,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) is_demo: bool,
    /// Whether there is an application to tell of what happens.
    pub(crate) tells_backend: bool,
    /// What was passed over in commands and logged.
    pub(crate) overlooked: Told,
}

/// An endpoint, ready for its connections.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) dialect: DialectKind,
    pub(crate) options: Options,
    pub(crate) websocket: Arc<ws::Settings>,
}

/// On `echo` endpoints a message may be this long, whatever `max_message` says: conformance suites send such.
const ECHO_MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// On `echo` endpoints fragments of so many bytes do not count against `max_fragments`: conformance suites cut
/// messages of megabytes into such.
const ECHO_UNCOUNTED_FRAGMENT: u64 = 64;

impl Settings {
    /// With a `boot` name the application is told that the broker has started, before anything else.
    pub(crate) fn new(
        config: Config,
        tokens: Vec<config::Token>,
        shards: u16,
        boot: Option<Box<str>>,
    ) -> Settings {
        let cookies = match &config.session.cookies {
            config::Cookies::All => CookieRule::All,
            config::Cookies::None => CookieRule::None,
            config::Cookies::Named(names) => CookieRule::Only(names.clone()),
        };
        let mut gate = GateConfig::default();
        let max_in_flight = config.backend.max_in_flight;
        gate.max_in_flight = max_in_flight.map_or(0, |limit| limit.get() as usize);
        gate.begins_shut = boot.is_some();
        gate.seed = random::seed();
        let max_streams = config.backend.max_streams;
        Settings {
            shards,
            secret: Secret::new([random::seed(), random::seed()]),
            permits: Permits::new(shards, &gate),
            streams: max_streams.map(|limit| Arc::new(Semaphore::new(limit.get() as usize))),
            boot,
            transit: Transit::new(shards),
            clock: Clock::start(),
            counters: Counters::default(),
            endpoints: config
                .endpoints
                .iter()
                .map(|endpoint| Route::new(endpoint, &config))
                .collect(),
            subprotocols: config
                .websocket
                .subprotocols
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
            cookies,
            tokens,
            tls: None,
            max_send_queue: config.limits.max_send_queue.bytes(),
            write_timeout: config.limits.write_timeout.map(config::TimeSpan::duration),
            is_demo: matches!(config.backend.url, config::BackendTarget::Demo),
            tells_backend: true,
            overlooked: Told::default(),
            config,
        }
    }

    /// A shard's way to the permits.
    pub(crate) fn leaseholder(&self, shard: u16) -> Leaseholder {
        self.permits.leaseholder(shard)
    }

    /// How long a client may take to end its side once we have closed ours.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.config.limits.close_timeout.duration()
    }

    pub(crate) fn messages_per_second(&self) -> Option<NonZeroU32> {
        self.config.limits.messages_per_second
    }

    /// The place of the endpoint for a path: the most specific one that matches.
    pub(crate) fn route(&self, path: &str) -> Option<usize> {
        Endpoint::route(&self.config.endpoints, path)
    }
}

impl Route {
    fn new(endpoint: &Endpoint, config: &Config) -> Route {
        let dialect = endpoint.dialect;
        let max_message = config.limits.max_message.bytes();
        let (max_message, uncounted_fragment) = match dialect.sessions() {
            Sessions::Untold => (max_message.max(ECHO_MAX_MESSAGE), ECHO_UNCOUNTED_FRAGMENT),
            Sessions::One | Sessions::PerNamespace => (max_message, u64::MAX),
        };
        let mut options = Options::default();
        options.binary = endpoint.binary;
        options.relay_events = endpoint.relay_events;
        options.socketio = Arc::new(socketio_settings(endpoint, config));
        let mut websocket = websocket_settings(&config.limits, &config.websocket);
        websocket.max_message = max_message;
        websocket.uncounted_fragment = uncounted_fragment;
        if dialect.sessions() == Sessions::PerNamespace {
            // Socket.IO has a heartbeat of its own, in its own words.
            websocket.ping_interval = Duration::ZERO;
        }
        Route {
            dialect,
            options,
            websocket: Arc::new(websocket),
        }
    }
}

/// What limits a WebSocket that speaks no dialect.
pub(crate) fn websocket_settings(limits: &Limits, websocket: &config::WebSocket) -> ws::Settings {
    let never_or =
        |span: Option<config::TimeSpan>| span.map(config::TimeSpan::duration).unwrap_or_default();
    let mut settings = ws::Settings::default();
    settings.max_message = limits.max_message.bytes();
    settings.max_fragments = limits.max_fragments.get();
    settings.message_timeout = never_or(limits.message_timeout);
    settings.close_timeout = limits.close_timeout.duration();
    settings.ping_interval = never_or(websocket.ping_interval);
    settings.pong_timeout = never_or(websocket.pong_timeout);
    settings
}

/// What is chosen about Socket.IO. It cannot do without a heartbeat: where there are to be no pings, it beats as by default.
fn socketio_settings(endpoint: &Endpoint, config: &Config) -> socketio::Settings {
    let mut settings = socketio::Settings::default();
    settings.max_payload = config.limits.max_message.bytes();
    settings.max_body = config.limits.max_body.bytes();
    settings.allow_eio3 = endpoint.allow_eio3;
    if let Some(interval) = config.websocket.ping_interval {
        settings.ping_interval = interval.duration();
    }
    if let Some(timeout) = config.websocket.pong_timeout {
        settings.ping_timeout = timeout.duration();
    }
    settings
}
