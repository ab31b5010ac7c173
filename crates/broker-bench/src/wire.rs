//! A socket to a server, with TLS over it where the server wants that.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, client::Resumption, crypto::ring,
    pki_types::ServerName,
};

/// Where a server is, and whether it speaks TLS.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

/// A connected socket that sends at once.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Target {
    pub(crate) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// A server that has this certificate.
    pub(crate) fn tls(address: SocketAddr, certificate: &Certificate) -> Self {
        Self {
            address,
            tls: Some(certificate.trust.clone()),
        }
    }

    /// Connects and holds the TLS handshake, whole each time. The socket is
    /// reset when it is dropped.
    pub(crate) fn connect(&self) -> io::Result<Wire> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        let Some(config) = &self.tls else {
            return Ok(Wire::Plain(socket));
        };
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Wire::Tls(Box::new(StreamOwned::new(tls, socket))))
    }
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        self.socket().set_nonblocking(true)
    }

    pub(crate) fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.socket().set_read_timeout(Some(timeout))
    }

    /// Reads once, or as much as one read has brought. The end of the stream is
    /// an error; nothing to read gives 0.
    pub(crate) fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.read(buffer) {
            Ok(0) => Err(io::Error::other("the server ended a connection")),
            Ok(len) => Ok(len),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

/// A certificate for one run of a server, with its key in the same file, which
/// is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Certificate {
    file: PathBuf,
    trust: Arc<ClientConfig>,
}

impl Certificate {
    pub(crate) fn issue(name: &str) -> io::Result<Self> {
        let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .map_err(io::Error::other)?;
        let file = env::temp_dir().join(format!("broker-bench-{name}.pem"));
        let pem = issued.cert.pem() + &issued.signing_key.serialize_pem();
        fs::write(&file, pem)?;
        let mut roots = RootCertStore::empty();
        roots
            .add(issued.cert.der().clone())
            .map_err(io::Error::other)?;
        let mut trust = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        trust.resumption = Resumption::disabled();
        Ok(Self {
            file,
            trust: Arc::new(trust),
        })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.file));
    }
}
