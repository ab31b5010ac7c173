//! A client of HTTP/2: requests, and WebSockets as streams (RFC 8441).

use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use crate::client::{Client, Socket};
use crate::soon;

/// How much waits between a WebSocket client and its stream.
const PIPE_BYTES: usize = 16 * 1024;

/// A connection.
#[derive(Debug)]
pub struct Http2 {
    requests: SendRequest<Bytes>,
    /// Ends with the connection: well, or with why it did not.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// A stream that carries a WebSocket, before anybody speaks on it.
#[derive(Debug)]
pub struct Stream {
    /// What the answer said.
    pub headers: HeaderMap,
    /// What the server sends.
    pub received: RecvStream,
    /// What is sent to it.
    pub sent: SendStream<Bytes>,
}

impl Http2 {
    /// Begins a connection over a socket.
    ///
    /// # Panics
    /// When the server does not speak HTTP/2 or no WebSockets over it.
    pub async fn over(socket: impl Socket + 'static) -> Http2 {
        Http2::with(Builder::new().enable_push(false), socket).await
    }

    /// The same, with settings of the test's own.
    ///
    /// # Panics
    /// When the server does not speak HTTP/2 or no WebSockets over it.
    pub async fn with(settings: &Builder, socket: impl Socket + 'static) -> Http2 {
        let (requests, connection) = soon("a handshake", settings.handshake(socket))
            .await
            .expect("it speaks HTTP/2");
        let connection = tokio::spawn(connection);
        let wait = async {
            while !requests.is_extended_connect_protocol_enabled() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        soon("the server's settings", wait).await;
        Http2 {
            requests,
            connection,
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When the stream or the connection fails.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn request(
        &mut self,
        request: Request<()>,
        body: impl Into<Bytes>,
    ) -> Result<Answer, h2::Error> {
        let body = body.into();
        let mut requests = soon("room for a request", self.requests.clone().ready()).await?;
        let (response, mut sent) = requests.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            // A refusal may come before the body has gone.
            let _ = sent.send_data(body, true);
        }
        let (head, mut received) = soon("an answer", response).await?.into_parts();
        let mut body = Vec::new();
        while let Some(part) = soon("the rest of an answer", received.data()).await {
            let part = part?;
            let _ = received.flow_control().release_capacity(part.len());
            body.extend_from_slice(&part);
        }
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body).expect("the answer is text"),
        })
    }

    /// Sends a request without a body. To drop what this gives before the answer is there resets the stream.
    ///
    /// # Errors
    /// When the connection fails.
    ///
    /// # Panics
    /// When there is no room for it.
    pub async fn begin(&mut self, request: Request<()>) -> Result<ResponseFuture, h2::Error> {
        let mut requests = soon("room for a request", self.requests.clone().ready()).await?;
        let (response, _) = requests.send_request(request, true)?;
        Ok(response)
    }

    /// Asks for a stream that carries a WebSocket.
    ///
    /// # Errors
    /// The status that it is refused with.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn stream(&mut self, request: Request<()>) -> Result<Stream, StatusCode> {
        self.try_stream(request).await.expect("an answer")
    }

    /// The same of a connection that may end.
    ///
    /// # Errors
    /// When the stream or the connection fails.
    ///
    /// # Panics
    /// When nothing comes of it.
    pub async fn try_stream(
        &mut self,
        request: Request<()>,
    ) -> Result<Result<Stream, StatusCode>, h2::Error> {
        let mut requests = soon("room for a request", self.requests.clone().ready()).await?;
        let (response, sent) = requests.send_request(request, false)?;
        let (head, received) = soon("an answer", response).await?.into_parts();
        if head.status != StatusCode::OK {
            return Ok(Err(head.status));
        }
        Ok(Ok(Stream {
            headers: head.headers,
            received,
            sent,
        }))
    }

    /// Connects a WebSocket client.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn client(&mut self, path: &str, headers: &[(&str, &str)]) -> Client {
        let stream = self.stream(connect(path, headers)).await.expect("admitted");
        stream.into_client().await
    }
}

/// The request for a WebSocket.
///
/// # Panics
/// When the path or a header is none.
#[must_use]
pub fn connect(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(format!("http://localhost{path}"))
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

impl Stream {
    /// Speaks WebSocket on it.
    pub async fn into_client(self) -> Client {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (reader, writer) = tokio::io::split(theirs);
        tokio::spawn(send(reader, self.sent));
        tokio::spawn(receive(self.received, writer));
        Client::speaking(ours).await
    }
}

async fn send(
    mut from: ReadHalf<DuplexStream>,
    mut to: SendStream<Bytes>,
) -> Result<(), io::Error> {
    let mut buffer = [0; PIPE_BYTES];
    loop {
        let len = from.read(&mut buffer).await?;
        if len == 0 {
            to.send_data(Bytes::new(), true).map_err(io::Error::other)?;
            // What it is sent after that is still received.
            return poll_fn(|cx| to.poll_reset(cx))
                .await
                .map(|_| ())
                .map_err(io::Error::other);
        }
        let mut bytes = Bytes::copy_from_slice(&buffer[..len]);
        while !bytes.is_empty() {
            to.reserve_capacity(bytes.len());
            let room = poll_fn(|cx| to.poll_capacity(cx)).await;
            let room = room.ok_or(io::ErrorKind::BrokenPipe)?;
            let part = bytes.split_to(room.map_err(io::Error::other)?.min(bytes.len()));
            to.send_data(part, false).map_err(io::Error::other)?;
        }
    }
}

async fn receive(mut from: RecvStream, mut to: WriteHalf<DuplexStream>) -> Result<(), io::Error> {
    // An end without order is an end too.
    while let Some(Ok(bytes)) = from.data().await {
        to.write_all(&bytes).await?;
        let _ = from.flow_control().release_capacity(bytes.len());
    }
    to.shutdown().await
}

/// Gives up a stream without a word.
pub fn reset(mut stream: Stream) {
    stream.sent.send_reset(Reason::CANCEL);
}
