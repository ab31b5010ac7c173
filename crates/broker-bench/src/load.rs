//! The load generator: thousands of WebSocket connections and a few doors for
//! commands, on one thread.
//!
//! It is driven closed-loop by the scenarios: [`Load::turn`] waits for what the
//! server sent and hands it on, and what the scenario learns from that decides
//! what it sends next.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use crate::{
    door::{Door, DoorKind},
    epoll::Epoll,
    wire::{Target, Wire},
    ws,
};

/// Handshakes under way at once while connections are opened: well below the
/// backlog of every server, so that no connect has to be tried again.
const HANDSHAKES_MAX: usize = 64;

/// With nothing from the server for so long, a measurement is given up.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Set in the token of a door, to tell it from a connection.
const DOOR: u64 = 1 << 63;

/// What came from the server.
pub(crate) enum Arrival<'a> {
    /// The handshake of this connection is done; it had been under way for `took`.
    Opened { took: Duration },
    /// A text or binary frame came on `connection`.
    Frame {
        connection: usize,
        is_compressed: bool,
        payload: &'a [u8],
    },
    /// The command that went through `door` was answered.
    Answered { door: usize },
}

/// All sockets to one server. They are reset, not closed, when it is dropped:
/// that leaves no port in `TIME_WAIT`.
pub(crate) struct Load {
    epoll: Epoll,
    target: Target,
    /// Whether connections are opened with compression.
    compresses: bool,
    /// Path and query of the handshakes.
    path: &'static str,
    connections: Vec<Connection>,
    doors: Vec<Door>,
    last_arrival: Instant,
    tokens: Vec<u64>,
    buffer: Vec<u8>,
    outgoing: Vec<u8>,
}

struct Connection {
    socket: Wire,
    /// When the handshake began; `None` once it is done.
    opening: Option<Instant>,
    /// Whether compression has been offered.
    compresses: bool,
    /// The start of a frame, or of the handshake's answer, whose end is not here yet.
    rest: Vec<u8>,
}

impl Load {
    pub(crate) fn new(target: Target) -> io::Result<Self> {
        Ok(Self {
            epoll: Epoll::new()?,
            target,
            compresses: false,
            path: "/",
            connections: Vec::new(),
            doors: Vec::new(),
            last_arrival: Instant::now(),
            tokens: Vec::new(),
            buffer: vec![0; 64 * 1024],
            outgoing: Vec::new(),
        })
    }

    /// The same, whose connections must agree on compression.
    pub(crate) fn compressed(target: Target) -> io::Result<Self> {
        Ok(Self {
            compresses: true,
            ..Self::new(target)?
        })
    }

    /// The same with handshakes for this path.
    pub(crate) fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// Opens `count` connections, and gives how long each handshake took.
    ///
    /// `cookie` makes the `Cookie` header of the connection with that index.
    pub(crate) fn open(
        &mut self,
        count: usize,
        cookie: impl Fn(usize) -> String,
    ) -> io::Result<Vec<Duration>> {
        let mut took = Vec::with_capacity(count);
        let mut begun = 0;
        while took.len() < count {
            while begun < count && begun - took.len() < HANDSHAKES_MAX {
                let cookie = cookie(self.connections.len());
                self.begin_handshake(&cookie)?;
                begun += 1;
            }
            self.turn(&mut |arrival| {
                if let Arrival::Opened { took: duration } = arrival {
                    took.push(duration);
                }
                Ok(())
            })?;
        }
        Ok(took)
    }

    fn begin_handshake(&mut self, cookie: &str) -> io::Result<()> {
        let started = Instant::now();
        let mut socket = self.target.connect()?;
        let request = if self.compresses {
            ws::upgrade_request_with_compression(self.path, cookie)
        } else {
            ws::upgrade_request(self.path, cookie)
        };
        socket.write_all(request.as_bytes())?;
        socket.set_nonblocking()?;
        self.epoll.watch(&socket, self.connections.len() as u64)?;
        self.connections.push(Connection {
            socket,
            opening: Some(started),
            compresses: self.compresses,
            rest: Vec::new(),
        });
        Ok(())
    }

    /// Gives away the sockets of the connections from this index on, and reads them no more.
    pub(crate) fn part_with(&mut self, from: usize) -> io::Result<Vec<Wire>> {
        let parted = self.connections.drain(from..);
        let parted = parted.map(|connection| {
            self.epoll.forget(&connection.socket)?;
            Ok(connection.socket)
        });
        parted.collect()
    }

