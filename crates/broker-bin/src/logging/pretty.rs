//! Lines for people, with the marks that npm `wsbroker` has.

use std::fmt::Write as _;

use broker_server::config::LogLevel;
use owo_colors::{OwoColorize, Style};

use super::record::Record;
use super::text;

/// The record as one line, with its line break and with colours.
pub(crate) fn line(record: &Record) -> String {
    let (mark, style) = mark(record);
    let time = record.time.to_string();
    // Between the date and the zone: `02:43:44.123`.
    let of_day = time.get(11..23).unwrap_or(&time);
    let mut line = format!("{} {}", of_day.dimmed(), mark.style(style));
    let words = if record.message.is_empty() {
        record.event.replace('_', " ")
    } else {
        text::escape(&record.message).into_owned()
    };
    // A String takes whatever is written.
    let _ = write!(line, " {words}");
    for (name, value) in &record.fields {
        let label = format!("{name}=");
        let _ = write!(
            line,
            " {}{}",
            label.dimmed(),
            text::escape(&value.to_string())
        );
    }
    line.push('\n');
    line
}

fn mark(record: &Record) -> (&'static str, Style) {
    let style = Style::new();
    match record.event.as_str() {
        "listening" => ("➥", style.green()),
        "connect" => ("↪", style.green()),
        "from_client" => ("→", style.cyan()),
        "sent" => ("←", style.cyan()),
        "to_backend" => ("↑", style.blue()),
        "from_backend" => ("↓", style.blue()),
        "disconnect" => ("×", style.magenta()),
        "command_log" => ("·", style.bold()),
        _ => match record.level {
            LogLevel::Error => ("!", style.red().bold()),
            LogLevel::Warn => ("!", style.yellow()),
            LogLevel::Info | LogLevel::Debug | LogLevel::Trace if record.event == "trouble" => {
                ("!", style.yellow())
            }
            LogLevel::Info | LogLevel::Debug | LogLevel::Trace => ("·", style.dimmed()),
        },
    }
}
