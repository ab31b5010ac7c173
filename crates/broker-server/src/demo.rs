//! The built-in demo: a chat page, shown where no backend is configured.

use http::StatusCode;

use crate::reply::{self, Reply};

/// The page itself; it needs nothing else.
const PAGE: &str = include_str!("demo/page.html");

/// The demo's page at `/`.
pub(crate) fn page(path: &str) -> Reply {
    match path {
        "/" => reply::reply(StatusCode::OK, "text/html; charset=utf-8", PAGE),
        _ => reply::text(
            StatusCode::NOT_FOUND,
            "there is nothing here; the demo is at /",
        ),
    }
}
