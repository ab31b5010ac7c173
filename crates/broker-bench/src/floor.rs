//! The floor: what the same work costs when there is nothing but the kernel.
//!
//! One thread around `epoll`. A message for many is one `write(2)` of a ready
//! frame per receiver; a round trip is a ready request written to a connection
//! that is open already, and a ready frame written back; a handshake is a ready
//! answer. There is no parsing beyond what tells these apart, no queue and no
//! limit: a receiver that does not take its frame at once ends the process.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
};

use rustix::{fd::OwnedFd, io::Errno, net::SocketFlags};

use crate::{epoll::Epoll, ws};

const LISTENER: u64 = u64::MAX;

/// Serves on `listen` until the process is ended. With a `backend`, client
/// messages make a round trip to it.
pub(crate) fn serve(listen: SocketAddr, backend: Option<SocketAddr>) -> io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    // Accepted sockets inherit it. Without it, Nagle's algorithm would merge
    // frames, and the floor is one packet per frame.
    rustix::net::sockopt::set_tcp_nodelay(&listener, true)?;
    let epoll = Epoll::new()?;
    epoll.watch(&listener, LISTENER)?;
    let mut floor = Floor {
        epoll,
        listener,
        backend,
        links: Vec::new(),
        everyone: Vec::new(),
        rooms: HashMap::new(),
        frame: Vec::new(),
        request: request(),
        welcome: handshake_answer(),
    };
    floor.run()
}

struct Floor {
    epoll: Epoll,
    listener: TcpListener,
    backend: Option<SocketAddr>,
    /// A link has the tokens `2 * index` (client) and `2 * index + 1` (its
    /// connection to the backend). Links that ended leave their place empty.
    links: Vec<Option<Link>>,
    everyone: Vec<usize>,
    rooms: HashMap<Vec<u8>, Vec<usize>>,
    frame: Vec<u8>,
    request: Vec<u8>,
    welcome: Vec<u8>,
}

struct Link {
    client: OwnedFd,
    role: Role,
}

enum Role {
    /// Its handshake has not come yet.
    Arriving,
    /// Its messages say what to send to whom.
    Control,
    /// Gets what is sent to everyone or to its room.
    Receiver { room: Vec<u8> },
    /// A receiver whose messages go to the backend.
    Relay { room: Vec<u8>, upstream: TcpStream },
}

