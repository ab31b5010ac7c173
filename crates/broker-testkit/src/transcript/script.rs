//! Reading a transcript: which lines are cues, and what they ask for.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use broker_core::{Failure, Source};

use super::Fault;
use super::page::Block;

/// A cue and all that must come of it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) cue: Cue,
    pub(super) cue_text: String,
    pub(super) cue_lines: Range<usize>,
    pub(super) expected: VecDeque<Expected>,
}

/// A line that says what must be seen.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) text: String,
    /// Where it stands in the file, from 0; several lines where it goes on.
    pub(super) lines: Range<usize>,
}

/// What somebody does.
#[derive(Clone, Debug)]
pub(super) enum Cue {
    With {
        key: String,
        value: String,
    },
    Connects {
        who: String,
        ip: String,
        cookies: Vec<String>,
    },
    AreConnected {
        who: Vec<String>,
        info: Option<String>,
    },
    Says {
        who: String,
        message: Said,
    },
    Closes {
        who: String,
        code: u16,
        reason: String,
    },
    IsGone {
        who: String,
    },
    Answers {
        who: String,
        body: String,
    },
    Fails {
        who: String,
        failure: Failure,
    },
    Commands {
        source: Source,
        body: String,
    },
    TimePasses,
    Pass(Duration),
}

/// A message of a client's.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Text(String),
    Binary(Vec<u8>),
}

pub(super) fn scenes(block: &Block<'_>) -> Result<Vec<Scene>, Fault> {
    let mut scenes: Vec<Scene> = Vec::new();
    for written in statements(block)? {
        let fault = |what| Fault {
            line: written.lines.start,
            what,
        };
        match (cue(&written.text).map_err(fault)?, scenes.last_mut()) {
            (Some(cue), _) => scenes.push(Scene {
                cue,
                cue_text: written.text.replace('\n', " "),
                cue_lines: written.lines,
                expected: VecDeque::new(),
            }),
            (None, Some(scene)) => scene.expected.push_back(Expected {
                text: written.text.replace('\n', ""),
                lines: written.lines,
            }),
            (None, None) => return Err(fault(format!("not a cue: `{}`", written.text))),
        }
    }
    Ok(scenes)
}

/// The lines that say something; those that go on are one, with their line breaks.
fn statements(block: &Block<'_>) -> Result<Vec<Expected>, Fault> {
    let mut statements: Vec<Expected> = Vec::new();
    for (place, line) in block.lines.iter().enumerate() {
        let number = block.first + place;
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match statements.last_mut() {
            Some(before) if line.starts_with("    ") => {
                before.text.push('\n');
                before.text.push_str(text);
                before.lines.end = number + 1;
            }
            None if line.starts_with("    ") => {
                let what = "goes on with a line that is not there".to_owned();
                return Err(Fault { line: number, what });
            }
            _ => statements.push(Expected {
                text: text.to_owned(),
                lines: number..number + 1,
            }),
        }
    }
    Ok(statements)
}

/// Reads a cue; none if the line says what must be seen.
fn cue(text: &str) -> Result<Option<Cue>, String> {
    let joined = text.replace('\n', "");
    if let Some(setting) = text.strip_prefix("with ") {
        let (key, value) = setting
            .split_once('=')
            .ok_or("a setting is `with KEY = VALUE`")?;
        return Ok(Some(Cue::With {
            key: key.trim().to_owned(),
            value: value.trim().trim_matches('"').to_owned(),
        }));
    }
    if text == "time passes" {
        return Ok(Some(Cue::TimePasses));
    }
    if let Some(span) = text
        .strip_suffix(" passes")
        .or_else(|| text.strip_suffix(" pass"))
    {
        return Ok(Some(Cue::Pass(duration(span)?)));
    }
    for (door, source) in [("public ->", Source::Public), ("admin ->", Source::Admin)] {
        if let Some(body) = joined.strip_prefix(door) {
            let body = body.trim().to_owned();
            return Ok(Some(Cue::Commands { source, body }));
        }
    }
    if let Some(answer) = joined.strip_prefix("backend -> ") {
        let (who, body) = answer.split_once(' ').unwrap_or((answer, ""));
        return Ok(Some(Cue::Answers {
            who: who.to_owned(),
            body: body.trim().to_owned(),
        }));
    }
    if let Some(failure) = text.strip_prefix("backend fails ") {
        let (who, why) = failure
            .split_once(": ")
            .ok_or("a failure is `backend fails A: WHY`")?;
        return Ok(Some(Cue::Fails {
            who: who.to_owned(),
            failure: self::failure(why)?,
        }));
    }
    if text.starts_with(|first: char| first.is_ascii_uppercase()) {
        return clients_cue(text, &joined);
    }
    Ok(None)
}

