//! The values of all sources laid over each other, each with its origin.

use std::collections::BTreeMap;

use broker_server::config::Config;
use serde_path_to_error::Segment;

use super::origin::{Origin, Problem};

/// Sections and their values, by the names that the file has for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    sections: BTreeMap<String, Node>,
}

/// A value with where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

/// A TOML value whose parts know where they came from.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(toml::Value),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Node {
    pub(crate) fn text(origin: Origin, text: &str) -> Self {
        Self {
            origin,
            value: Value::Scalar(toml::Value::String(text.to_owned())),
        }
    }

    pub(crate) fn count(origin: Origin, count: i64) -> Self {
        Self {
            origin,
            value: Value::Scalar(toml::Value::Integer(count)),
        }
    }

    pub(crate) fn switch(origin: Origin, is_on: bool) -> Self {
        Self {
            origin,
            value: Value::Scalar(toml::Value::Boolean(is_on)),
        }
    }

    /// A list whose texts all came from the same place.
    pub(crate) fn texts<'a>(origin: &Origin, texts: impl Iterator<Item = &'a str>) -> Self {
        let list = texts.map(|text| Self::text(origin.clone(), text)).collect();
        Self {
            origin: origin.clone(),
            value: Value::List(list),
        }
    }

    /// The part of this value that a step leads to.
    fn child(&mut self, step: &Segment) -> Option<&mut Self> {
        match (&mut self.value, step) {
            (Value::List(list), Segment::Seq { index }) => list.get_mut(*index),
            (Value::Table(table), Segment::Map { key }) => table.get_mut(key),
            (Value::Scalar(_) | Value::List(_) | Value::Table(_), _) => None,
        }
    }

    fn remove_child(&mut self, step: &Segment) {
        match (&mut self.value, step) {
            (Value::List(list), Segment::Seq { index }) if *index < list.len() => {
                list.remove(*index);
            }
            (Value::Table(table), Segment::Map { key }) => {
                table.remove(key);
            }
            (Value::Scalar(_) | Value::List(_) | Value::Table(_), _) => {}
        }
    }

    fn to_toml(&self) -> toml::Value {
        match &self.value {
            Value::Scalar(value) => value.clone(),
            Value::List(list) => toml::Value::Array(list.iter().map(Self::to_toml).collect()),
            Value::Table(table) => toml::Value::Table(to_toml_table(table)),
        }
    }
}

fn to_toml_table(table: &BTreeMap<String, Node>) -> toml::Table {
    table
        .iter()
        .map(|(key, node)| (key.clone(), node.to_toml()))
        .collect()
}

impl Tree {
    /// Puts a value where its key's full name says, over the one that is there.
    pub(crate) fn set(&mut self, path: &str, node: Node) {
        let (sections, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut table = &mut self.sections;
        for section in sections.split('.').filter(|section| !section.is_empty()) {
            let entry = table.entry(section.to_owned()).or_insert_with(|| Node {
                origin: node.origin.clone(),
                value: Value::Table(BTreeMap::new()),
            });
            let Value::Table(inner) = &mut entry.value else {
                return;
            };
            table = inner;
        }
        table.insert(name.to_owned(), node);
    }

    fn get(&self, path: &str) -> Option<&Node> {
        let mut table = &self.sections;
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            let node = table.get(step)?;
            match &node.value {
                _ if steps.peek().is_none() => return Some(node),
                Value::Table(inner) => table = inner,
                Value::Scalar(_) | Value::List(_) => return None,
            }
        }
        None
    }

    pub(crate) fn contains(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// Where the value of a key came from; `None` for a default.
    pub(crate) fn origin(&self, path: &str) -> Option<Origin> {
        self.get(path).map(|node| node.origin.clone())
    }

    /// The value of a key, if it is a text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match &self.get(path)?.value {
            Value::Scalar(value) => value.as_str(),
            Value::List(_) | Value::Table(_) => None,
        }
    }

    /// Reads the configuration. Every value that can't be read becomes a
    /// problem and is left out, so that the next one shows too.
    pub(crate) fn into_config(self, problems: &mut Vec<Problem>) -> Config {
        // A root with the sections as its parts lets one walk serve them all;
        // nothing ever asks where the root itself came from.
        let mut root = Node {
            origin: Origin::Flag(""),
            value: Value::Table(self.sections),
        };
        loop {
            let error = match serde_path_to_error::deserialize(root.to_toml()) {
                Ok(config) => return config,
                Err(error) => error,
            };
            let steps: Vec<Segment> = error.path().iter().cloned().collect();
            let culprit = blame(&mut root, &steps);
            // Lists are for programmers sequences.
            let reason = error
                .inner()
                .message()
                .replace("expected a sequence", "expected a list");
            problems.push(Problem {
                origin: culprit,
                message: format!("`{}`: {reason}", key_name(&steps)),
            });
            // Each round leaves a value out, so the rounds come to an end; when
            // the steps lead to none, there is no telling what else is wrong.
            if problems
                .last()
                .is_none_or(|problem| problem.origin.is_none())
            {
                return Config::default();
            }
        }
    }
}

/// The full name of the key that the steps lead to. The place in a list is
/// left out: it would be another one after values were taken out, and the
/// origin says it anyway.
fn key_name(steps: &[Segment]) -> String {
    let names: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Segment::Map { key } => Some(key.as_str()),
            Segment::Seq { .. } | Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    names.join(".")
}

/// Follows the steps as far as they lead, takes the value there out of the
/// tree, and returns where it came from.
fn blame(root: &mut Node, steps: &[Segment]) -> Option<Origin> {
    let mut node = root;
    for (index, step) in steps.iter().enumerate() {
        let is_last = index + 1 == steps.len();
        let next_exists = steps.get(index + 1).is_some_and(|next| {
            node.child(step)
                .is_some_and(|child| child.child(next).is_some())
        });
        if is_last || !next_exists {
            let origin = node.child(step).map(|child| child.origin.clone());
            node.remove_child(step);
            return origin;
        }
        node = node.child(step)?;
    }
    None
}
