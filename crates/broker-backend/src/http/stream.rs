//! An answer whose commands come line by line: `application/x-ndjson`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use broker_core::{CommandList, Failure};
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{Shared, answer, exchange};
use crate::answer::CommandStream;

/// Whether an answer is to be read line by line.
pub(super) fn is_announced(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE);
    let kind = kind.map_or(&[][..], |kind| kind.as_bytes().trim_ascii_start());
    kind.split_at_checked(NDJSON.len())
        .is_some_and(|(kind, parameters)| {
            let parameters = parameters.trim_ascii_start();
            kind.eq_ignore_ascii_case(NDJSON) && matches!(parameters.first(), None | Some(b';'))
        })
}

const NDJSON: &[u8] = b"application/x-ndjson";

/// The rest of such an answer. Dropping it closes its connection, so that the application notices.
pub(super) struct Lines {
    shared: Arc<Shared>,
    body: Incoming,
    /// What has come and is not handed out, up to where it was looked through for the end of a line.
    buffer: BytesMut,
    looked_at: usize,
    is_over: bool,
}

impl Lines {
    pub(super) fn new(shared: Arc<Shared>, body: Incoming) -> Lines {
        Lines {
            shared,
            body,
            buffer: BytesMut::new(),
            looked_at: 0,
            is_over: false,
        }
    }

    /// The next line, without its end, as far as it has come.
    fn take_line(&mut self) -> Option<Bytes> {
        let unseen = &self.buffer[self.looked_at..];
        let Some(end) = unseen.iter().position(|byte| *byte == b'\n') else {
            self.looked_at = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.looked_at + end + 1);
        self.looked_at = 0;
        Some(line.freeze())
    }

    /// Waits for more to come; false at the end.
    async fn read(&mut self) -> Result<bool, Failure> {
        let idle = self.shared.config.stream_idle_timeout;
        let frame = timeout(idle, self.body.frame())
            .await
            .map_err(|_| Failure::TimedOut(idle))?;
        match frame {
            None => Ok(false),
            Some(frame) => {
                let frame = frame.map_err(|error| exchange::interrupted(&error))?;
                // Trailers say nothing to us.
                if let Ok(part) = frame.into_data() {
                    self.buffer.extend_from_slice(&part);
                }
                Ok(true)
            }
        }
    }

    fn end(&mut self, failure: Failure) -> Option<Result<CommandList, Failure>> {
        self.is_over = true;
        Some(Err(failure))
    }
}

#[async_trait]
impl CommandStream for Lines {
    async fn next(&mut self) -> Option<Result<CommandList, Failure>> {
        let limit = self.shared.config.max_answer;
        while !self.is_over {
            let line = match self.take_line() {
                Some(line) => line,
                None if self.buffer.len() > limit => return self.end(answer::too_long(limit)),
                None => match self.read().await {
                    Ok(true) => continue,
                    Ok(false) => {
                        self.is_over = true;
                        self.buffer.split().freeze()
                    }
                    Err(failure) => return self.end(failure),
                },
            };
            if line.len() > limit {
                return self.end(answer::too_long(limit));
            }
            // An empty line keeps the connection alive and says nothing.
            if !line.trim_ascii().is_empty() {
                return Some(answer::read_commands(&line, self.shared.reading()));
            }
        }
        None
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
