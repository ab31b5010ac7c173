//! # A page and a chat in an axum application
//!
//! The application routes, logs people in by a cookie, and answers ordinary requests as always. `/chat` is where it hands a
//! visitor over to the broker that lives inside it, with the name that it knows them by. The broker keeps the connection,
//! and tells the application, here a few hooks in the same process, of what is said. `/commands` takes commands from
//! other programs of this machine.
//!
//! `cargo run -p axum-page`, then open the page in two windows.

mod chat;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use broker_server::backend::InProcess;
use broker_server::config::Config;
use broker_server::embed::{Peer, SessionInfo};
use broker_server::{Handle, Server};
use serde_json::json;
use tokio::net::TcpListener;

use self::chat::Chat;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = start_broker()?;
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    writeln!(io::stdout(), "http://{}/", listener.local_addr()?)?;
    let until_told = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let app = app(broker.clone()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        () = until_told => {}
    }
    // Everybody is told to come back, and the hooks hear of everybody's leaving.
    broker.drain().await;
    Ok(())
}

/// A broker that listens nowhere by itself.
fn start_broker() -> Result<Handle, Box<dyn Error>> {
    let mut config = Config::default();
    config.access.allow = vec!["127.0.0.1".parse()?];
    // Only pages of this application may talk in the name of whoever visits them.
    config.access.origins = vec!["http://127.0.0.1:8080".parse()?];
    let hooks = InProcess::new(Chat, None);
    let server = Server::new(config, Arc::new(hooks)).without_listeners();
    Ok(server.start()?)
}

fn app(broker: Handle) -> Router {
    Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/login/{name}", post(log_in))
        .route("/chat", get(chat))
        .route_service("/commands", broker.service())
        .layer(middleware::from_fn(name_peer))
        .with_state(broker)
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

/// A real application asks for more than a name.
async fn log_in(Path(name): Path<String>) -> Result<[(HeaderName, String); 1], StatusCode> {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let cookie = format!("user={name}; Path=/; HttpOnly; SameSite=Strict");
    Ok([(header::SET_COOKIE, cookie)])
}

/// Whoever has logged in is handed over; the broker's answer is the application's.
async fn chat(State(broker): State<Handle>, request: Request) -> Response {
    let Some(user) = user(request.headers()) else {
        return (StatusCode::UNAUTHORIZED, "log in first\n").into_response();
    };
    match SessionInfo::new(&json!({ "user": user })) {
        Ok(known) => broker.adopt(request, known).await.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn user(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
    let (_, user) = pairs.find(|(name, _)| *name == "user")?;
    Some(user.to_owned())
}

#[cfg(test)]
mod tests;
