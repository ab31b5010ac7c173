//! Requests that are no handshakes: commands by POST, as the original takes them, and a word to all others.

use std::fmt;
use std::sync::Arc;

use broker_core::{Source, write_results};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use hyper::body::Body;

use crate::demo;
use crate::door::{self, Refusal};
use crate::forwarded::Caller;
use crate::mailbox::Mailboxes;
use crate::reply::{self, Reply};
use crate::shard::{Settings, Shard};

/// What answers such requests, on a shard as well as in an application's own server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) mailboxes: &'a Mailboxes,
    /// Types of commands that the embedder has taken over.
    pub(crate) own_commands: &'a [Box<str>],
}

impl<'a> Door<'a> {
    pub(crate) fn of(shard: &'a Shard) -> Door<'a> {
        Door {
            settings: &shard.settings,
            mailboxes: &shard.mailboxes,
            own_commands: shard.own_commands(),
        }
    }

    /// Answers a request that is no handshake.
    pub(crate) async fn ordinary<B>(self, caller: Caller, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
    {
        match *request.method() {
            Method::POST => self.command(caller, request).await,
            Method::GET if self.settings.is_demo => demo::page(request.uri().path()),
            Method::GET => {
                let line = "this port speaks WebSocket; commands come by POST";
                let refusal = reply::text(StatusCode::UPGRADE_REQUIRED, line);
                reply::with(
                    reply::with(refusal, header::UPGRADE, "websocket"),
                    header::CONNECTION,
                    "upgrade",
                )
            }
            _ => {
                let refusal = reply::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST");
                reply::with(refusal, header::ALLOW, "GET, POST")
            }
        }
    }

    /// The original's door: commands by POST on any path.
    async fn command<B>(self, caller: Caller, request: Request<B>) -> Reply
    where
        B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
    {
        match self.run(caller, request).await {
            Ok(results) => reply::json(StatusCode::OK, results),
            Err(refusal) => {
                self.settings.counters.count_refused(refusal.reason());
                tracing::debug!(
                    event = "refused",
                    status = refusal.status().as_u16(),
                    "command POST: {refusal}"
                );
                // No line break: the original's readers look for its very words.
                let body = refusal.to_string();
                let reply = reply::reply(refusal.status(), "text/plain; charset=utf-8", body);
                if reply.status() == StatusCode::UNAUTHORIZED {
                    return reply::with(reply, header::WWW_AUTHENTICATE, "Bearer");
                }
                reply
            }
        }
    }

    async fn run<B>(self, caller: Caller, request: Request<B>) -> Result<Vec<u8>, Refusal>
    where
        B: Body<Data = Bytes, Error: fmt::Display> + Unpin,
    {
        let (parts, body) = request.into_parts();
        door::admit_public(caller, &parts.headers, self.settings)?;
        let body = door::read_body(body, self.settings).await?;
        let body = door::commands_of(&parts.headers, body).await?;
        let list = door::parse(&body, false, self.settings, self.own_commands)?;
        let results =
            self.mailboxes
                .execute_and_write(Arc::new(list), Source::Public, write_results);
        Ok(results.await?)
    }
}
