//! The log: one line per record on stderr, for people or for machines.
//!
//! Records are `tracing` events. The field `event` says what happened
//! (`listening`, `connect`, `from_client`, `sent`, `to_backend`,
//! `from_backend`, `disconnect`, `trouble`, `command_log`, …) and chooses the
//! mark; the other fields are shown beside the message. A `command_log`, the
//! backend's own line, is shown whatever the level; for that it is emitted at
//! info or above, and its field `level` is the level it is shown with.
//!
//! **A log that can't be written never slows or ends the broker**: lines go
//! through a bounded queue to a thread of their own, and what does not fit is
//! counted and told later. **Nothing from outside reaches the terminal
//! unescaped, at full length, or with a cookie or password in it.**

mod json;
mod layer;
mod pretty;
mod record;
mod text;
mod writer;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use anstream::AutoStream;
use broker_server::config::{Log, LogFormat};
use tracing_subscriber::layer::SubscriberExt;

pub(crate) use layer::LogLayer;
pub(crate) use writer::LogWriter;

use crate::cli::Color;
use record::Record;

/// The shape of the lines, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

impl Shape {
    /// The configured shape; `auto` asks whether a person is watching.
    pub(crate) fn choose(format: LogFormat) -> Self {
        match format {
            LogFormat::Pretty => Self::Pretty,
            LogFormat::Json => Self::Json,
            LogFormat::Auto if io::stderr().is_terminal() => Self::Pretty,
            LogFormat::Auto => Self::Json,
        }
    }

    fn line(self, record: &Record) -> String {
        match self {
            Self::Pretty => pretty::line(record),
            Self::Json => json::line(record),
        }
    }
}

/// Starts logging for the whole process. The writer ends it: what is still
/// queued is written when it is flushed.
///
/// # Errors
/// The thread could not be started.
pub(crate) fn start(log: &Log, shape: Shape, color: Color) -> io::Result<LogWriter> {
    let writer = LogWriter::start(stderr(color), move |lost| {
        shape.line(&Record::lost_lines(SystemTime::now(), lost))
    })?;
    let layer = LogLayer::new(log.level, shape, writer.queue(), SystemTime::now);
    let subscriber = tracing_subscriber::registry().with(layer);
    // It fails only when there is a subscriber already, and nobody else sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(writer)
}

/// Stderr with or without colours; lines are written with them and stripped.
pub(crate) fn stderr(color: Color) -> AutoStream<io::Stderr> {
    match color {
        Color::Auto => AutoStream::auto(io::stderr()),
        Color::Always => AutoStream::always(io::stderr()),
        Color::Never => AutoStream::never(io::stderr()),
    }
}
