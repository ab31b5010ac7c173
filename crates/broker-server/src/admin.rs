//! The admin port: commands with receipts, and probes.

use std::convert::Infallible;
use std::sync::Arc;

use broker_core::{Source, write_receipts};
use broker_transport::{Listener, Patient, Socket};
use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::accept::Acceptor;
use crate::door::{self, Refusal};
use crate::health::Health;
use crate::mailbox::Mailboxes;
use crate::public;
use crate::reply::{self, Reply};
use crate::shard::Settings;
use crate::strict::{self, HttpStream};

/// How many connections the admin port serves at once.
const MAX_CONNECTIONS: usize = 256;

/// What the admin port needs.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) settings: Arc<Settings>,
    pub(crate) mailboxes: Mailboxes,
    /// Types of commands that the embedder has taken over.
    pub(crate) own_commands: Arc<[Box<str>]>,
    pub(crate) health: Arc<Health>,
}

/// Serves the admin port until its task is dropped.
pub(crate) async fn serve(admin: Arc<Admin>, listener: Listener) {
    let places = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    // They end with this task.
    let mut connections = JoinSet::new();
    let mut acceptor = Acceptor::new(listener, false);
    loop {
        let socket = acceptor.next().await;
        while connections.try_join_next().is_some() {}
        // Nobody closes the semaphore.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let admin = admin.clone();
        connections.spawn(async move {
            if let Ok(socket) = socket.into_socket() {
                serve_socket(admin, socket).await;
            }
            drop(place);
        });
    }
}

async fn serve_socket(admin: Arc<Admin>, socket: Socket) {
    let limits = &admin.settings.config.limits;
    let Ok(Ok(())) = timeout(limits.first_byte_timeout.duration(), socket.readable()).await else {
        return;
    };
    let http1 = public::http1(limits, limits.handshake_timeout.duration());
    let stream = Patient::new(socket, admin.settings.write_timeout);
    let stream = HttpStream::new(stream, limits.close_timeout.duration());
    let counters = &admin.settings.counters;
    let service = service_fn(async |request| {
        let answer = |request| answer(&admin, request);
        Ok::<_, Infallible>(strict::answered(counters, request, answer).await)
    });
    let connection = http1.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        strict::count_ended(counters, &error);
        tracing::debug!(
            event = "trouble",
            "an admin connection ended early: {error}"
        );
    }
}

async fn answer(admin: &Admin, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    match (path, request.method()) {
        ("/livez", &Method::GET) => return probed(admin.health.why_dead(), "ok"),
        ("/readyz", &Method::GET) => return probed(admin.health.why_not_ready(), "ready"),
        _ => {}
    }
    if let Err(refusal) = door::admit_admin(request.headers(), &admin.settings) {
        return refused(admin, &refusal);
    }
    match (path, request.method()) {
        ("/api/v1/commands", &Method::POST) => run(admin, request)
            .await
            .unwrap_or_else(|refusal| refused(admin, &refusal)),
        ("/api/v1/commands", _) => reply::with(
            reply::problem(StatusCode::METHOD_NOT_ALLOWED, "only POST"),
            header::ALLOW,
            "POST",
        ),
        ("/livez" | "/readyz", _) => reply::with(
            reply::problem(StatusCode::METHOD_NOT_ALLOWED, "only GET"),
            header::ALLOW,
            "GET",
        ),
        _ => reply::problem(
            StatusCode::NOT_FOUND,
            "nothing is here; commands are taken by POST /api/v1/commands",
        ),
    }
}

/// The answer to a probe, which is told what is wrong, or else that all is well.
fn probed(wrong: Option<&'static str>, well: &'static str) -> Reply {
    match wrong {
        Some(wrong) => reply::text(StatusCode::SERVICE_UNAVAILABLE, wrong),
        None => reply::text(StatusCode::OK, well),
    }
}

async fn run(admin: &Admin, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let body = door::read_body(request.into_body(), &admin.settings).await?;
    let list = Arc::new(door::parse(
        &body,
        true,
        &admin.settings,
        &admin.own_commands,
    )?);
    let mailboxes = &admin.mailboxes;
    let receipts = mailboxes.execute_and_write(list, Source::Admin, write_receipts);
    Ok(reply::json(StatusCode::OK, receipts.await?))
}

fn refused(admin: &Admin, refusal: &Refusal) -> Reply {
    admin.settings.counters.count_refused(refusal.reason());
    tracing::debug!(
        event = "refused",
        status = refusal.status().as_u16(),
        "admin: {refusal}"
    );
    let reply = reply::problem(refusal.status(), &refusal.to_string());
    match refusal.status() {
        StatusCode::UNAUTHORIZED => reply::with(reply, header::WWW_AUTHENTICATE, "Bearer"),
        _ => reply,
    }
}
