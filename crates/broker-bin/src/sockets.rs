//! Listening sockets that the service manager has opened (systemd's protocol).
//!
//! They are told apart by their names, `public` and `admin`
//! (`FileDescriptorName=`); without such names the first is the public one and
//! the second the admin one.

use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use broker_server::config::ListenAddr;
use listenfd::ListenFd;

/// The sockets that were passed.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    pub(crate) public: Option<Socket>,
    pub(crate) admin: Option<Socket>,
}

/// A socket that listens already.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why the passed sockets can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassedError {
    /// There are only two listeners.
    #[error("{0} sockets were passed; at most two can be used, `public` and `admin`")]
    TooMany(usize),
    /// Two have the same name.
    #[error("two sockets named `{0}` were passed")]
    Twice(&'static str),
    /// It is no listening TCP or Unix stream socket.
    #[error("the passed socket number {0} is neither a TCP nor a Unix stream listener: {1}")]
    Kind(usize, io::Error),
}

impl Passed {
    /// Takes the sockets over from the environment, once, before there are
    /// other threads: the variables that told of them are removed.
    pub(crate) fn take() -> Result<Self, PassedError> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        if passed.len() > 2 {
            return Err(PassedError::TooMany(passed.len()));
        }
        let mut sockets = Self::default();
        for (index, role) in roles(&names, passed.len()).into_iter().enumerate() {
            let Some(socket) = socket(&mut passed, index)? else {
                continue;
            };
            let (place, name) = match role {
                Role::Public => (&mut sockets.public, "public"),
                Role::Admin => (&mut sockets.admin, "admin"),
            };
            if place.replace(socket).is_some() {
                return Err(PassedError::Twice(name));
            }
        }
        Ok(sockets)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Public,
    Admin,
}

/// What each of `count` sockets is for; `names` are joined by colons.
fn roles(names: &str, count: usize) -> Vec<Role> {
    let named: Vec<&str> = names.split(':').collect();
    let is_named = named.iter().any(|name| matches!(*name, "public" | "admin"));
    let role = |index: usize| match named.get(index) {
        Some(&"admin") if is_named => Role::Admin,
        Some(_) | None if is_named => Role::Public,
        Some(_) | None if index == 0 => Role::Public,
        Some(_) | None => Role::Admin,
    };
    (0..count).map(role).collect()
}

fn socket(passed: &mut ListenFd, index: usize) -> Result<Option<Socket>, PassedError> {
    if let Ok(listener) = passed.take_tcp_listener(index) {
        return Ok(listener.map(Socket::Tcp));
    }
    let listener = passed
        .take_unix_listener(index)
        .map_err(|error| PassedError::Kind(index, error))?;
    Ok(listener.map(Socket::Unix))
}

impl Socket {
    /// Where it listens; a Unix socket without a path has an empty one.
    pub(crate) fn address(&self) -> io::Result<ListenAddr> {
        match self {
            Self::Tcp(listener) => Ok(ListenAddr::Tcp(listener.local_addr()?)),
            Self::Unix(listener) => {
                let address = listener.local_addr()?;
                Ok(ListenAddr::Unix(
                    address.as_pathname().unwrap_or("".as_ref()).to_owned(),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, roles};

    #[test]
    fn sockets_go_by_their_names_or_by_their_order() {
        let (public, admin) = (Role::Public, Role::Admin);
        for (names, count, expected) in [
            ("", 0, vec![]),
            ("", 1, vec![public]),
            ("", 2, vec![public, admin]),
            ("wsbroker.socket:wsbroker.socket", 2, vec![public, admin]),
            ("admin:public", 2, vec![admin, public]),
            ("admin", 1, vec![admin]),
            ("other:admin", 2, vec![public, admin]),
            ("public:public", 2, vec![public, public]),
        ] {
            assert_eq!(roles(names, count), expected, "{names}");
        }
    }
}
