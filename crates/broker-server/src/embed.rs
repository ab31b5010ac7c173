//! Embedding: WebSockets on the endpoints of an application's own HTTP server.
//!
//! An application with a hyper or axum server routes, authenticates and handles cookies as always. What it does with a
//! request that [`is_upgrade`] is its own decision:
//!
//! - it refuses, by any ordinary response;
//! - it hands the client to a broker: [`Handle::adopt`](crate::Handle::adopt) gives the response to send, and takes the
//!   connection over once that has been sent. [`Handle::service`](crate::Handle::service) does so for every request that
//!   it gets, and takes commands by POST as the public port does;
//! - it talks to the client itself, without a broker: an [`Acceptor`] makes a [`WebSocket`] of the request.
//!
//! ```
//! use broker_server::Handle;
//! use broker_server::embed::{Peer, SessionInfo, is_upgrade};
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use hyper::body::Incoming;
//! use std::net::SocketAddr;
//!
//! async fn answer(
//!     broker: &Handle,
//!     peer: SocketAddr,
//!     mut request: Request<Incoming>,
//! ) -> Response<Full<Bytes>> {
//!     if request.uri().path() == "/chat" && is_upgrade(&request) {
//!         let Some(user) = request.headers().get("x-user").and_then(|user| user.to_str().ok()) else {
//!             let mut refusal = Response::new(Full::from("who are you?\n"));
//!             *refusal.status_mut() = StatusCode::UNAUTHORIZED;
//!             return refusal;
//!         };
//!         let known = SessionInfo::new(&serde_json::json!({ "user": user })).unwrap_or_default();
//!         request.extensions_mut().insert(Peer::from(peer));
//!         let mut response = broker.adopt(request, known).await;
//!         let greeting = http::HeaderValue::from_static("hello");
//!         response.headers_mut().insert("x-greeting", greeting);
//!         return response;
//!     }
//!     Response::new(Full::from("an ordinary page\n"))
//! }
//! # let _ = answer;
//! ```
//!
//! Headers of one's own in the 101 are put into the response before it is sent, as here.
//!
//! Both versions of HTTP are taken: an upgrade of HTTP/1.1 (RFC 6455 §4.2), and an extended CONNECT of HTTP/2 (RFC 8441),
//! if the application's server announces that it speaks those. A server has to let go of upgraded connections: with
//! hyper's `http1` that is `serve_connection(…).with_upgrades()`, with hyper-util's `auto`
//! `serve_connection_with_upgrades`; axum does so by itself.
//!
//! **Never here:** who may come in, beyond what the configuration limits. Pages of any origin may connect where
//! `access.origins` is empty, as it is by default (RFC 6455 §10.2). An application that knows its visitors by cookies sets
//! it, or looks at `Origin` itself: otherwise the page of another site can talk in the name of whoever visits it.

mod adoption;
mod offer;
mod peer;
mod poll;
mod service;
mod session_info;
mod websocket;

pub(crate) use self::adoption::Adoption;
pub use self::offer::is_upgrade;
pub use self::peer::Peer;
pub(crate) use self::poll::Poll;
pub use self::service::Service;
pub use self::session_info::{SessionInfo, SessionInfoError};
pub use self::websocket::{
    Acceptor, CloseError, Closed, EVENTS_QUEUED, Error, Event, Events, Handlers, Handshake,
    PINGS_MAX, Refused, SendError, WebSocket,
};
