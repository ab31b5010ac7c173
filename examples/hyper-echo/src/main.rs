//! # Plain WebSockets in a hyper server
//!
//! An application with a hyper server of its own: `/` is a page, `/echo` a WebSocket without a broker, everything else is
//! not found. On `/echo` an ordinary request gets an ordinary answer, and a handshake becomes a WebSocket whose handlers
//! are there before it starts, so that no early frame is missed.
//!
//! `cargo run -p hyper-echo`, then open the page.

use std::convert::Infallible;
use std::io::{self, Write};
use std::time::Duration;

use broker_server::embed::{Acceptor, Handlers, is_upgrade};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    writeln!(io::stdout(), "http://{}/", listener.local_addr()?)?;
    serve(listener).await
}

/// Accepts for ever.
async fn serve(listener: TcpListener) -> io::Result<()> {
    // What all WebSockets of this application have in common: limits, pings, compression.
    let acceptor = Acceptor::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = answer(&acceptor, request);
                async { Ok::<_, Infallible>(response) }
            });
            // With upgrades, or nobody would let go of the connection.
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // A client that breaks off is no trouble of ours.
            let _ = connection.await;
        });
    }
}

fn answer<B>(acceptor: &Acceptor, mut request: Request<B>) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/" => html(include_str!("page.html")),
        "/echo" if is_upgrade(&request) => match acceptor.accept(&mut request) {
            Ok(handshake) => {
                let server = HeaderValue::from_static("hyper-echo");
                let handshake = handshake.with_header(header::SERVER, server);
                let (response, _websocket) = handshake.start(echo());
                response
            }
            // It asks for a WebSocket, but not as it should.
            Err(refused) => refused.into_response(),
        },
        "/echo" => text(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket\n"),
        _ => text(StatusCode::NOT_FOUND, "nothing is here\n"),
    }
}

/// What happens on a WebSocket: messages come back, `ping` says how far away the client is, `bye` ends it.
fn echo() -> Handlers {
    Handlers::new()
        .on_text(|websocket, text| {
            let is_done = match &*text {
                "ping" => websocket.ping().is_ok(),
                "bye" => websocket.close(1000, "bye").is_ok(),
                _ => websocket.send_text(text).is_ok(),
            };
            // The queue of a client that does not read is full: this one has had its chance.
            if !is_done {
                websocket.abort();
            }
        })
        .on_binary(|websocket, bytes| {
            if websocket.send_binary(bytes).is_err() {
                websocket.abort();
            }
        })
        .on_pong(|websocket, round_trip| {
            let _ = websocket.send_text(format!("pong after {round_trip:?}"));
        })
        .on_error(|_, error| {
            let _ = writeln!(io::stderr(), "{error}");
        })
        .on_close(|_, closed| {
            let _ = writeln!(
                io::stderr(),
                "closed with {} {}",
                closed.code,
                closed.reason
            );
        })
}

fn html(page: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(page));
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn text(status: StatusCode, line: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(line));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests;
