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

/// The chat behind the page.
pub(crate) fn backend() -> std::sync::Arc<dyn broker_backend::Backend> {
    std::sync::Arc::new(broker_backend::InProcess::new(NoHooks, None))
}
#[derive(Debug)]
struct NoHooks;
impl broker_backend::Hooks for NoHooks {}
