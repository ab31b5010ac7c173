//! The servers that are measured, each a process of its own.

mod server;

use std::{
    env,
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) use self::server::Server;
use crate::{
    cpu::{self, Cores},
    door::DoorKind,
    wire::{Certificate, Target},
};

/// Where clients of Socket.IO begin with a WebSocket.
pub(crate) const SOCKETIO_PATH: &str = "/socket.io/?EIO=4&transport=websocket";

/// One of the servers side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// This project's release binary.
    Wsbroker,
    /// The same with TLS.
    WsbrokerTls,
    /// npm `wsbroker`, the original.
    NpmWsbroker,
    /// A small server on npm `ws`.
    NpmWs,
    /// npm `wsmsgbroker`, the original for messages between clients.
    NpmWsmsgbroker,
    /// A small server on npm `socket.io`.
    NpmSocketio,
    /// The kernel's share: `broker-bench floor`.
    Floor,
}

impl Peer {
    pub(crate) const ALL: [Self; 7] = [
        Self::Wsbroker,
        Self::WsbrokerTls,
        Self::NpmWsbroker,
        Self::NpmWs,
        Self::NpmWsmsgbroker,
        Self::NpmSocketio,
        Self::Floor,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wsbroker => "wsbroker",
            Self::WsbrokerTls => "wsbroker, TLS",
            Self::NpmWsbroker => "npm wsbroker 1.0.15",
            Self::NpmWs => "npm ws 8.23.0",
            Self::NpmWsmsgbroker => "npm wsmsgbroker 1.7.2",
            Self::NpmSocketio => "npm socket.io 4.8.4",
            Self::Floor => "floor",
        }
    }

    /// Whether it agrees on compression with clients that offer it.
    pub(crate) fn compresses(self) -> bool {
        self == Self::Wsbroker
    }

    /// What Node runs for it.
    fn script(self) -> Option<&'static str> {
        match self {
            Self::NpmWsbroker => Some("wsbroker.js"),
            Self::NpmWs => Some("ws.js"),
            Self::NpmWsmsgbroker => Some("wsmsgbroker.js"),
            Self::NpmSocketio => Some("socketio.js"),
            Self::Wsbroker | Self::WsbrokerTls | Self::Floor => None,
        }
    }

    /// How it is told to send something.
    pub(crate) fn door(self) -> DoorKind {
        match self {
            Self::Wsbroker | Self::WsbrokerTls | Self::NpmWsbroker | Self::NpmSocketio => {
                DoorKind::Post
            }
            Self::NpmWs | Self::NpmWsmsgbroker | Self::Floor => DoorKind::Control,
        }
    }
}

/// Where the servers are, and where they run.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) cores: Cores,
    pub(crate) wsbroker: PathBuf,
}

