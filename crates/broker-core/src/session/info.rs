//! The session info: one JSON object, kept as the text that the backend is told.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::SessionId;
use super::cookies::{self, CookieRule};
use crate::json::{self, Members};

/// A session's fields, as compact JSON text with a table of where each field stands in it.
///
/// Telling the backend costs nothing but a reference, and a silent session costs little more than its letters. Changing
/// it writes the text again, which is rare.
///
/// **Invariants:** the text passes [`json::check`]; no name stands twice; `wskey` and `ip` are the broker's own.
#[derive(Clone, Debug)]
pub struct Info {
    text: Arc<str>,
    fields: Box<[Field]>,
}

#[derive(Clone, Debug)]
struct Field {
    /// The name's letters between the quotes, as written.
    name: Range<u32>,
    value: Range<u32>,
}

/// Names that no cookie and no command can set.
const RESERVED: [&str; 2] = ["ip", "wskey"];

/// A change would make the session info longer than the limit `max_session`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session info of {size} bytes is over the limit max_session of {limit} bytes")]
pub struct InfoTooLarge {
    /// The size it would have had, in bytes.
    pub size: usize,
    /// The limit, in bytes.
    pub limit: usize,
}

impl Info {
    /// The info of a session that begins: its cookies, then `ip`, then `wskey`.
    ///
    /// # Errors
    /// When it is longer than `limit` bytes.
    pub fn at_connect<'a>(
        cookie_headers: impl Iterator<Item = &'a [u8]>,
        rule: &CookieRule,
        ip: &str,
        wskey: SessionId,
        limit: usize,
    ) -> Result<Info, InfoTooLarge> {
        let mut writer = Writer::new();
        for (name, value) in cookies::parse(cookie_headers, rule) {
            if !RESERVED.contains(&name.as_str()) {
                writer.string_field(&name, &value);
            }
        }
        writer.string_field("ip", ip);
        writer.string_field("wskey", &wskey.to_string());
        writer.finish(limit)
    }

    /// The same info for another session of its client, which has its own `wskey`.
    ///
    /// # Errors
    /// When it is longer than `limit` bytes.
    pub fn for_session(&self, wskey: SessionId, limit: usize) -> Result<Info, InfoTooLarge> {
        self.with("wskey", Some(&format!("\"{wskey}\"")), limit)
    }

    /// An info without a field.
    pub(crate) fn empty() -> Info {
        Info {
            text: "{}".into(),
            fields: Box::default(),
        }
    }

    /// Reads an info from its own text. A text that is no object holds no fields; of a repeated field the last counts.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn read(text: &str) -> Result<Info, json::JsonError> {
        json::check(text.as_bytes())?;
        let mut fields = Vec::new();
        merge_members(&mut fields, &json::members(text)?.unwrap_or_default());
        let mut writer = Writer::new();
        for (name, value) in &fields {
            writer.field(name, value.as_bytes());
        }
        writer.finish(usize::MAX).map_err(|error| json::JsonError {
            what: error.to_string().into(),
            line: 1,
            column: 1,
        })
    }

    /// The whole info: a compact JSON object.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The value of a field, as JSON text. Names are compared exactly.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        // Names are written in one way only, so that the written forms can be compared.
        let written = written(name);
        let field = self
            .fields
            .iter()
            .find(|field| self.part(&field.name) == written)?;
        Some(self.part(&field.value))
    }

    /// Every field: its name, decoded, and its value as JSON text, in the order they came in.
    pub fn fields(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.fields
            .iter()
            .map(|field| (self.name(field), self.part(&field.value)))
    }

    /// The info with `data` merged into it and the fields `unset` taken out; `ip` and `wskey` stay as they are.
    ///
    /// Objects merge field by field and arrays index by index, at any depth; every other value, `null` too, takes the
    /// place of what was there.
    ///
    /// # Errors
    /// When the result would be longer than `limit` bytes, or the values in `data` alone are.
    pub fn merged(
        &self,
        data: &Members<'_>,
        unset: &[Box<str>],
        limit: usize,
    ) -> Result<Info, InfoTooLarge> {
        // What cannot fit is not merged: the deeper it is nested, the longer that would take.
        let size = size_of_values(data, unset);
        if size > limit {
            return Err(InfoTooLarge { size, limit });
        }
        let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = self
            .fields()
            .map(|(name, value)| (name, Cow::Borrowed(value)))
            .collect();
        if data.0.iter().any(|(name, _)| is_reserved(name)) {
            let own = data.0.iter().filter(|(name, _)| !is_reserved(name));
            merge_members(&mut fields, &Members(own.cloned().collect()));
        } else {
            merge_members(&mut fields, data);
        }
        fields.retain(|(name, _)| is_reserved(name) || !unset.iter().any(|gone| **gone == **name));

        let mut writer = Writer::new();
        for (name, value) in &fields {
            writer.field(name, value.as_bytes());
        }
        writer.finish(limit)
    }

    /// The info with one field put to a value, which is JSON, or without it.
    ///
    /// # Errors
    /// When the result would be longer than `limit` bytes.
    pub(crate) fn with(
        &self,
        name: &str,
        value: Option<&str>,
        limit: usize,
    ) -> Result<Info, InfoTooLarge> {
        let mut writer = Writer::new();
        let mut value = value.map(compact);
        for (known, old) in self.fields() {
            if known != name {
                writer.field(&known, old.as_bytes());
            } else if let Some(value) = value.take() {
                writer.field(name, value.as_bytes());
            }
        }
        if let Some(value) = value {
            writer.field(name, value.as_bytes());
        }
        writer.finish(limit)
    }

    fn name(&self, field: &Field) -> Cow<'_, str> {
        let written = self.part(&field.name);
        if !written.contains('\\') {
            return Cow::Borrowed(written);
        }
        Cow::Owned(serde_json::from_str(&format!("\"{written}\"")).unwrap_or_default())
    }

    fn part(&self, range: &Range<u32>) -> &str {
        &self.text[range.start as usize..range.end as usize]
    }
}