impl Floor {
    fn run(&mut self) -> io::Result<()> {
        let mut tokens = Vec::new();
        let mut buffer = vec![0; 4096];
        loop {
            self.epoll.wait(None, &mut tokens)?;
            for &token in &tokens {
                if token == LISTENER {
                    self.accept()?;
                } else {
                    self.serve(token, &mut buffer)?;
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let client = rustix::net::accept_with(&self.listener, flags)?;
        self.epoll.watch(&client, 2 * self.links.len() as u64)?;
        let role = Role::Arriving;
        self.links.push(Some(Link { client, role }));
        Ok(())
    }

    fn serve(&mut self, token: u64, buffer: &mut [u8]) -> io::Result<()> {
        let index = usize::try_from(token / 2).map_err(io::Error::other)?;
        let Some(link) = &self.links[index] else {
            return Ok(());
        };
        let from_backend = token % 2 == 1;
        let read = match &link.role {
            Role::Relay { upstream, .. } if from_backend => {
                rustix::io::read(upstream, &mut *buffer)
            }
            Role::Relay { .. } | Role::Arriving | Role::Control | Role::Receiver { .. } => {
                rustix::io::read(&link.client, &mut *buffer)
            }
        };
        let bytes = match read {
            Ok(0) | Err(Errno::CONNRESET) => return self.remove(index),
            Ok(len) => &buffer[..len],
            Err(error) => return Err(error.into()),
        };
        match &link.role {
            Role::Arriving => self.welcome(index, bytes),
            Role::Control => self.deliver(bytes),
            Role::Receiver { .. } => Ok(()),
            Role::Relay { .. } if from_backend => write_whole(&link.client, PONG_FRAME),
            Role::Relay { upstream, .. } => write_whole(upstream, &self.request),
        }
    }

    /// Answers a handshake, which came in one piece.
    fn welcome(&mut self, index: usize, head: &[u8]) -> io::Result<()> {
        let room = field(head, b"room=");
        let role = if head.starts_with(b"GET /control ") {
            Role::Control
        } else {
            self.everyone.push(index);
            self.rooms.entry(room.to_vec()).or_default().push(index);
            let room = room.to_vec();
            match self.backend {
                None => Role::Receiver { room },
                Some(backend) => {
                    let upstream = TcpStream::connect(backend)?;
                    upstream.set_nodelay(true)?;
                    self.epoll.watch(&upstream, 2 * index as u64 + 1)?;
                    Role::Relay { room, upstream }
                }
            }
        };
        let Some(link) = &mut self.links[index] else {
            return Ok(());
        };
        link.role = role;
        write_whole(&link.client, &self.welcome)
    }

    /// Sends what the frames of a control connection ask for.
    fn deliver(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while let Some(frame) = ws::decode(bytes) {
            bytes = &bytes[frame.len..];
            let mask = frame.mask.unwrap_or_default();
            let text = frame.payload.iter().zip(mask.iter().cycle());
            let text: Vec<u8> = text.map(|(byte, mask)| byte ^ mask).collect();
            let space = memchr::memchr(b' ', &text).unwrap_or(0);
            let (room, payload) = (&text[..space], &text[space + 1..]);
            self.frame.clear();
            ws::encode(ws::TEXT, payload, &mut self.frame);
            let receivers = match room {
                b"*" => &self.everyone,
                room => self
                    .rooms
                    .get(room)
                    .ok_or_else(|| io::Error::other("a room without receivers"))?,
            };
            for &receiver in receivers {
                if let Some(link) = &self.links[receiver] {
                    write_whole(&link.client, &self.frame)?;
                }
            }
        }
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(io::Error::other("a control message came in pieces"))
        }
    }

    fn remove(&mut self, index: usize) -> io::Result<()> {
        match self.links[index].take().map(|link| link.role) {
            Some(Role::Receiver { room } | Role::Relay { room, .. }) => {
                self.everyone.retain(|&receiver| receiver != index);
                if let Some(receivers) = self.rooms.get_mut(&room) {
                    receivers.retain(|&receiver| receiver != index);
                }
            }
            Some(Role::Arriving | Role::Control) | None => {}
        }
        Ok(())
    }
}

/// One `write(2)`, which takes it all.
fn write_whole(socket: impl rustix::fd::AsFd, bytes: &[u8]) -> io::Result<()> {
    match rustix::io::write(socket, bytes) {
        Ok(len) if len == bytes.len() => Ok(()),
        // It left; its end is read in its turn.
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        Ok(_) => Err(io::Error::other("a receiver took a part of a frame")),
        Err(error) => Err(error.into()),
    }
}

/// The value after `name` up to the end of its line or cookie.
fn field<'a>(head: &'a [u8], name: &[u8]) -> &'a [u8] {
    let start = memchr::memmem::find(head, name).map_or(head.len(), |at| at + name.len());
    let value = &head[start..];
    &value[..memchr::memchr2(b';', b'\r', value).unwrap_or(value.len())]
}

/// `{"type":"pong"}` as a text frame: what the backend asks to be sent.
const PONG_FRAME: &[u8] = b"\x81\x0f{\"type\":\"pong\"}";

fn handshake_answer() -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        ws::ACCEPT
    )
    .into_bytes()
}

/// What the backend gets for a client's message.
fn request() -> Vec<u8> {
    let body = r#"{"message":{"type":"client-ping"},"connection":{}}"#;
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
