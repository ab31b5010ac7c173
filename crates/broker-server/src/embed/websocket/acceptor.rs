//! Making a WebSocket of a request.

use std::sync::Arc;

use broker_transport::handshake::{self, Refusal};
use broker_transport::ws;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;
use tokio::sync::mpsc;

use super::audience::{Audience, EVENTS_QUEUED, Events, Handlers};
use super::shared::{Codec, Shared};
use super::{WebSocket, driver};
use crate::config::{self, Limits, TimeSpan};
use crate::embed::offer::Offer;
use crate::reply;
use crate::shard::websocket_settings;

/// What the plain WebSockets of an application have in common: limits, and what compresses their messages. Clones are the
/// same one.
///
/// ```
/// use broker_server::embed::{Acceptor, Handlers, is_upgrade};
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
///
/// fn answer<B>(acceptor: &Acceptor, mut request: Request<B>) -> Response<Full<Bytes>> {
///     if !is_upgrade(&request) {
///         return Response::new(Full::from("an ordinary page\n"));
///     }
///     match acceptor.accept(&mut request) {
///         Ok(handshake) => {
///             let handlers = Handlers::new().on_text(|websocket, text| {
///                 let _ = websocket.send_text(format!("you said {text}"));
///             });
///             let (response, _websocket) = handshake.start(handlers);
///             response
///         }
///         Err(refused) => refused.into_response(),
///     }
/// }
/// # let _ = answer::<()>;
/// ```
#[derive(Clone, Debug)]
pub struct Acceptor {
    common: Arc<Common>,
}

#[derive(Debug)]
struct Common {
    limits: Limits,
    compression: config::Compression,
    subprotocols: Vec<String>,
    settings: Arc<ws::Settings>,
    codec: Arc<Codec>,
}

/// A handshake that is good. Nothing has been promised to the client yet: who drops this answers as it likes.
///
/// Started, it gives the response for the application to send as it is, but for headers that are added, and the
/// WebSocket, which begins once that has been sent. Whoever hears it is known by then, so that no early frame is missed.
#[derive(Debug)]
pub struct Handshake {
    common: Arc<Common>,
    offer: Offer,
    upgrade: OnUpgrade,
    headers: HeaderMap,
    window: Option<ws::Window>,
}

/// Why a request becomes no WebSocket, and the response that says so.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(transparent)]
pub struct Refused(Reason);

#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Handshake(Refusal),
    #[error("the server of this application does not let go of connections")]
    Unsupported,
}

impl Acceptor {
    /// With these limits and settings. Of the limits those count that concern one connection: `max_message`,
    /// `max_fragments`, `message_timeout`, `messages_per_second`, `max_send_queue`, `write_timeout`, `close_timeout`, and
    /// `handshake_timeout`, within which the connection has to come once the response was given. How many connections there are is the
    /// application's matter, and so is whose pages may connect (RFC 6455 §10.2).
    #[must_use]
    pub fn new(limits: Limits, websocket: config::WebSocket) -> Acceptor {
        let subprotocols = websocket.subprotocols.iter();
        let common = Common {
            settings: Arc::new(websocket_settings(&limits, &websocket)),
            compression: websocket.compression,
            subprotocols: subprotocols.map(|name| name.as_str().to_owned()).collect(),
            codec: Arc::new(Codec::new(websocket.compression_min.bytes())),
            limits,
        };
        Acceptor {
            common: Arc::new(common),
        }
    }

    /// Takes the connection out of a request that is a good handshake over HTTP/1.1 or HTTP/2.
    ///
    /// # Errors
    /// When it is none, or the server it came by does not let go of connections.
    pub fn accept<B>(&self, request: &mut Request<B>) -> Result<Handshake, Refused> {
        let common = self.common.clone();
        let offer = Offer::of(request, &common.subprotocols);
        let mut offer = offer.map_err(|refusal| Refused(Reason::Handshake(refusal)))?;
        if request.extensions().get::<OnUpgrade>().is_none() {
            return Err(Refused(Reason::Unsupported));
        }
        let compression = match common.compression {
            config::Compression::Auto => handshake::compression(request.headers()),
            config::Compression::Off => None,
        };
        offer.agree(compression, None);
        Ok(Handshake {
            common,
            offer,
            upgrade: hyper::upgrade::on(request),
            headers: HeaderMap::new(),
            window: compression.map(|agreed| agreed.window),
        })
    }
}

impl Default for Acceptor {
    /// With the default of every limit and setting.
    fn default() -> Acceptor {
        Acceptor::new(Limits::default(), config::WebSocket::default())
    }
}

impl Handshake {
    /// Adds a header to the response, a cookie for example.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Handshake {
        self.headers.append(name, value);
        self
    }

    /// The subprotocol that is agreed on, if any.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&HeaderValue> {
        self.offer.subprotocol()
    }

    /// Starts it with handlers for what happens. Call it within a tokio runtime with time, which serves the WebSocket.
    #[must_use = "the WebSocket begins once the response has been sent"]
    pub fn start(self, handlers: Handlers) -> (Response<Full<Bytes>>, WebSocket) {
        self.begin(Audience::Handlers(handlers))
    }

    /// Starts it with a queue of what happens, as [`start`](Self::start) does. While the queue is full the peer is not
    /// read.
    #[must_use = "the WebSocket begins once the response has been sent"]
    pub fn events(self) -> (Response<Full<Bytes>>, WebSocket, Events) {
        let (sender, receiver) = mpsc::channel(EVENTS_QUEUED);
        let (response, websocket) = self.begin(Audience::Queue(sender));
        (response, websocket, Events::new(receiver))
    }

    fn begin(self, audience: Audience) -> (Response<Full<Bytes>>, WebSocket) {
        let Common {
            limits,
            settings,
            codec,
            ..
        } = &*self.common;
        let shared = Shared::new(settings.clone(), limits, self.window, codec.clone());
        let websocket = WebSocket {
            shared: Arc::new(shared),
        };
        let patience = driver::Patience {
            handshake: limits.handshake_timeout.duration(),
            write: limits.write_timeout.map(TimeSpan::duration),
            close: limits.close_timeout.duration(),
        };
        let serving = driver::run(websocket.clone(), self.upgrade, audience, patience);
        tokio::spawn(serving);
        let mut response = self.offer.into_response().map(|()| Full::default());
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        (response, websocket)
    }
}

impl Refused {
    /// The response, with a line that says what is wrong: 400, 405, 426 or 501, or 500 where it is the server's fault.
    #[must_use]
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let line = self.to_string();
        match self.0 {
            Reason::Handshake(refusal) => {
                let mut response = reply::text(refusal.status(), line);
                response.headers_mut().extend(refusal.headers());
                response
            }
            Reason::Unsupported => reply::text(StatusCode::INTERNAL_SERVER_ERROR, line),
        }
    }
}