/// A name as it stands in the text, between its quotes.
fn written(name: &str) -> Cow<'_, str> {
    if !name
        .bytes()
        .any(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
    {
        return Cow::Borrowed(name);
    }
    let mut quoted = Vec::with_capacity(name.len() + 8);
    json::write_string(&mut quoted, name);
    let inner = String::from_utf8_lossy(&quoted[1..quoted.len() - 1]);
    Cow::Owned(inner.into_owned())
}

/// Whether a field is the broker's own, which no cookie and no command can set.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The broker's own fields that `data`, a JSON object, would set. What a name hides behind escapes is not seen.
pub(crate) fn reserved_in(data: &str) -> impl Iterator<Item = &'static str> {
    // Nearly all data can do without being read for this.
    let may_stand = |name: &str| data.contains(name);
    let members = match RESERVED.into_iter().any(may_stand) {
        true => json::members(data).ok().flatten().unwrap_or_default(),
        false => Members::default(),
    };
    let stands = move |name: &&str| members.last(name).is_some();
    RESERVED.into_iter().filter(stands)
}

/// Writes the text and the table side by side.
struct Writer {
    text: Vec<u8>,
    fields: Vec<Field>,
}

impl Writer {
    fn new() -> Writer {
        Writer {
            text: vec![b'{'],
            fields: Vec::new(),
        }
    }

    fn string_field(&mut self, name: &str, value: &str) {
        let mut written = Vec::with_capacity(value.len() + 2);
        json::write_string(&mut written, value);
        self.field(name, &written);
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        let name_start = self.text.len() + 1;
        json::write_string(&mut self.text, name);
        let name_end = self.text.len() - 1;
        self.text.push(b':');
        let value_start = self.text.len();
        self.text.extend_from_slice(value);
        let place = |start: usize, end: usize| start as u32..end as u32;
        self.fields.push(Field {
            name: place(name_start, name_end),
            value: place(value_start, self.text.len()),
        });
    }

    fn finish(mut self, limit: usize) -> Result<Info, InfoTooLarge> {
        self.text.push(b'}');
        // Places are 32 bits wide, so that is a limit too.
        let limit = limit.min(u32::MAX as usize);
        let size = self.text.len();
        if size > limit {
            return Err(InfoTooLarge { size, limit });
        }
        let text = String::from_utf8(self.text).unwrap_or_default();
        Ok(Info {
            text: text.into(),
            fields: self.fields.into(),
        })
    }
}

/// How long the values are, without white space, that merging `data` would put in.
fn size_of_values(data: &Members<'_>, unset: &[Box<str>]) -> usize {
    let stays = |name: &str| !is_reserved(name) && !unset.iter().any(|gone| **gone == *name);
    let places = data.last_places();
    let values = places.iter().filter(|(name, _)| stays(name));
    values
        .map(|&(_, place)| compact(data.0[place].1.get()).len())
        .sum()
}

/// Merges members into fields; of members with one name the last counts. Takes little longer than it takes to sort them.
fn merge_members<'a>(fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>, new: &Members<'a>) {
    let places = new.last_places();
    let mut is_left = vec![false; new.0.len()];
    for &(_, place) in &places {
        is_left[place] = true;
    }
    for (name, value) in fields.iter_mut() {
        if let Ok(found) = places.binary_search_by(|(known, _)| (*known).cmp(name)) {
            let (_, place) = places[found];
            is_left[place] = false;
            *value = Cow::Owned(merge_value(value, new.0[place].1.get()));
        }
    }
    for ((name, value), is_left) in new.0.iter().zip(is_left) {
        if is_left {
            let value = merge_value("null", value.get());
            fields.push((name.clone(), Cow::Owned(value)));
        }
    }
}

/// The descent is bounded: both texts have passed [`json::check`], which refuses what is nested deeper than 128.
fn merge_value(old: &str, new: &str) -> String {
    let new = compact(new);
    if let (Ok(old), Ok(Some(new))) = (json::members(old), json::members(&new)) {
        // What is no object is replaced, member by member all the same: that frees the new one of repeated names.
        let mut fields: Vec<_> = old
            .unwrap_or_default()
            .0
            .into_iter()
            .map(|(name, value)| (name, Cow::Borrowed(value.get())))
            .collect();
        merge_members(&mut fields, &new);
        return json::object(fields);
    }
    if let Some(new) = json::elements(&new) {
        let old = json::elements(old).unwrap_or_default();
        let merged =
            (0..old.len().max(new.len())).map(|place| match (old.get(place), new.get(place)) {
                (Some(old), Some(new)) => merge_value(old.get(), new.get()),
                (Some(old), None) => old.get().to_owned(),
                (None, Some(new)) => merge_value("null", new.get()),
                (None, None) => String::new(),
            });
        return format!("[{}]", merged.collect::<Vec<_>>().join(","));
    }
    new.into_owned()
}

/// A value without the white space between its parts, so that the info stays as small as it can be.
fn compact(value: &str) -> Cow<'_, str> {
    let mut in_string = false;
    let mut escaped = false;
    let mut keep = |letter: char| {
        let between = !in_string && matches!(letter, ' ' | '\t' | '\n' | '\r');
        match letter {
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && letter == '\\' && !escaped;
        !between
    };
    if !value.contains([' ', '\t', '\n', '\r']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.chars().filter(|&letter| keep(letter)).collect())
}

#[cfg(test)]
mod tests;
