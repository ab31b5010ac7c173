//! A broker of this project for the clients to meet at.

use broker_server::config::Config;
use broker_server::core::{Criteria, SessionId};
use broker_server::{Handle, Server};
use broker_testkit::backend::commands;
use broker_testkit::soon;
use serde_json::Value;

/// Where the protocol is spoken.
const PATH: &str = "/foo";

/// A broker with two shards on a free port; it ends with the test's process at the latest.
pub(crate) struct Broker {
    handle: Handle,
    url: String,
}

impl Broker {
    pub(crate) fn start() -> Broker {
        Broker::run("ws", Server::from_config(config()))
    }

    fn run(scheme: &str, server: Server) -> Broker {
        let handle = server.start().unwrap();
        let port = handle.local_addr().unwrap().port();
        Broker {
            handle,
            url: format!("{scheme}://localhost:{port}{PATH}"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The shard of whoever has this id.
    pub(crate) async fn shard_of(&self, id: &str) -> u16 {
        let listing = self.handle.connections(Criteria::EVERYONE);
        let infos = soon("a listing", listing).await.unwrap();
        let mut infos = infos.iter().map(|info| serde_json::from_str(info).unwrap());
        let info: Value = infos.find(|info: &Value| info["id"] == id).unwrap();
        let session: SessionId = info["wskey"].as_str().unwrap().parse().unwrap();
        session.shard()
    }

    /// Has a command of the application behind the broker carried out.
    pub(crate) async fn execute(&self, command: &str) {
        let executing = self.handle.execute(commands(command.to_owned()));
        soon("an outcome", executing).await.unwrap();
    }

    /// Ends when all clients have said goodbye.
    pub(crate) async fn drain(&self) {
        soon("the end of the broker", self.handle.drain()).await;
    }

    /// Ends at once.
    pub(crate) async fn shut_down(&self) {
        soon("the end of the broker", self.handle.shutdown()).await;
    }
}

#[cfg(feature = "tls")]
impl Broker {
    /// One that speaks TLS as `localhost`.
    pub(crate) fn start_tls(authority: &broker_testkit::authority::Authority) -> Broker {
        let issued = authority.issue();
        let identity =
            broker_server::Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes())
                .unwrap();
        Broker::run("wss", Server::from_config(config()).with_identity(identity))
    }

    pub(crate) fn addr(&self) -> std::net::SocketAddr {
        self.handle.local_addr().unwrap()
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.listen.public = "127.0.0.1:0".parse().unwrap();
    config.listen.admin = None;
    config.listen.shards = 2.try_into().ok();
    config.endpoints = vec![format!("{PATH}=wsmsgbroker").parse().unwrap()];
    config
}
