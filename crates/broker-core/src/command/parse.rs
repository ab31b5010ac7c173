//! Reading lists of commands.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::fields::{Fields, wrong};
use super::{
    Aim, COMMAND_TYPES, Command, CommandError, CommandList, Entry, Except, ListError, LogLevel,
    Message, OtherCommand, Overlooked, Page, Verb,
};
use crate::close_code;
use crate::criteria::{Criteria, kind};
use crate::form;
use crate::json;
use crate::session;

/// How a door reads commands: [`Reading::strict`] or [`Reading::lenient`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reading<'a> {
    /// Whether an unknown field is an error; otherwise it is passed over.
    pub strict: bool,
    /// How many commands a list may hold.
    pub max_commands: usize,
    /// Types that the embedder has taken over; they win over ours.
    pub own_types: &'a [Box<str>],
}

impl Reading<'_> {
    /// Unknown fields are errors, and no type is the embedder's.
    #[must_use]
    pub const fn strict(max_commands: usize) -> Self {
        Reading {
            strict: true,
            max_commands,
            own_types: &[],
        }
    }

    /// Unknown fields are passed over, and no type is the embedder's.
    #[must_use]
    pub const fn lenient(max_commands: usize) -> Self {
        Reading {
            strict: false,
            max_commands,
            own_types: &[],
        }
    }
}

/// How many fields a list tells of that were passed over.
const OVERLOOKED_MAX: usize = 16;

/// How much it tells of the name of one, in bytes.
const OVERLOOKED_BYTES_MAX: usize = 64;

impl CommandList {
    /// Reads a list of commands, or one command. An empty text holds none, unless the reading is strict.
    ///
    /// A command that cannot be read becomes [`Entry::Refused`] in its place. What `send` carries is cut out of `body`,
    /// not copied.
    ///
    /// # Errors
    /// When the text as a whole is no such list.
    pub fn parse(body: &Bytes, reading: Reading<'_>) -> Result<CommandList, ListError> {
        if body.trim_ascii().is_empty() && !reading.strict {
            return Ok(CommandList::default());
        }
        json::check(body)?;
        CommandList::parse_checked(body, reading)
    }

    /// The same of a text that has passed [`json::check`].
    pub(super) fn parse_checked(
        body: &Bytes,
        reading: Reading<'_>,
    ) -> Result<CommandList, ListError> {
        let text = std::str::from_utf8(body)
            .unwrap_or_default()
            .trim_matches([' ', '\t', '\n', '\r']);
        let mut parser = Parser {
            body,
            reading,
            overlooked: Vec::new(),
        };
        if text.starts_with('{') {
            return Ok(CommandList {
                entries: vec![parser.entry(text)],
                overlooked: parser.overlooked,
            });
        }
        let elements = json::elements(text).ok_or(ListError::NotAList { got: kind(text) })?;
        if elements.len() > reading.max_commands {
            return Err(ListError::TooMany {
                count: elements.len(),
                limit: reading.max_commands,
            });
        }
        Ok(CommandList {
            entries: elements
                .iter()
                .map(|element| parser.entry(element.get()))
                .collect(),
            overlooked: parser.overlooked,
        })
    }

    /// Whether one of its commands closes connections.
    pub(crate) fn closes(&self) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Run(command) => matches!(command.verb, Verb::Close { .. }),
            Entry::Refused { .. } | Entry::Other(_) => false,
        })
    }

    /// Whether a shard can run the list by itself: there is no other, or every command is for the session that caused the
    /// event, or answers a request from this shard.
    #[must_use]
    pub fn is_local_to(&self, shard: u16, shards: u16) -> bool {
        shards == 1
            || self.entries.iter().all(|entry| match entry {
                Entry::Run(command) => match command.verb {
                    Verb::Send(_) | Verb::Session { .. } | Verb::Close { .. } => {
                        command.aim.criteria.is_none()
                    }
                    // What they find is discarded in the answer to an event.
                    Verb::List(_) | Verb::Count { .. } => true,
                    Verb::Answer { ack, .. } => ack.request.shard == shard,
                    Verb::Log { .. } => true,
                },
                Entry::Refused { .. } | Entry::Other(_) => true,
            })
    }
}

