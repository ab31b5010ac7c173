//! Listening sockets: TCP, Unix, and those that were opened by somebody else.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::stream::Socket;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 4096;

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP
    Tcp(TcpListener),
    /// A Unix socket, and its path if it made it. The path goes first: who finds it can still connect.
    Unix(Option<OwnedPath>, UnixListener),
}

/// A socket that was accepted and can be sent to another thread: it is not yet known to any runtime.
#[derive(Debug)]
pub enum Accepted {
    /// TCP, and its peer.
    Tcp(std::net::TcpStream, IpAddr),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

/// Where a listener can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddr {
    /// TCP
    Tcp(SocketAddr),
    /// The path of a Unix socket, empty if it has none.
    Unix(PathBuf),
}

impl std::fmt::Display for LocalAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LocalAddr::Tcp(addr) => write!(f, "{addr}"),
            LocalAddr::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Listener {
    /// Listens on a TCP address. `SO_REUSEADDR` is set, `SO_REUSEPORT` is not: a second process must not get the port.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn tcp(addr: SocketAddr) -> io::Result<Listener> {
        let socket = match addr {
            SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        Ok(Listener::Tcp(socket.listen(BACKLOG)?))
    }

    /// Listens on a Unix socket. One that an earlier process has left behind is replaced; one that is served is not.
    ///
    /// # Errors
    /// When the path is taken or cannot be made.
    pub fn unix(path: &Path) -> io::Result<Listener> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            match fs::remove_file(path) {
                // Whoever had it has removed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        let listener = UnixListener::bind(path)?;
        let owned = OwnedPath {
            path: path.to_owned(),
            file: file_at(path),
        };
        Ok(Listener::Unix(Some(owned), listener))
    }

    /// Takes over a TCP listener that was opened by somebody else.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        Ok(Listener::Tcp(TcpListener::from_std(listener)?))
    }

    /// Takes over a Unix listener that was opened by somebody else, who looks after its path.
    ///
    /// # Errors
    /// When it cannot be made non-blocking.
    pub fn from_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Listener> {
        listener.set_nonblocking(true)?;
        Ok(Listener::Unix(None, UnixListener::from_std(listener)?))
    }

    /// Where it can be reached.
    ///
    /// # Errors
    /// When the socket has failed.
    pub fn local_addr(&self) -> io::Result<LocalAddr> {
        match self {
            Listener::Tcp(listener) => Ok(LocalAddr::Tcp(listener.local_addr()?)),
            Listener::Unix(_, listener) => {
                let addr = listener.local_addr()?;
                Ok(LocalAddr::Unix(
                    addr.as_pathname().map(Path::to_owned).unwrap_or_default(),
                ))
            }
        }
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    /// When there is no file descriptor left, or the peer has gone already; the listener goes on.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A peer that has gone already is found out by whoever reads.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream.into_std()?, peer.ip().to_canonical()))
            }
            Listener::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Unix(stream.into_std()?))
            }
        }
    }
}

impl Accepted {
    /// The peer's address, IPv4-mapped ones as IPv4; none for a Unix socket.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        match self {
            Accepted::Tcp(_, peer) => Some(*peer),
            Accepted::Unix(_) => None,
        }
    }

    /// Makes it known to the runtime of this thread.
    ///
    /// # Errors
    /// When the runtime cannot take it in.
    pub fn into_socket(self) -> io::Result<Socket> {
        match self {
            Accepted::Tcp(stream, _) => Ok(Socket::Tcp(TcpStream::from_std(stream)?)),
            Accepted::Unix(stream) => Ok(Socket::Unix(UnixStream::from_std(stream)?)),
        }
    }
}

/// The path of a Unix socket that is removed when its listener is dropped, unless it is another's by then.
#[derive(Debug)]
pub struct OwnedPath {
    path: PathBuf,
    /// The socket that was made there.
    file: Option<(u64, u64)>,
}

impl Drop for OwnedPath {
    fn drop(&mut self) {
        if self.file.is_some() && file_at(&self.path) == self.file {
            // Somebody may have removed it before; there is nobody to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Which file is at a path: its device and its number there.
fn file_at(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
