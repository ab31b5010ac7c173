//! An application that says word for word what a test tells it to.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens on a free port of loopback.
pub(crate) struct Server {
    pub(crate) listener: TcpListener,
}

/// One connection that was accepted.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
}

/// One request, as it came.
pub(crate) struct Request {
    /// Request line and headers, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) async fn bind() -> Server {
        Server {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    /// `127.0.0.1:port`
    pub(crate) fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address())
    }

    pub(crate) async fn accept(&self) -> Peer {
        Peer {
            stream: self.listener.accept().await.unwrap().0,
        }
    }

    /// Takes one request on a new connection and answers it.
    pub(crate) async fn serve(&self, answer: &str) -> (Peer, Request) {
        let mut peer = self.accept().await;
        let request = peer.serve(answer).await;
        (peer, request)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) async fn request(&mut self) -> Request {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.expect("the head of a request"));
        }
        head.truncate(head.len() - 4);
        let mut request = Request {
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        };
        let length = request
            .header("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap();
        request.body.resize(length, 0);
        self.stream.read_exact(&mut request.body).await.unwrap();
        request
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    /// Takes a request and answers it.
    pub(crate) async fn serve(&mut self, answer: &str) -> Request {
        let request = self.request().await;
        self.say(answer).await;
        request
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Lets a call and the application it talks to run side by side. One that waits for what does not come fails the test.
pub(crate) async fn together<A, B>(
    call: impl Future<Output = A>,
    application: impl Future<Output = B>,
) -> (A, B) {
    let both = async { tokio::join!(call, application) };
    tokio::time::timeout(Duration::from_secs(30), both)
        .await
        .expect("call and application get what they wait for")
}

/// A whole 200 with this body.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// An answer without a body.
pub(crate) fn bare(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{headers}\r\n")
}
