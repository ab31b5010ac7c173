//! A running broker, and what every test does with one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use broker_server::backend::Backend;
use broker_server::config::Config;
use broker_server::core::Outcome;
use broker_server::{Handle, LocalAddr, Report, Server};
use broker_testkit::backend::commands;
use broker_testkit::client::{Answer, Client, Raw};
use broker_testkit::soon;

/// A handshake with the key of RFC 6455 §1.3, for clients that send more in the same packet.
pub(crate) const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A broker on ports of its own; it ends with the test's runtime at the latest.
pub(crate) struct Broker {
    pub(crate) handle: Handle,
}

/// A configuration, written as in a file; where it says nothing about listeners, they are on free ports.
pub(crate) fn config(text: &str) -> Config {
    let mut config: Config = toml::from_str(text).expect("a configuration");
    let defaults = Config::default().listen;
    let free = || "127.0.0.1:0".parse().expect("an address");
    if config.listen.public == defaults.public {
        config.listen.public = free();
    }
    if config.listen.admin == defaults.admin {
        config.listen.admin = Some(free());
    }
    config
}

impl Broker {
    /// Starts one in front of this application.
    pub(crate) fn start(text: &str, backend: &(impl Backend + Clone + 'static)) -> Broker {
        let server = Server::new(config(text), Arc::new(backend.clone()));
        Broker {
            handle: server.start().expect("it starts"),
        }
    }

    /// Starts one without an application.
    pub(crate) fn alone(text: &str) -> Broker {
        let server = Server::from_config(config(text));
        Broker {
            handle: server.start().expect("it starts"),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        tcp(self.handle.public_addr())
    }

    pub(crate) fn admin_addr(&self) -> SocketAddr {
        tcp(self.handle.admin_addr())
    }

    /// Connects a client with these cookies, and waits until it has a session.
    pub(crate) async fn client(&self, cookies: &str) -> Client {
        let before = self.handle.report().await.connections;
        let client = Client::connect_with(self.addr(), "/", &[("cookie", cookies)]).await;
        self.until("the session", |report| report.connections == before + 1)
            .await;
        client
    }

    /// Connects a client that the test gives every byte of, and waits until it has a session.
    pub(crate) async fn raw_client(&self) -> Raw {
        let before = self.handle.report().await.connections;
        let raw = self.fleeting_client().await;
        self.until("the session", |report| report.connections == before + 1)
            .await;
        raw
    }

    /// Connects such a client, which may be given up before it could be seen to have a session.
    pub(crate) async fn fleeting_client(&self) -> Raw {
        let mut raw = Raw::connect(self.addr()).await;
        assert_eq!(raw.upgrade("/", &[]).await.status, 101);
        raw
    }

    /// Waits until things stand so.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Report) -> bool) -> Report {
        let wait = async {
            loop {
                let report = self.handle.report().await;
                if holds(&report) {
                    return report;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        soon(what, wait).await
    }

    /// Waits until the application is taken to be away, or to be back.
    pub(crate) async fn until_away(&self, is_away: bool) {
        let wait = async {
            while self.handle.standing().is_away != is_away {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        soon("word of the application", wait).await;
    }

    /// Has commands carried out by the embedding API.
    pub(crate) async fn execute(&self, list: impl Into<String>) -> Vec<Outcome> {
        soon("outcomes", self.handle.execute(commands(list.into())))
            .await
            .expect("it runs")
    }

    /// Posts to the public port.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        Raw::connect(self.addr())
            .await
            .request("POST", "/", headers, body)
            .await
    }

    /// Posts commands to the admin port.
    pub(crate) async fn admin(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut raw = Raw::connect(self.admin_addr()).await;
        raw.request("POST", "/api/v1/commands", headers, body).await
    }

    /// Posts commands to the admin port, and gives their receipts.
    pub(crate) async fn receipts(&self, body: &str) -> serde_json::Value {
        let answer = self.admin(&[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }
}

fn tcp(addr: Option<&LocalAddr>) -> SocketAddr {
    match addr {
        Some(LocalAddr::Tcp(addr)) => *addr,
        other => panic!("{other:?} is no TCP address"),
    }
}

/// A directory that is gone when the test is.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("broker-server-it-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A path as it is written in a configuration.
    pub(crate) fn unix(&self, name: &str) -> String {
        format!("unix:{}", self.file(name).display())
    }
}

impl AsRef<Path> for Directory {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A broker that ends later may still be taking its socket away.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