    /// Opens `count` doors for [`Load::command`].
    pub(crate) fn open_doors(&mut self, kind: DoorKind, count: usize) -> io::Result<()> {
        for _ in 0..count {
            let door = Door::open(kind, self.target.connect()?)?;
            self.epoll
                .watch(door.socket(), DOOR | self.doors.len() as u64)?;
            self.doors.push(door);
        }
        Ok(())
    }

    /// Asks, through `door`, to send the JSON text `payload` to the sessions
    /// whose cookie `room` is this one, or to everyone.
    pub(crate) fn command(
        &mut self,
        door: usize,
        room: Option<&str>,
        payload: &str,
    ) -> io::Result<()> {
        self.doors[door].command(room, payload)
    }

    /// Sends a client's text frame on `connection`.
    pub(crate) fn send(&mut self, connection: usize, payload: &[u8]) -> io::Result<()> {
        send(
            &mut self.connections[connection].socket,
            ws::TEXT,
            payload,
            &mut self.outgoing,
        )
    }

    /// Waits for something from the server and hands all of it to `on`.
    ///
    /// # Errors
    /// A server that closes a connection, answers something else than expected,
    /// or falls silent ends the measurement.
    pub(crate) fn turn(
        &mut self,
        on: &mut impl FnMut(Arrival<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut tokens = std::mem::take(&mut self.tokens);
        self.epoll.wait(Some(SILENCE_MAX), &mut tokens)?;
        let mut arrived = false;
        let mut on = |arrival: Arrival<'_>| {
            arrived = true;
            on(arrival)
        };
        for &token in &tokens {
            let index = usize::try_from(token & !DOOR).map_err(io::Error::other)?;
            if token & DOOR == 0 {
                let connection = &mut self.connections[index];
                connection.read(index, &mut self.buffer, &mut self.outgoing, &mut on)?;
            } else if self.doors[index].read(&mut self.buffer)? {
                on(Arrival::Answered { door: index })?;
            }
        }
        self.tokens = tokens;
        if arrived {
            self.last_arrival = Instant::now();
        } else if self.last_arrival.elapsed() > SILENCE_MAX {
            let text = format!("nothing more came from the server for {SILENCE_MAX:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        Ok(())
    }

    /// Starts the count of silence again, after a time in which nothing was due.
    pub(crate) fn expect_from_now(&mut self) {
        self.last_arrival = Instant::now();
    }
}

impl Connection {
    /// Reads once and hands on every whole frame.
    fn read(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        outgoing: &mut Vec<u8>,
        on: &mut impl FnMut(Arrival<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let len = self.socket.read_now(buffer)?;
        let mut rest = std::mem::take(&mut self.rest);
        let bytes = if rest.is_empty() {
            &buffer[..len]
        } else {
            rest.extend_from_slice(&buffer[..len]);
            &rest
        };
        let mut at = 0;
        if let Some(started) = self.opening {
            let Some(head) = ws::upgrade_answer(bytes)? else {
                self.rest = bytes.to_vec();
                return Ok(());
            };
            if self.compresses && !ws::agrees_on_compression(&bytes[..head]) {
                return Err(io::Error::other("the server has declined compression"));
            }
            at = head;
            self.opening = None;
            on(Arrival::Opened {
                took: started.elapsed(),
            })?;
        }
        while let Some(frame) = ws::decode(&bytes[at..]) {
            at += frame.len;
            match frame.opcode {
                ws::PING => send(&mut self.socket, ws::PONG, frame.payload, outgoing)?,
                ws::PONG => {}
                ws::CLOSE => {
                    let text = String::from_utf8_lossy(frame.payload);
                    return Err(io::Error::other(format!("the server closed: {text:?}")));
                }
                _ => on(Arrival::Frame {
                    connection: index,
                    is_compressed: frame.is_compressed,
                    payload: frame.payload,
                })?,
            }
        }
        if at < bytes.len() {
            self.rest = bytes[at..].to_vec();
        }
        Ok(())
    }
}

/// Sends one frame. It is short and the server takes what it gets, so that a
/// full socket is a failure of the server.
fn send(socket: &mut Wire, opcode: u8, payload: &[u8], outgoing: &mut Vec<u8>) -> io::Result<()> {
    outgoing.clear();
    ws::encode_masked(opcode, payload, outgoing);
    socket.write_all(outgoing)
}
