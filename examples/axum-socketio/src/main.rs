//! # A Socket.IO chat in an axum application
//!
//! The application has a page, `GET /count` and `GET /broadcast/{message}`. What Socket.IO asks for under `/socket.io/`, polls and
//! WebSockets, is the broker's inside it.
//!
//! `cargo run -p axum-socketio [PORT]`, then open the page in two windows.

mod registry;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{Html, Response};
use axum::routing::get;
use axum::{Json, Router};
use broker_server::backend::InProcess;
use broker_server::config::Config;
use broker_server::core::{CommandList, Reading};
use broker_server::embed::Peer;
use broker_server::{Handle, Server};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::registry::Registry;

#[derive(Clone, Debug)]
struct Application {
    broker: Handle,
    registry: Registry,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args()
        .nth(1)
        .map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(io::stdout(), "http://{}/", listener.local_addr()?)?;
    let application = Application::start()?;
    let broker = application.broker.clone();
    let routes = application.routes();
    let until_told = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    tokio::select! {
        served = axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>()) => served?,
        () = until_told => {}
    }
    broker.drain().await;
    Ok(())
}

impl Application {
    /// With a broker that listens nowhere by itself.
    fn start() -> Result<Application, Box<dyn Error>> {
        let mut config = Config::default();
        config.endpoints = vec!["/socket.io/*=socketio".parse()?];
        let registry = Registry::default();
        let hooks = InProcess::new(registry.clone(), None);
        let server = Server::new(config, Arc::new(hooks)).without_listeners();
        let broker = server.start()?;
        Ok(Application { broker, registry })
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/", get(Html(include_str!("page.html"))))
            .route("/count", get(count))
            .route("/broadcast/{message}", get(broadcast))
            .route_service("/socket.io/", self.broker.service())
            .layer(middleware::from_fn(name_peer))
            .with_state(self)
    }
}

/// Notes for the broker where a request comes from.
async fn name_peer(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(Peer::from(peer));
    next.run(request).await
}

async fn count(State(application): State<Application>) -> Json<Value> {
    Json(json!({ "count": application.registry.count() }))
}

async fn broadcast(
    State(application): State<Application>,
    Path(message): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    let send = json!({ "type": "send", "message": { "type": "chat message", "args": [message] } });
    let list = CommandList::parse(&Bytes::from(send.to_string()), Reading::strict(1))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let sent = application.broker.execute(list).await;
    sent.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Json(json!({ "message": message })))
}

#[cfg(test)]
mod tests;
