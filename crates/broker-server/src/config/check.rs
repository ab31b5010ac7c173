//! What single values can't show: settings that contradict each other, and
//! listeners that would be open to everybody.

use std::fmt;

use super::Config;
use super::address::ListenAddr;
use super::units::{ByteSize, TimeSpan};
use super::words::BackendFormat;

/// A setting that can't be obeyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The full name of the key, such as `limits.max_body`.
    pub key: &'static str,
    /// What is wrong with its value.
    pub reason: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.reason)
    }
}

/// A listener that would be reachable from other machines without the rule
/// that this needs. `Display` ends with the lines to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// `listen.public` or `listen.admin`.
    pub key: &'static str,
    /// Where it would listen.
    pub address: ListenAddr,
    /// What is missing.
    pub missing: Missing,
}

/// A rule without which nobody may listen beyond loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `access.origins`.
    OriginRule,
    /// `access.tokens` or `access.token_file`.
    Token,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            address,
            missing,
        } = self;
        let (lack, line) = match missing {
            Missing::OriginRule => (
                "no rule says which web pages may connect",
                "origins = [\"https://example.org\"]   # your site; \"*\" admits every page",
            ),
            Missing::Token => (
                "no token guards it",
                "tokens = [\"…\"]   # a long random text, as `openssl rand -hex 32` prints it",
            ),
        };
        write!(
            f,
            "`{key}` is {address}, which other machines can reach, but {lack}; add\n\n    \
             [access]\n    {line}\n"
        )
    }
}

/// hyper takes no smaller buffer for a request's head.
pub(crate) const HEADER_BYTES_MIN: usize = 8 * 1024;
const HEADER_BYTES_MAX: usize = 1024 * 1024;
/// Far more than machines have cores; shards beyond them only cost.
const SHARDS_MAX: u32 = 255;

impl Config {
    /// Everything that is wrong with the configuration as a whole; empty when
    /// it can be obeyed.
    #[must_use]
    pub fn validate(&self) -> Vec<Invalid> {
        let mut problems = Vec::new();
        let mut refuse = |key, reason: String| problems.push(Invalid { key, reason });

        for (key, size) in self.sizes() {
            if size.bytes() == 0 {
                refuse(key, "must be more than 0".to_owned());
            }
        }
        for (key, span) in self.time_spans() {
            if span.millis() == 0 {
                refuse(
                    key,
                    "must be at least 1ms; it can't be switched off".to_owned(),
                );
            }
        }
        if self
            .listen
            .shards
            .is_some_and(|shards| shards.get() > SHARDS_MAX)
        {
            refuse("listen.shards", format!("must be at most {SHARDS_MAX}"));
        }
        if self.listen.admin.as_ref() == Some(&self.listen.public) && !self.public_port_is_free() {
            let address = &self.listen.public;
            refuse(
                "listen.admin",
                format!("is {address}, which `listen.public` is already"),
            );
        }
        let is_tcp = matches!(self.listen.public, ListenAddr::Tcp(_));
        if self.listen.proxy_protocol && is_tcp && self.access.trusted_proxies.is_empty() {
            let reason = "takes connections from trusted proxies only, and there are none; add\n\n    \
                 [access]\n    trusted_proxies = [\"127.0.0.1\"]   # where your proxy connects from\n";
            refuse("listen.proxy_protocol", reason.to_owned());
        }
        problems.extend(self.backend.contradictions());
        let mut refuse = |key, reason: String| problems.push(Invalid { key, reason });
        let header = self.limits.max_header.bytes();
        if header != 0 && !(HEADER_BYTES_MIN..=HEADER_BYTES_MAX).contains(&header) {
            refuse(
                "limits.max_header",
                "must be between 8KiB and 1MiB".to_owned(),
            );
        }
        let is_json = self.backend.format == BackendFormat::Json;
        if self.backend.batch.get() > 1 && !is_json {
            let reason =
                "puts several events into one request, which `backend.format` must be \"json\" for";
            refuse("backend.batch", reason.to_owned());
        }
        if self.backend.hold.max_bytes < self.limits.max_message {
            let reason = format!(
                "is {}, which leaves no room for one message of `limits.max_message` ({})",
                self.backend.hold.max_bytes, self.limits.max_message
            );
            refuse("backend.hold.max_bytes", reason);
        }
        if self.endpoints.is_empty() {
            refuse(
                "endpoint",
                "lists no endpoint, so that nobody could connect".to_owned(),
            );
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            if self.endpoints[..index]
                .iter()
                .any(|earlier| earlier.path == endpoint.path)
            {
                refuse(
                    "endpoint",
                    format!("lists the path {} twice", endpoint.path),
                );
            }
        }
        problems
    }

    /// The listeners of this configuration that are reachable from other
    /// machines without the rule that this needs.
    #[must_use]
    pub fn exposed(&self) -> Vec<Exposed> {
        let mut exposed = self.exposed_at("listen.public", &self.listen.public);
        if let Some(admin) = &self.listen.admin {
            exposed.extend(self.exposed_at("listen.admin", admin));
        }
        exposed
    }

    /// The same for one listener (`listen.public` or `listen.admin`) that is
    /// at `address`, which for a passed socket is not the configured one.
    #[must_use]
    pub fn exposed_at(&self, key: &'static str, address: &ListenAddr) -> Vec<Exposed> {
        if address.is_local() {
            return Vec::new();
        }
        let has_token = !self.access.tokens.is_empty() || self.access.token_file.is_some();
        let lacks_token = key == "listen.admin" && !has_token;
        let lacks_origins = self.access.origins.is_empty();
        [
            (lacks_origins, Missing::OriginRule),
            (lacks_token, Missing::Token),
        ]
        .into_iter()
        .filter(|(lacks, _)| *lacks)
        .map(|(_, missing)| Exposed {
            key,
            address: address.clone(),
            missing,
        })
        .collect()
    }

    /// Whether the system chooses the public port, so that it is nobody else's.
    fn public_port_is_free(&self) -> bool {
        match &self.listen.public {
            ListenAddr::Tcp(address) => address.port() == 0,
            ListenAddr::Unix(_) => false,
        }
    }

    fn sizes(&self) -> [(&'static str, ByteSize); 7] {
        [
            ("backend.max_answer", self.backend.max_answer),
            ("backend.hold.max_bytes", self.backend.hold.max_bytes),
            ("limits.max_message", self.limits.max_message),
            ("limits.max_send_queue", self.limits.max_send_queue),
            ("limits.max_session", self.limits.max_session),
            ("limits.max_body", self.limits.max_body),
            ("limits.max_header", self.limits.max_header),
        ]
    }

    /// The time spans without which something would wait for ever.
    fn time_spans(&self) -> [(&'static str, TimeSpan); 7] {
        [
            ("backend.timeout", self.backend.timeout),
            (
                "backend.stream_idle_timeout",
                self.backend.stream_idle_timeout,
            ),
            ("limits.first_byte_timeout", self.limits.first_byte_timeout),
            ("limits.handshake_timeout", self.limits.handshake_timeout),
            ("limits.body_timeout", self.limits.body_timeout),
            ("limits.close_timeout", self.limits.close_timeout),
            ("drain.timeout", self.drain.timeout),
        ]
    }
}