fn clients_cue(text: &str, joined: &str) -> Result<Option<Cue>, String> {
    if let Some((who, info)) = text
        .split_once(" is connected")
        .or_else(|| text.split_once(" are connected"))
        && !who.contains("->")
    {
        let info = info.replace('\n', "");
        return Ok(Some(Cue::AreConnected {
            who: who.split(", ").map(str::to_owned).collect(),
            info: Some(info.trim().to_owned()).filter(|info| !info.is_empty()),
        }));
    }
    let (who, rest) = joined.split_once(' ').unwrap_or((joined, ""));
    let who = who.to_owned();
    if let Some(message) = rest.strip_prefix("->") {
        let message = said(message.trim())?;
        return Ok(Some(Cue::Says { who, message }));
    }
    if rest == "is gone" {
        return Ok(Some(Cue::IsGone { who }));
    }
    if let Some(how) = rest.strip_prefix("closes") {
        let (code, reason) = how.trim().split_once(' ').unwrap_or((how.trim(), ""));
        let code = if code.is_empty() {
            Ok(1000)
        } else {
            code.parse()
        };
        return Ok(Some(Cue::Closes {
            who,
            code: code.map_err(|_| "a close code is a number")?,
            reason: reason.to_owned(),
        }));
    }
    if let Some((_, how)) = text.split_once(" connects")
        && rest.starts_with("connects")
    {
        return connects(who, how).map(Some);
    }
    Ok(None)
}

/// `[from IP] [Cookie: …]`, and more `Cookie: …` on lines of their own.
fn connects(who: String, how: &str) -> Result<Cue, String> {
    let (how, headers) = match how.find("Cookie:") {
        Some(place) => how.split_at(place),
        None => (how, ""),
    };
    let ip = match how.trim() {
        "" => "127.0.0.1",
        how => how
            .strip_prefix("from ")
            .ok_or_else(|| format!("connects how? `{how}`"))?,
    };
    let cookies = headers.lines().map(|header| {
        let value = header.strip_prefix("Cookie: ");
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("not a Cookie header: `{header}`"))
    });
    Ok(Cue::Connects {
        who,
        ip: ip.to_owned(),
        cookies: cookies.collect::<Result<_, _>>()?,
    })
}

fn said(text: &str) -> Result<Said, String> {
    let binary = text
        .strip_prefix("<binary")
        .and_then(|rest| rest.strip_suffix('>'));
    match binary {
        None => Ok(Said::Text(text.to_owned())),
        Some(bytes) => match BASE64.decode(bytes.trim()) {
            Ok(bytes) => Ok(Said::Binary(bytes)),
            Err(error) => Err(format!("not base64: {error}")),
        },
    }
}

fn failure(why: &str) -> Result<Failure, String> {
    let (status, retry_after) = match why.split_once(", retry after ") {
        Some((status, wait)) => (status, Some(duration(wait)?)),
        None => (why, None),
    };
    Ok(match status {
        "unreachable" => Failure::Unreachable("connection refused".into()),
        "interrupted" => Failure::Interrupted("connection reset".into()),
        "timeout" => Failure::TimedOut(Duration::from_secs(10)),
        _ => Failure::Status {
            code: status
                .parse()
                .map_err(|_| format!("no such failure: `{why}`"))?,
            retry_after,
        },
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("not a time: `{text}`"))?;
    Ok(match &text[digits.len()..] {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(60 * number),
        "h" => Duration::from_secs(3600 * number),
        _ => return Err(format!("a time has a unit: `{text}`")),
    })
}