struct Parser<'a> {
    body: &'a Bytes,
    reading: Reading<'a>,
    overlooked: Vec<Overlooked>,
}

impl Parser<'_> {
    fn entry(&mut self, text: &str) -> Entry {
        match self.read(text) {
            Ok(entry) => entry,
            Err(error) => Entry::Refused {
                name: name(text),
                error,
            },
        }
    }

    fn read(&mut self, text: &str) -> Result<Entry, CommandError> {
        // The whole body is JSON, so an element can only be of the wrong kind.
        let Ok(Some(members)) = json::members(text) else {
            return Err(CommandError::NotAnObject { got: kind(text) });
        };
        if let Some(name) = members.duplicate() {
            return Err(CommandError::DuplicateField(name.into()));
        }
        let name = members
            .last("type")
            .and_then(json::string)
            .ok_or(CommandError::NoType)?;
        let is_own = self.reading.own_types.iter().any(|own| **own == *name);
        let Some(known) = COMMAND_TYPES
            .into_iter()
            .find(|known| *known == name && !is_own)
        else {
            return Ok(Entry::Other(OtherCommand {
                name: name.into(),
                text: self.cut(text),
            }));
        };
        let fields = Fields {
            command: known,
            members: &members,
        };
        let verb = self.verb(&fields)?;
        let mut unknown = fields.unknown(&verb);
        if self.reading.strict
            && let Some(name) = unknown.next()
        {
            return Err(CommandError::UnknownField(name.into()));
        }
        let aim = aim(&fields)?;
        for name in unknown {
            self.overlook(known, name);
        }
        if let Verb::Session { data, .. } = &verb {
            for name in session::reserved_in(data) {
                self.overlook(known, &format!("data.{name}"));
            }
        }
        Ok(Entry::Run(Command { aim, verb }))
    }

    /// Notes what is passed over, once; a list that is full of such things is only an example of itself.
    fn overlook(&mut self, command: &'static str, field: &str) {
        let field = &field[..field.floor_char_boundary(OVERLOOKED_BYTES_MAX)];
        let is_known = |known: &Overlooked| known.command == command && *known.field == *field;
        if self.overlooked.len() < OVERLOOKED_MAX && !self.overlooked.iter().any(is_known) {
            self.overlooked.push(Overlooked {
                command,
                field: field.into(),
            });
        }
    }

    fn verb(&self, fields: &Fields<'_>) -> Result<Verb, CommandError> {
        Ok(match fields.command {
            "send" => Verb::Send(self.message(fields)?),
            "session" => change(fields, self.reading.strict)?,
            "close" => close(fields)?,
            "list" => Verb::List(page(fields)?),
            "count" => Verb::Count {
                by: fields.string("by")?.map(Into::into),
            },
            "answer" => self.answer(fields)?,
            _ => log(fields)?,
        })
    }

    fn message(&self, fields: &Fields<'_>) -> Result<Message, CommandError> {
        match (
            fields.get("message"),
            fields.get("text"),
            fields.get("binary"),
        ) {
            (Some(message), None, None) => Ok(Message::Json(self.cut(message))),
            (None, Some(_), None) => Ok(Message::Text(match fields.required_string("text")? {
                Cow::Borrowed(text) => self.cut(text),
                Cow::Owned(text) => Bytes::from(text),
            })),
            (None, None, Some(_)) => {
                let text = fields.required_string("binary")?;
                let bytes = BASE64.decode(text.as_bytes());
                Ok(Message::Binary(
                    bytes.map_err(|_| wrong("binary", "base64"))?.into(),
                ))
            }
            _ => Err(CommandError::MissingField {
                command: "send",
                field: "one of `message`, `text` and `binary`",
            }),
        }
    }

    fn answer(&self, fields: &Fields<'_>) -> Result<Verb, CommandError> {
        let ack = fields.string("ack")?.ok_or(CommandError::MissingField {
            command: "answer",
            field: "`ack`",
        })?;
        Ok(Verb::Answer {
            ack: ack
                .parse()
                .map_err(|_| wrong("ack", "the `ack` of an event"))?,
            message: fields.get("message").map(|message| self.cut(message)),
        })
    }

    /// A part of the body, sharing its memory.
    fn cut(&self, part: &str) -> Bytes {
        self.body.slice_ref(part.as_bytes())
    }
}

