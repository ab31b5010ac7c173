//! One record, out of a `tracing` event: what both shapes of lines show.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use broker_server::config::LogLevel;
use broker_server::core::Timestamp;
use serde_json::Number;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata};

use super::text;

/// What happened, ready to be shown: without secrets, and cut.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) time: Timestamp,
    pub(crate) level: LogLevel,
    /// The kind of event; `trouble` or `note` if it says none.
    pub(crate) event: String,
    pub(crate) message: String,
    /// The other fields: first those of [`ORDER`], in its order.
    pub(crate) fields: Vec<(&'static str, Value)>,
}

/// The fields that every reader of logs knows, in the order of the lines.
const ORDER: [&str; 7] = [
    "conn",
    "ip",
    "event_id",
    "type",
    "matched",
    "status",
    "duration_ms",
];

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(Number),
    Bool(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Bool(yes) => yes.fmt(f),
        }
    }
}

impl Record {
    pub(crate) fn new(time: SystemTime, event: &tracing::Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut record = Self {
            time: timestamp(time),
            level: level(*metadata.level()),
            event: String::new(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut record);
        if record.event == "command_log" {
            record.tell_body();
        }
        if record.event.is_empty() {
            let is_trouble = matches!(record.level, LogLevel::Error | LogLevel::Warn);
            record.event = if is_trouble { "trouble" } else { "note" }.to_owned();
        }
        if !is_ours(metadata) {
            record
                .fields
                .push(("target", Value::Text(metadata.target().to_owned())));
        }
        let rank = |name: &str| ORDER.iter().position(|known| *known == name);
        record
            .fields
            .sort_by_key(|(name, _)| rank(name).unwrap_or(ORDER.len()));
        record
    }

    /// The record that tells of lines that found no room in the queue.
    pub(crate) fn lost_lines(time: SystemTime, lost: u64) -> Self {
        Self {
            time: timestamp(time),
            level: LogLevel::Warn,
            event: "trouble".to_owned(),
            message: "the log could not be written fast enough: lines are missing".to_owned(),
            fields: vec![("lost_lines", Value::Number(lost.into()))],
        }
    }

    /// Makes the body the message: for a `log` command it is what there is to tell.
    fn tell_body(&mut self) {
        if let Some(place) = self.fields.iter().position(|(name, _)| *name == "body") {
            self.message = self.fields.remove(place).1.to_string();
        }
    }

    fn field(&mut self, field: &Field, value: Value) {
        // A field called `type` can only be written as a raw identifier.
        let name = field.name().trim_start_matches("r#");
        match (name, value) {
            ("event", Value::Text(text)) => self.event = text,
            ("message", Value::Text(text)) => self.message = text,
            ("level", Value::Text(text)) => {
                // What is no level leaves the record's own.
                if let Ok(level) = text.parse() {
                    self.level = level;
                }
            }
            (_, value) => self.fields.push((name, value)),
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        let name = field.name().trim_start_matches("r#");
        let bytes_max = match name {
            "body" | "message" => text::BODY_BYTES_MAX,
            _ => text::TEXT_BYTES_MAX,
        };
        let shown = if text::is_secret(name) {
            "…".to_owned()
        } else {
            text::presentable(text, bytes_max).into_owned()
        };
        self.field(field, Value::Text(shown));
    }
}

impl Visit for Record {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, Value::Number(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, Value::Number(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match Number::from_f64(value) {
            Some(number) => self.field(field, Value::Number(number)),
            None => self.field(field, Value::Text(value.to_string())),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, Value::Bool(value));
    }
}

/// Whether one of our own crates tells it.
pub(crate) fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("broker_") || metadata.target().starts_with("wsbroker")
}

/// The level of ours that a level of `tracing` is.
pub(crate) fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Times before 1970 are shown as its first moment.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp(0).after(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
