//! The configuration file: finding it, and reading it with every place noted.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use broker_server::config::{Key, Kind};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::origin::{Origin, Problem};
use super::tree::{Node, Tree, Value};
use super::{Sources, names};

/// The longest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The file to read: the one that `-c` or `$WSBROKER_CONFIG` names, which must
/// exist, else the first of the search list that does.
pub(crate) fn find(sources: &Sources<'_>) -> Result<Option<PathBuf>, Problem> {
    if let Some(path) = &sources.flags.config {
        return named(path, Origin::Flag("-c")).map(Some);
    }
    let variable = sources
        .environment
        .iter()
        .find(|(name, _)| name == "WSBROKER_CONFIG");
    if let Some((_, path)) = variable.filter(|(_, path)| !path.is_empty()) {
        let origin = Origin::Variable("WSBROKER_CONFIG".to_owned());
        return named(Path::new(path), origin).map(Some);
    }
    Ok(sources
        .search
        .iter()
        .find(|path| path.exists())
        .map(|path| path.to_path_buf()))
}

fn named(path: &Path, origin: Origin) -> Result<PathBuf, Problem> {
    if path.exists() {
        return Ok(path.to_owned());
    }
    let mut message = format!("there is no file {}", path.display());
    if let Some(name) = nearest_file(path) {
        message.push_str(&format!("; did you mean {}?", name.display()));
    }
    Err(Problem {
        origin: Some(origin),
        message,
    })
}

/// A file beside `path` whose name is nearly the same.
fn nearest_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let entries = std::fs::read_dir(directory.unwrap_or(Path::new("."))).ok()?;
    let found: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str().map(str::to_owned))
        .collect();
    names::nearest(name, found.iter().map(String::as_str)).map(|found| path.with_file_name(found))
}

/// Reads a file into the tree.
pub(crate) fn read(path: &Path, tree: &mut Tree, problems: &mut Vec<Problem>) {
    let name: Rc<str> = display_name(path).into();
    let whole = |message: String| Problem {
        origin: Some(Origin::File {
            name: Rc::clone(&name),
            line: 1,
            column: 1,
        }),
        message,
    };
    let bytes = match read_bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => return problems.push(whole(format!("cannot be read: {error}"))),
    };
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return problems.push(whole(format!("is longer than {FILE_BYTES_MAX} bytes")));
    }
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let origin = Places { name, text: &valid }.at(valid.len()..valid.len());
            let message = "is not UTF-8 from here on".to_owned();
            return problems.push(Problem {
                origin: Some(origin),
                message,
            });
        }
    };
    Reader {
        places: Places { name, text },
        tree,
        problems,
    }
    .document();
}

fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path as it was written, without a `./` that nobody wrote.
fn display_name(path: &Path) -> String {
    let mut parts = path.components();
    match parts.next() {
        Some(first) if first.as_os_str() == OsStr::new(".") => parts.as_path(),
        Some(_) | None => path,
    }
    .display()
    .to_string()
}

/// Turns byte ranges of the text into lines and columns.
struct Places<'a> {
    name: Rc<str>,
    text: &'a str,
}

impl Places<'_> {
    fn at(&self, span: Range<usize>) -> Origin {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Origin::File {
            name: Rc::clone(&self.name),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Walks the document beside the list of keys.
struct Reader<'a> {
    places: Places<'a>,
    tree: &'a mut Tree,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self) {
        let text = self.places.text;
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let place = error.span().unwrap_or(0..0);
            self.problem(place, error.message().replace('\n', ", "));
        }
        // What a parser makes of broken text would only confuse.
        if errors.is_empty() {
            self.section("", root.get_ref());
        }
    }

    /// Reads a section; `prefix` is its full name with a dot, or nothing.
    fn section(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            match (Key::find(&path), value.get_ref()) {
                (Some(key_entry), _) => self.setting(key_entry, key.span(), value),
                (None, DeValue::Table(inner)) if Key::is_section(&path) => {
                    self.section(&format!("{path}."), inner);
                }
                (None, _) if Key::is_section(&path) => {
                    let message =
                        format!("`{path}` is a section: write [{path}] and its keys below");
                    self.problem(key.span(), message);
                }
                (None, _) => self.unknown(key.span(), &path),
            }
        }
    }

    fn setting(&mut self, key: &Key, place: Range<usize>, value: &Spanned<DeValue<'_>>) {
        match key.kind {
            Kind::Tables => self.tables(key, place, value),
            Kind::Text | Kind::Count | Kind::Switch | Kind::List | Kind::WordOrList(_) => {
                if let Some(node) = self.node(value) {
                    self.tree.set(key.path, node);
                }
            }
        }
    }

    /// Reads a list of tables, each with keys that are listed.
    fn tables(&mut self, key: &Key, place: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let path = key.path;
        let DeValue::Array(list) = value.get_ref() else {
            return self.problem(place, format!("`{path}` is a list: write [[{path}]]"));
        };
        for table in list {
            let DeValue::Table(table) = table.get_ref() else {
                continue;
            };
            for (inner, _) in table {
                let inner_path = format!("{path}.{}", inner.get_ref());
                if Key::find(&inner_path).is_none() {
                    self.unknown(inner.span(), &inner_path);
                }
            }
        }
        if let Some(mut node) = self.node(value) {
            drop_unknown_keys(path, &mut node);
            self.tree.set(path, node);
        }
    }

    /// Copies a value with the place of each of its parts.
    fn node(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Node> {
        let place = value.span();
        let value = match value.get_ref() {
            DeValue::Array(list) => {
                Value::List(list.iter().filter_map(|part| self.node(part)).collect())
            }
            DeValue::Table(table) => Value::Table(
                table
                    .iter()
                    .filter_map(|(key, part)| Some((key.get_ref().to_string(), self.node(part)?)))
                    .collect::<BTreeMap<_, _>>(),
            ),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                match toml::Value::deserialize(ValueDeserializer::from(value.clone())) {
                    Ok(scalar) => Value::Scalar(scalar),
                    Err(_) => {
                        let message = format!("this {} is too large", value.get_ref().type_str());
                        self.problem(place, message);
                        return None;
                    }
                }
            }
        };
        Some(Node {
            origin: self.places.at(place),
            value,
        })
    }

    fn unknown(&mut self, place: Range<usize>, path: &str) {
        let mut message = format!("unknown key `{path}`");
        if let Some(nearest) = names::nearest_key(path) {
            message.push_str(&format!("; did you mean `{nearest}`?"));
        }
        self.problem(place, message);
    }

    fn problem(&mut self, place: Range<usize>, message: String) {
        self.problems.push(Problem {
            origin: Some(self.places.at(place)),
            message,
        });
    }
}

/// Leaves out what was reported already.
fn drop_unknown_keys(path: &str, list: &mut Node) {
    let Value::List(tables) = &mut list.value else {
        return;
    };
    for node in tables {
        if let Value::Table(table) = &mut node.value {
            table.retain(|key, _| Key::find(&format!("{path}.{key}")).is_some());
        }
    }
}