/// The `type` of a command that was refused.
fn name(text: &str) -> Option<Box<str>> {
    let members = json::members(text).ok()??;
    members.last("type").and_then(json::string).map(Box::from)
}

fn change(fields: &Fields<'_>, strict: bool) -> Result<Verb, CommandError> {
    let data = match fields.get("data") {
        None => None,
        // PHP writes an empty object as an empty array.
        Some(data) if json::elements(data).is_some_and(|elements| elements.is_empty()) => {
            Some("{}")
        }
        Some(data) if data.starts_with('{') => Some(data),
        Some(_) => return Err(wrong("data", "an object")),
    };
    let unset = fields.strings("unset")?;
    // The original merges nothing without a word, and where nobody asked for more so do we.
    if strict && data.is_none() && unset.is_none() {
        return Err(CommandError::MissingField {
            command: "session",
            field: "`data` or `unset`",
        });
    }
    Ok(Verb::Session {
        data: data.unwrap_or("{}").into(),
        unset: unset.unwrap_or_default(),
    })
}

fn close(fields: &Fields<'_>) -> Result<Verb, CommandError> {
    let code = match fields.get("code") {
        None => close_code::NORMAL,
        Some(code) => code
            .parse()
            .ok()
            .filter(|code| close_code::is_for_applications(*code))
            .ok_or_else(|| wrong("code", "1000 or from 3000 to 4999"))?,
    };
    let reason = fields.string("reason")?.unwrap_or_default();
    // RFC 6455 §5.5: a control frame carries at most 125 bytes, two of which are the code.
    if reason.len() > close_code::REASON_BYTES_MAX {
        return Err(wrong("reason", "at most 123 bytes"));
    }
    Ok(Verb::Close {
        code,
        reason: reason.into(),
    })
}

fn page(fields: &Fields<'_>) -> Result<Page, CommandError> {
    let limit = fields
        .get("limit")
        .map(|limit| limit.parse().map_err(|_| wrong("limit", "a whole number")));
    let after = match fields.string("cursor")? {
        None => None,
        Some(cursor) => Some(
            cursor
                .parse()
                .map_err(|_| wrong("cursor", "the cursor of an earlier list"))?,
        ),
    };
    Ok(Page {
        fields: fields.strings("fields")?,
        limit: limit.transpose()?,
        after,
    })
}

fn log(fields: &Fields<'_>) -> Result<Verb, CommandError> {
    let level = match fields.string("level")?.as_deref() {
        None | Some("info") => LogLevel::Info,
        Some("error") => LogLevel::Error,
        Some("warn") => LogLevel::Warn,
        Some("debug") => LogLevel::Debug,
        Some(_) => return Err(wrong("level", "error, warn, info or debug")),
    };
    Ok(Verb::Log {
        text: fields.get("text").unwrap_or("null").into(),
        level,
    })
}

fn aim(fields: &Fields<'_>) -> Result<Aim, CommandError> {
    let criteria = match fields.get("match") {
        None => None,
        Some(text) => Criteria::parse(text).map_err(CommandError::Match)?,
    };
    let except = match fields.get("except") {
        None => None,
        Some(text) if form::is_falsy(text) => None,
        Some(text) if json::string(text).is_some_and(|name| name == "self") => Some(Except::Origin),
        Some(text) => Criteria::parse(text)
            .map_err(CommandError::Except)?
            .map(Except::Matching),
    };
    Ok(Aim { criteria, except })
}
