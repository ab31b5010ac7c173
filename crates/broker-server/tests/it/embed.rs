//! Clients of an application's own server, taken over by a broker or served without one.

mod adopted;
mod bridged;
mod hearing;
mod leaving;
mod polling;
mod refused;
mod service;
mod websocket;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use broker_server::Server;
use broker_server::backend::Backend;
use broker_server::embed::{Peer, SessionInfo};
use broker_testkit::client::Raw;
use broker_testkit::soon;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::broker::{Broker, config};

type Response = http::Response<Full<Bytes>>;

/// An application with a hyper server of its own on a free port; it ends when this is dropped.
struct Application {
    addr: SocketAddr,
    accepting: AbortHandle,
}

impl Application {
    async fn start<F, Answered>(answer: F) -> Application
    where
        F: Fn(Request<Incoming>) -> Answered + Clone + Send + Sync + 'static,
        Answered: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            // They end with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, peer)) = listener.accept().await {
                let answer = answer.clone();
                let answer = move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(Peer::from(peer));
                    answer(request)
                };
                connections.spawn(serve(stream, answer));
            }
        });
        Application {
            addr,
            accepting: accepting.abort_handle(),
        }
    }

    /// One that hands every client over to a broker, with these fields.
    async fn adopting(broker: &Broker, known: Value) -> Application {
        let broker = broker.handle.clone();
        Application::start(move |request| {
            let (broker, known) = (broker.clone(), SessionInfo::new(&known).unwrap());
            async move { broker.adopt(request, known).await }
        })
        .await
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection, and lets go of it when it is upgraded.
async fn serve<S, F, Answered>(stream: S, answer: F)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Fn(Request<Incoming>) -> Answered,
    Answered: Future<Output = Response>,
{
    let service = service_fn(|request| {
        let answered = answer(request);
        async { Ok::<_, Infallible>(answered.await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Clients that vanish are part of the tests.
    let _ = connection.with_upgrades().await;
}

/// A broker that listens nowhere by itself.
fn broker(text: &str, backend: &(impl Backend + Clone + 'static)) -> Broker {
    let server = Server::new(config(text), Arc::new(backend.clone()));
    Broker {
        handle: server.without_listeners().start().unwrap(),
    }
}

async fn until_connected(broker: &Broker, connections: usize) {
    broker
        .until("the connections", |it| it.connections == connections)
        .await;
}

/// Waits for a place that is given back.
async fn until_let_in(app: &Application, path: &str) {
    let again = async {
        while Raw::connect(app.addr).await.upgrade(path, &[]).await.status != 101 {
            tokio::task::yield_now().await;
        }
    };
    soon("a place", again).await;
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
