//! From an address to a connection over which WebSocket is spoken (RFC 6455 §4.1).

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::error::ConnectError;
use crate::limits::Limits;

/// What a client reads at once. The library would keep 128 KiB for every connection.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// A connected byte stream of any kind, for [`Client::connect_over`](crate::Client::connect_over). Every stream that can be it
/// is one.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Where a server is.
#[derive(Debug)]
pub(crate) struct Address {
    uri: Uri,
    /// A name or an IP address, an IPv6 one without its brackets.
    host: String,
    port: u16,
    is_tls: bool,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Address, ConnectError> {
        let fault = ConnectError::Address;
        let uri: Uri = url.parse().map_err(|_| fault("it is no URL"))?;
        let (is_tls, default_port) = match uri.scheme_str() {
            Some("ws") => (false, 80),
            Some("wss") if cfg!(feature = "tls") => (true, 443),
            Some("wss") => return Err(fault("wss:// needs the feature tls")),
            _ => return Err(fault("it begins with neither ws:// nor wss://")),
        };
        if uri.authority().is_some_and(|it| it.as_str().contains('@')) {
            return Err(fault("a user's name in it would not be sent"));
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(fault("it has no host"));
        }
        Ok(Address {
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            is_tls,
            uri,
        })
    }

    pub(crate) async fn connect(&self) -> Result<Box<dyn Socket>, ConnectError> {
        let unreachable = ConnectError::Unreachable;
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(unreachable)?;
        // Messages are short, and an answer waits for each.
        stream.set_nodelay(true).map_err(unreachable)?;
        match self.is_tls {
            #[cfg(feature = "tls")]
            true => {
                let stream = crate::tls::connect(&self.host, stream).await;
                Ok(Box::new(stream.map_err(ConnectError::Tls)?))
            }
            _ => Ok(Box::new(stream)),
        }
    }
}

/// Asks the server to speak WebSocket on the path of the address.
pub(crate) async fn handshake(
    address: &Address,
    socket: Box<dyn Socket>,
    limits: &Limits,
) -> Result<WebSocketStream<Box<dyn Socket>>, ConnectError> {
    let failed = |error: Error| ConnectError::Handshake(error.to_string());
    let request = address.uri.clone().into_client_request().map_err(failed)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(limits.message_bytes_max))
        .max_frame_size(Some(limits.message_bytes_max));
    match client_async_with_config(request, socket, Some(config)).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => Err(ConnectError::Refused {
            status: response.status().as_u16(),
        }),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests;