impl Launcher {
    /// Checks that every one of `peers` can be started, and installs the Node
    /// packages when they are missing.
    pub(crate) fn prepare(&self, peers: &[Peer]) -> io::Result<()> {
        let needs_wsbroker = peers.contains(&Peer::Wsbroker) || peers.contains(&Peer::WsbrokerTls);
        if needs_wsbroker && !self.wsbroker.is_file() {
            return Err(io::Error::other(format!(
                "there is no wsbroker at {}: build it with `cargo build --release`, give \
                 --wsbroker PATH, or name with --only what is to be measured without it",
                self.wsbroker.display()
            )));
        }
        let needs_node = peers.iter().any(|peer| peer.script().is_some());
        let modules = peers_dir().join("node_modules");
        let is_there = |package: &&str| modules.join(package).is_dir();
        if !needs_node
            || ["ws", "wsbroker", "wsmsgbroker", "socket.io"]
                .iter()
                .all(is_there)
        {
            return Ok(());
        }
        eprintln!("installing the Node packages of {}", peers_dir().display());
        let status = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(peers_dir())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| io::Error::other(format!("npm can't be run: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("npm ci failed ({status})")))
        }
    }

    /// Starts `peer` on the server's core and waits until it has answered a
    /// handshake. With a `backend`, it takes client messages there.
    pub(crate) fn start(&self, peer: Peer, backend: Option<SocketAddr>) -> io::Result<Server> {
        self.start_with(peer, backend, &[])
    }

    /// Starts `peer` as one that speaks this dialect everywhere.
    pub(crate) fn start_dialect(&self, peer: Peer, dialect: &str) -> io::Result<Server> {
        let endpoint = format!("*={dialect}");
        let args: &[&str] = match peer {
            Peer::Wsbroker => &["--endpoint", &endpoint],
            Peer::WsbrokerTls
            | Peer::NpmWsbroker
            | Peer::NpmWs
            | Peer::NpmWsmsgbroker
            | Peer::NpmSocketio
            | Peer::Floor => &[],
        };
        let path = match dialect {
            "socketio" => SOCKETIO_PATH,
            _ => "/",
        };
        self.run(peer, path, None, args, &[])
    }

    /// Starts `peer` with these variables in its environment.
    pub(crate) fn start_with(
        &self,
        peer: Peer,
        backend: Option<SocketAddr>,
        variables: &[(&str, &str)],
    ) -> io::Result<Server> {
        self.run(peer, "/", backend, &[], variables)
    }

    fn run(
        &self,
        peer: Peer,
        path: &'static str,
        backend: Option<SocketAddr>,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> io::Result<Server> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = env::temp_dir().join(format!("broker-bench-{}.log", address.port()));
        let mut command = self.command(peer, address, backend)?;
        let certificate = match peer {
            Peer::WsbrokerTls => Some(Certificate::issue(&address.port().to_string())?),
            Peer::Wsbroker
            | Peer::NpmWsbroker
            | Peer::NpmWs
            | Peer::NpmWsmsgbroker
            | Peer::NpmSocketio
            | Peer::Floor => None,
        };
        if let Some(certificate) = &certificate {
            command
                .env("WSBROKER_TLS__CERT", certificate.file())
                .env("WSBROKER_TLS__KEY", certificate.file());
        }
        let target = match &certificate {
            Some(certificate) => Target::tls(address, certificate),
            None => Target::plain(address),
        };
        command
            .args(args)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        // A process starts on the cores of the thread that starts it.
        cpu::pin(self.cores.server)?;
        let started = Instant::now();
        let child = command.spawn();
        cpu::pin(self.cores.load)?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child =
            child.map_err(|error| io::Error::other(format!("{name} can't be run: {error}")))?;
        let mut server = Server {
            peer,
            target,
            path,
            _certificate: certificate,
            child,
            log,
            ready_after: Duration::ZERO,
        };
        server.wait_until_ready(started)?;
        Ok(server)
    }

    fn command(
        &self,
        peer: Peer,
        address: SocketAddr,
        backend: Option<SocketAddr>,
    ) -> io::Result<Command> {
        let backend_url = backend.map(|address| format!("http://{address}/"));
        let command = match peer {
            Peer::Wsbroker | Peer::WsbrokerTls => {
                let mut command = Command::new(&self.wsbroker);
                command
                    .args(["serve", "--admin", "off", "--shards", "1"])
                    .args(["--allow", "127.0.0.1", "--listen"])
                    .arg(address.to_string())
                    .env_remove("WSBROKER_CONFIG")
                    // The others write no line per connection either.
                    .env("WSBROKER_LOG__LEVEL", "error");
                match backend_url {
                    Some(url) => command.args(["--backend", &url]),
                    None => command.args(["--backend", "none"]),
                };
                command
            }
            Peer::NpmWsbroker | Peer::NpmWs | Peer::NpmWsmsgbroker | Peer::NpmSocketio => {
                let script = peer.script().unwrap_or_default();
                let mut command = Command::new("node");
                command
                    .arg(peers_dir().join(script))
                    .arg(address.port().to_string())
                    .args(backend_url)
                    .env("NODE_ENV", "production");
                command
            }
            Peer::Floor => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["floor", "--listen"]).arg(address.to_string());
                if let Some(backend) = backend {
                    command.arg("--backend").arg(backend.to_string());
                }
                command
            }
        };
        Ok(command)
    }
}

fn peers_dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_titles_say_the_versions_that_are_installed() {
        let package = include_str!("../peers/package.json");
        let package: serde_json::Value = serde_json::from_str(package).expect("it is JSON");
        for (peer, name) in [
            (Peer::NpmWsbroker, "wsbroker"),
            (Peer::NpmWs, "ws"),
            (Peer::NpmWsmsgbroker, "wsmsgbroker"),
            (Peer::NpmSocketio, "socket.io"),
        ] {
            let version = package["dependencies"][name].as_str();
            let title = version.map(|version| format!("npm {name} {version}"));
            assert_eq!(title.as_deref(), Some(peer.title()));
        }
    }
}
