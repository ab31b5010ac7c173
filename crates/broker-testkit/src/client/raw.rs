//! A bare socket: bytes as they are written in a test.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::Socket;
use crate::soon;

/// A socket whose bytes are the test's own.
#[allow(missing_debug_implementations, reason = "a socket has nothing to show")]
pub struct Raw {
    stream: Box<dyn Socket>,
    /// What was read and not looked at yet.
    read: Vec<u8>,
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The whole head, with the status line.
    pub head: String,
    /// Its body, as far as `Content-Length` says.
    pub body: String,
}

impl Answer {
    /// A header of it, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        { fields }
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

impl Raw {
    /// Connects by TCP.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect(addr: SocketAddr) -> Raw {
        let stream = TcpStream::connect(addr).await.expect("somebody listens");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Raw::over(stream)
    }

    /// Connects by a Unix socket.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn connect_unix(path: &Path) -> Raw {
        Raw::over(UnixStream::connect(path).await.expect("somebody listens"))
    }

    /// Takes a connected socket.
    #[must_use]
    pub fn over(stream: impl Socket + 'static) -> Raw {
        Raw {
            stream: Box::new(stream),
            read: Vec::new(),
        }
    }

    /// Takes the two directions apart: one that reads, one that writes.
    #[must_use]
    pub fn split(self) -> (Raw, Raw) {
        let (reader, writer) = tokio::io::split(self.stream);
        let reading = Raw {
            stream: Box::new(tokio::io::join(reader, tokio::io::sink())),
            read: self.read,
        };
        (
            reading,
            Raw::over(tokio::io::join(tokio::io::empty(), writer)),
        )
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// When the peer has gone.
    pub async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        soon("room to write", self.stream.write_all(bytes.as_ref())).await
    }

    /// Writes all of it.
    ///
    /// # Panics
    /// When the peer has gone.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_write(bytes).await.expect("the peer is there");
    }

    /// Sends an HTTP request with a body, and reads its answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || method == "POST" {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        // Whoever refuses a request may close before all of it is written; the answer says so.
        let _ = self.try_write(format!("{head}\r\n{body}")).await;
        self.answer().await
    }

    /// Asks for an upgrade with the key of RFC 6455 §1.3, and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn upgrade(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
        ];
        all.extend_from_slice(headers);
        self.request("GET", path, &all, "").await
    }

    /// Reads one HTTP answer.
    ///
    /// # Panics
    /// When none comes.
    pub async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.read_more().await > 0,
                "the peer closed without an answer"
            );
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8(head).expect("a head is ASCII");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.expect("a status line"),
            head,
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.read_more().await > 0, "the peer closed within a body");
        }
        let body = self.read.drain(..length).collect();
        answer.body = String::from_utf8(body).expect("a body is text");
        answer
    }

    /// Reads exactly so many bytes.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.read_more().await > 0, "the peer closed too early");
        }
        self.read.drain(..count).collect()
    }

    /// Reads one frame of the server's, unmasked: first byte and payload.
    ///
    /// # Panics
    /// When none comes.
    pub async fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.bytes(2).await;
        let length = match head[1] {
            126 => self
                .bytes(2)
                .await
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
            127 => self
                .bytes(8)
                .await
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
            short => usize::from(short),
        };
        (head[0], self.bytes(length).await)
    }

    /// Reads until the peer has closed or reset the socket; gives what came.
    ///
    /// # Panics
    /// When it does neither.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read_more().await > 0 {}
        std::mem::take(&mut self.read)
    }

    async fn read_more(&mut self) -> usize {
        let read = soon("bytes from the peer", self.stream.read_buf(&mut self.read)).await;
        // A reset is an end too.
        read.unwrap_or(0)
    }
}

/// A frame as a client sends it: whole, with a mask.
#[must_use]
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(long as u16).to_be_bytes());
        }
        huge => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(huge as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}
