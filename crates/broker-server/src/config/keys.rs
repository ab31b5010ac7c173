//! Every key of the configuration's contract, for those who read one from a
//! file, the environment or flags.

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text: words, sizes, times, addresses, URLs, paths.
    Text,
    /// A whole number.
    Count,
    /// `true` or `false`.
    Switch,
    /// A list of texts.
    List,
    /// One of the words given here, or a list of texts.
    WordOrList(&'static [&'static str]),
    /// A list of tables, whose keys follow as `endpoint.path` and so on.
    Tables,
}

/// One key by its full name, such as `backend.hold.max_events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// Sections and name, joined by dots.
    pub path: &'static str,
    /// What stands behind it.
    pub kind: Kind,
}

impl Key {
    /// The key of this full name.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// Whether this name is a section: some key's name goes on behind it.
    #[must_use]
    pub fn is_section(path: &str) -> bool {
        KEYS.iter().any(|key| {
            key.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
        })
    }
}

const fn key(path: &'static str, kind: Kind) -> Key {
    Key { path, kind }
}

/// Every key, section by section in the order of the contract.
pub const KEYS: &[Key] = &[
    key("listen.public", Kind::Text),
    key("listen.admin", Kind::Text),
    key("listen.shards", Kind::Count),
    key("listen.proxy_protocol", Kind::Switch),
    key("endpoint", Kind::Tables),
    key("endpoint.path", Kind::Text),
    key("endpoint.dialect", Kind::Text),
    key("endpoint.binary", Kind::Text),
    key("endpoint.relay_events", Kind::Switch),
    key("endpoint.allow_eio3", Kind::Switch),
    key("backend.url", Kind::Text),
    key("backend.format", Kind::Text),
    key("backend.timeout", Kind::Text),
    key("backend.max_in_flight", Kind::Count),
    key("backend.max_answer", Kind::Text),
    key("backend.delivery", Kind::Text),
    key("backend.connect", Kind::Text),
    key("backend.secret", Kind::Text),
    key("backend.secret_file", Kind::Text),
    key("backend.ca", Kind::Text),
    key("backend.headers", Kind::List),
    key("backend.batch", Kind::Count),
    key("backend.retries", Kind::Count),
    key("backend.stream_idle_timeout", Kind::Text),
    key("backend.max_streams", Kind::Count),
    key("backend.hold.max_events", Kind::Count),
    key("backend.hold.max_bytes", Kind::Text),
    key("backend.hold.max_age", Kind::Text),
    key("backend.hold.on_full", Kind::Text),
    key("access.allow", Kind::List),
    key("access.origins", Kind::List),
    key("access.tokens", Kind::List),
    key("access.token_file", Kind::Text),
    key("access.trusted_proxies", Kind::List),
    key("limits.max_connections", Kind::Count),
    key("limits.max_connections_per_ip", Kind::Count),
    key("limits.messages_per_second", Kind::Count),
    key("limits.max_message", Kind::Text),
    key("limits.max_fragments", Kind::Count),
    key("limits.message_timeout", Kind::Text),
    key("limits.max_send_queue", Kind::Text),
    key("limits.write_timeout", Kind::Text),
    key("limits.slow_consumer", Kind::Text),
    key("limits.max_session", Kind::Text),
    key("limits.max_body", Kind::Text),
    key("limits.max_commands", Kind::Count),
    key("limits.max_header", Kind::Text),
    key("limits.first_byte_timeout", Kind::Text),
    key("limits.handshake_timeout", Kind::Text),
    key("limits.body_timeout", Kind::Text),
    key("limits.close_timeout", Kind::Text),
    key("limits.answer_timeout", Kind::Text),
    key("websocket.ping_interval", Kind::Text),
    key("websocket.pong_timeout", Kind::Text),
    key("websocket.compression", Kind::Text),
    key("websocket.compression_min", Kind::Text),
    key("websocket.subprotocols", Kind::List),
    key("session.cookies", Kind::WordOrList(&["all", "none"])),
    key("drain.timeout", Kind::Text),
    key("log.level", Kind::Text),
    key("log.format", Kind::Text),
    key("tls.cert", Kind::Text),
    key("tls.key", Kind::Text),
];
