//! The built-in demo, shown where no backend is configured: a chat page, and the application behind it.

mod chat;
mod message;
mod people;

use std::sync::Arc;

use broker_backend::{Backend, Respond};
use broker_core::Event;
use http::{HeaderValue, StatusCode, header};

use self::chat::Chat;
use crate::random;
use crate::reply::{self, Reply};

/// The page itself; it needs nothing else.
const PAGE: &str = include_str!("demo/page.html");

/// What stands in the page for the word that its own style and script know.
const NONCE: &str = "{nonce}";

/// The application behind the page: a chat with rooms.
///
/// It is told of the same events and answers with the same commands as one in any other language.
pub(crate) fn backend() -> Arc<dyn Backend> {
    let chat = Chat::default();
    Arc::new(Respond::new(move |event: Event| {
        std::future::ready(chat.answer(&event))
    }))
}

/// The demo's page at `/`.
pub(crate) fn page(path: &str) -> Reply {
    if path != "/" {
        let line = "there is nothing here; the demo is at /";
        return reply::text(StatusCode::NOT_FOUND, line);
    }
    let nonce = format!("{:032x}", u128::from_ne_bytes(random::bytes()));
    let page = PAGE.replace(NONCE, &nonce);
    let mut page = reply::reply(StatusCode::OK, "text/html; charset=utf-8", page);
    page.headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, content_policy(&nonce));
    let page = reply::with(page, header::REFERRER_POLICY, "no-referrer");
    // Its nonce is for one reader.
    reply::with(page, header::CACHE_CONTROL, "no-store")
}

/// The page may run what stands in it and talk to where it came from, and nothing else.
fn content_policy(nonce: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // A nonce is made of letters and digits, so this is a header; if it were not, nothing would run.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests;
