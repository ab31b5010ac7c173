//! One try: a request, its answer, and a name for everything that can go wrong in between.

use std::error::Error;
use std::time::Duration;

use broker_core::Failure;
use bytes::Bytes;
use http::Request;
use http::response::Parts;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::wire::{ClosedBeforeAnswer, Connector};
use super::{answer, stream};
use crate::answer::Unanswered;

/// How long a connection is kept for the next request. Node closes after five seconds, Apache too.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// How many unused connections a shard keeps.
const IDLE_CONNECTIONS_MAX: usize = 256;

/// A shard's connections to the application.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    client: Client<Connector, Full<Bytes>>,
}

/// What bounds a try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// From the first step of connecting to the last byte of the answer.
    pub(super) timeout: Duration,
    /// The longest answer, in bytes.
    pub(super) max_answer: usize,
    /// Whether an event may be sent again if a kept connection ended before an answer.
    pub(super) may_resend: bool,
    /// Whether an answer may come line by line, without an end in time.
    pub(super) may_stream: bool,
    /// Whether what the application says to a client, by its head or with a 4xx, is of interest.
    pub(super) decides_on_handshake: bool,
}

/// How much a client whose handshake is refused is passed on of what the application says, in bytes.
const PAGE_BYTES_MAX: usize = 64 * 1024;

/// A 2xx answer.
pub(super) struct Heard {
    /// Where it is of interest. Boxed, since every call would pay for the room, step by step.
    pub(super) head: Option<Box<Parts>>,
    pub(super) body: Body,
}

/// What follows the head of an answer.
pub(super) enum Body {
    /// All of its body.
    Whole(Bytes),
    /// Lines that are still to come.
    Lines(Incoming),
}

impl Pool {
    pub(super) fn new(connector: Connector) -> Pool {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .set_host(false)
            .build(connector);
        Pool { client }
    }

    /// Sends a request and reads a 2xx answer: whole, unless it comes line by line and may.
    ///
    /// `write` gives the request, and the same once more should it have to be sent again.
    pub(super) async fn exchange(
        &self,
        write: impl Fn() -> Request<Full<Bytes>>,
        bounds: Bounds,
    ) -> Result<Heard, Unanswered> {
        within(bounds.timeout, async {
            let mut response = self.client.request(write()).await;
            // hyper by itself repeats only what was never written (hyper#2136).
            if let Err(error) = &response
                && bounds.may_resend
                && ClosedBeforeAnswer::caused(error)
            {
                response = self.client.request(write()).await;
            }
            let (head, body) = response.map_err(classify)?.into_parts();
            if !head.status.is_success() {
                let page_bytes_max = match bounds.decides_on_handshake {
                    true => PAGE_BYTES_MAX,
                    false => 0,
                };
                return Err(Box::pin(answer::refusal(&head, body, page_bytes_max)).await);
            }
            let body = if bounds.may_stream && stream::is_announced(&head) {
                Body::Lines(body)
            } else {
                Body::Whole(answer::read_body(body, bounds.max_answer).await?)
            };
            let head = bounds.decides_on_handshake.then(|| Box::new(head));
            Ok(Heard { head, body })
        })
        .await
    }

    /// Sends a request and gives the status of the answer, whatever it is.
    pub(super) async fn status(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<u16, Failure> {
        within(timeout, async {
            let response = self.client.request(request).await.map_err(classify)?;
            Ok(response.status().as_u16())
        })
        .await
    }
}

async fn within<T, E: From<Failure>>(
    timeout: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::TimedOut(timeout).into()),
    }
}

fn classify(error: legacy::Error) -> Failure {
    if error.is_connect() {
        return Failure::Unreachable(causes(&error).into());
    }
    interrupted(&error)
}

/// The connection ended or spoke something else than HTTP.
pub(super) fn interrupted(error: &(dyn Error + 'static)) -> Failure {
    Failure::Interrupted(causes(error).into())
}

/// What lies under the client's own error, from the general to the particular.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = if error.is::<legacy::Error>() {
        error.source()
    } else {
        Some(error)
    };
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        next = cause.source();
    }
    if text.is_empty() {
        error.to_string()
    } else {
        text
    }
}
