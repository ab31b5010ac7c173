//! What is said once the broker listens: to a person where to look, to a
//! machine one record.

use std::fmt::Write as _;

use broker_server::config::{BackendTarget, Config, ListenAddr};
use owo_colors::OwoColorize;

use crate::file_limit::FileLimit;

/// A broker that has just begun to listen.
#[derive(Debug)]
pub(crate) struct Banner<'a> {
    /// Where it really listens, which for port 0 only now is known.
    pub(crate) public: ListenAddr,
    pub(crate) admin: Option<ListenAddr>,
    pub(crate) config: &'a Config,
    pub(crate) shards: usize,
    pub(crate) files: FileLimit,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Banner<'_> {
    /// For people: several lines, with colours.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("\n  {} {}\n\n", "wsbroker".bold(), VERSION.dimmed());
        let is_demo = self.config.backend.url == BackendTarget::Demo;
        let mut line = |mark: &str, name: &str, value: &str| {
            // A String takes whatever is written.
            let _ = writeln!(text, "  {} {:<9} {value}", mark.green(), name.dimmed());
        };
        let (http, ws) = self.schemes();
        if is_demo {
            line("➥", "demo", &url(http, &self.public));
        }
        line("➥", "clients", &url(ws, &self.public));
        match &self.admin {
            Some(admin) => line("➥", "admin", &url("http", admin)),
            None => line(" ", "admin", "off"),
        }
        line(" ", "backend", &self.backend());
        line(" ", "shards", &self.shards.to_string());
        line(" ", "files", &self.files.to_string());
        text.push('\n');
        text
    }

    /// For machines: one record.
    pub(crate) fn record(&self) {
        tracing::info!(
            event = "listening",
            public = %self.public,
            admin = %self.admin.as_ref().map_or("off".to_owned(), ToString::to_string),
            backend = %self.config.backend.url,
            shards = self.shards,
            version = VERSION,
            files_before = self.files.before,
            files = self.files.after,
            "listening on {}",
            url(self.schemes().1, &self.public),
        );
    }

    /// How pages and WebSockets of the public port are addressed.
    fn schemes(&self) -> (&'static str, &'static str) {
        match self.config.tls.cert {
            Some(_) => ("https", "wss"),
            None => ("http", "ws"),
        }
    }

    fn backend(&self) -> String {
        match &self.config.backend.url {
            BackendTarget::None => "none: events go nowhere".to_owned(),
            BackendTarget::Demo => "the built-in demo".to_owned(),
            BackendTarget::Http(url) => format!("{url} ({})", self.config.backend.format),
        }
    }
}

/// What to type to get there. An address of every interface is shown as the
/// loopback one, which a browser can open.
fn url(scheme: &str, address: &ListenAddr) -> String {
    match address {
        ListenAddr::Unix(_) => address.to_string(),
        ListenAddr::Tcp(socket) if socket.ip().is_unspecified() => {
            format!("{scheme}://localhost:{}/ (every interface)", socket.port())
        }
        ListenAddr::Tcp(socket) => format!("{scheme}://{socket}/"),
    }
}

#[cfg(test)]
mod tests {
    use broker_server::config::Config;
    use expect_test::{Expect, expect};

    use super::Banner;
    use crate::file_limit::FileLimit;

    fn check(public: &str, admin: Option<&str>, backend: &str, expected: Expect) {
        let url = backend.parse().expect("a backend");
        let mut config = Config::default();
        config.backend.url = url;
        let banner = Banner {
            public: public.parse().expect("an address"),
            admin: admin.map(|address| address.parse().expect("an address")),
            config: &config,
            shards: 2,
            files: FileLimit {
                before: Some(1024),
                after: Some(20_000),
            },
        };
        let plain = anstream::adapter::strip_str(&banner.text()).to_string();
        expected.assert_eq(plain.replace(super::VERSION, "VERSION").trim());
    }

    #[test]
    fn the_demo_shows_its_page_first() {
        check(
            "127.0.0.1:4080",
            Some("127.0.0.1:4081"),
            "demo",
            expect![[r#"
                wsbroker VERSION

                  ➥ demo      http://127.0.0.1:4080/
                  ➥ clients   ws://127.0.0.1:4080/
                  ➥ admin     http://127.0.0.1:4081/
                    backend   the built-in demo
                    shards    2
                    files     1024 → 20000"#]],
        );
    }

    #[test]
    fn a_backend_is_shown_without_its_password() {
        check(
            "0.0.0.0:80",
            None,
            "http://user:secret@app:8000/hook",
            expect![[r#"
                wsbroker VERSION

                  ➥ clients   ws://localhost:80/ (every interface)
                    admin     off
                    backend   http://user:…@app:8000/hook (multipart)
                    shards    2
                    files     1024 → 20000"#]],
        );
        check(
            "unix:/run/wsbroker.sock",
            Some("[::1]:81"),
            "none",
            expect![[r#"
                wsbroker VERSION

                  ➥ clients   unix:/run/wsbroker.sock
                  ➥ admin     http://[::1]:81/
                    backend   none: events go nowhere
                    shards    2
                    files     1024 → 20000"#]],
        );
    }
}
