//! Clients: one that speaks WebSocket as a library of others does, and a bare socket for what no library would do.

mod raw;

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

pub use self::raw::{Answer, Raw, masked};
use crate::soon;

/// A connected byte stream of any kind.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A WebSocket client on tokio-tungstenite. It answers pings and close frames while it is being read.
#[allow(
    missing_debug_implementations,
    reason = "the library's stream has nothing to show"
)]
pub struct Client {
    stream: WebSocketStream<Box<dyn Socket>>,
}

/// What a client hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Bytes),
    /// A ping; its pong is on its way.
    Ping,
    /// A pong with this payload.
    Pong(Bytes),
    /// A close frame: code, 1005 for none, and reason.
    Closed(u16, String),
    /// The end, or a failure, of the socket.
    Lost,
}

impl Client {
    /// Connects by TCP and holds the handshake.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect(addr: SocketAddr, path: &str) -> Client {
        Client::connect_with(addr, path, &[]).await
    }

    /// The same, with headers more in the request.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect_with(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Client {
        let stream = TcpStream::connect(addr).await.expect("somebody listens");
        stream.set_nodelay(true).expect("it is a TCP socket");
        Client::over(stream, path, headers).await.expect("admitted")
    }

    /// Connects by a Unix socket.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn connect_unix(socket: &Path, path: &str, headers: &[(&str, &str)]) -> Client {
        let stream = UnixStream::connect(socket).await.expect("somebody listens");
        Client::over(stream, path, headers).await.expect("admitted")
    }

    /// Holds the handshake over a socket.
    ///
    /// # Errors
    /// The status of the refusal, 0 where there was no answer.
    ///
    /// # Panics
    /// When nothing comes of it, or a header is none.
    pub async fn over(
        stream: impl Socket + 'static,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Client, u16> {
        let url = format!("ws://localhost{path}");
        let mut request = url.into_client_request().expect("a path");
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header's name");
            let value = HeaderValue::from_str(value).expect("a header's value");
            request.headers_mut().append(name, value);
        }
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let stream: Box<dyn Socket> = Box::new(stream);
        let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        match soon("the answer to a handshake", handshake).await {
            Ok((stream, _)) => Ok(Client { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Speaks at once over a stream whose handshake is done.
    pub async fn speaking(stream: impl Socket + 'static) -> Client {
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let stream: Box<dyn Socket> = Box::new(stream);
        let stream = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Client { stream }
    }

    /// Sends a text message.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends a binary message.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn say_binary(&mut self, bytes: impl Into<Bytes>) {
        self.send(Message::Binary(bytes.into())).await;
    }

    /// Sends a ping.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn ping(&mut self, payload: &'static str) {
        self.send(Message::Ping(payload.into())).await;
    }

    async fn send(&mut self, message: Message) {
        soon("room to send", self.stream.send(message))
            .await
            .expect("the connection is open");
    }

    /// Begins the close handshake; without a code, with an empty close frame.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn close(&mut self, code: Option<u16>, reason: &'static str) {
        let frame = code.map(|code| CloseFrame {
            code: code.into(),
            reason: reason.into(),
        });
        soon("room to close", self.stream.close(frame))
            .await
            .expect("the connection is open");
    }

    /// What comes next, whatever it is.
    ///
    /// # Panics
    /// When nothing comes.
    pub async fn next(&mut self) -> Heard {
        match soon("a client to hear something", self.stream.next()).await {
            Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => Heard::Binary(bytes),
            Some(Ok(Message::Ping(_))) => Heard::Ping,
            Some(Ok(Message::Pong(payload))) => Heard::Pong(payload),
            Some(Ok(Message::Close(frame))) => frame.map_or_else(
                || Heard::Closed(1005, String::new()),
                |frame| Heard::Closed(frame.code.into(), frame.reason.as_str().to_owned()),
            ),
            Some(Ok(Message::Frame(_)) | Err(_)) | None => Heard::Lost,
        }
    }

    /// The next text message; pings and pongs before it are passed over.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Heard::Text(text) => return text,
                Heard::Ping | Heard::Pong(_) => {}
                other @ (Heard::Binary(_) | Heard::Closed(..) | Heard::Lost) => {
                    panic!("a text was to come, not {other:?}")
                }
            }
        }
    }

    /// The next text messages, so many.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            texts.push(self.text().await);
        }
        texts
    }

    /// Reads to the end: the texts that still came, and how it ended, which is told as code and reason.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn rest(&mut self) -> (Vec<String>, u16, String) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Heard::Text(text) => texts.push(text),
                Heard::Closed(code, reason) => {
                    // The library sends the reply when it is read once more.
                    while self.next().await != Heard::Lost {}
                    return (texts, code, reason);
                }
                Heard::Lost => return (texts, 1006, String::new()),
                Heard::Binary(_) | Heard::Ping | Heard::Pong(_) => {}
            }
        }
    }

    /// Reads to the end; gives the code of the close frame, 1006 if there was none.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn closed(&mut self) -> u16 {
        self.rest().await.1
    }
}
