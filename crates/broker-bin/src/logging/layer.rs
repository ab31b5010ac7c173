//! From `tracing` to lines: which events are shown, and handing them on.

use std::fmt;
use std::time::SystemTime;

use broker_server::config::LogLevel;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::Shape;
use super::record::{self, Record};
use super::writer::Queue;

/// Turns events into lines and queues them.
#[derive(Debug)]
pub(crate) struct LogLayer {
    level: LevelFilter,
    shape: Shape,
    queue: Queue,
    now: fn() -> SystemTime,
}

/// Other people's crates are heard when they are in trouble.
const FOREIGN_LEVEL: LevelFilter = LevelFilter::WARN;

/// A `command_log` is emitted at this level or above, and always shown.
const COMMAND_LOG_LEVEL: LevelFilter = LevelFilter::INFO;

impl LogLayer {
    pub(crate) fn new(
        level: LogLevel,
        shape: Shape,
        queue: Queue,
        now: fn() -> SystemTime,
    ) -> Self {
        let level = match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        };
        Self {
            level,
            shape,
            queue,
            now,
        }
    }

    /// Whether the level alone lets an event through.
    fn is_shown(&self, metadata: &Metadata<'_>) -> bool {
        let level = if record::is_ours(metadata) {
            self.level
        } else {
            self.level.min(FOREIGN_LEVEL)
        };
        *metadata.level() <= level
    }

    /// Whether an event has to be looked at, since it may be a `command_log`.
    fn may_be_command_log(metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= COMMAND_LOG_LEVEL
            && record::is_ours(metadata)
            && metadata.fields().field("event").is_some()
    }
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && (self.is_shown(metadata) || Self::may_be_command_log(metadata)) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && (self.is_shown(metadata) || Self::may_be_command_log(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.max(COMMAND_LOG_LEVEL))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if self.is_shown(event.metadata()) || is_command_log(event) {
            let record = Record::new((self.now)(), event);
            self.queue.push(self.shape.line(&record));
        }
    }
}

fn is_command_log(event: &Event<'_>) -> bool {
    let mut kind = Kind {
        is_command_log: false,
    };
    event.record(&mut kind);
    kind.is_command_log
}

/// Looks at the field `event` alone.
struct Kind {
    is_command_log: bool,
}

impl Visit for Kind {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.is_command_log |= field.name() == "event" && value == "command_log";
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
