//! Flags: each stands for one key.

use std::collections::BTreeMap;

use super::Sources;
use super::origin::Origin;
use super::tree::{Node, Tree, Value};

/// Lays what was typed over everything else.
pub(crate) fn read(sources: &Sources<'_>, tree: &mut Tree) {
    let flags = sources.flags;
    let texts = [
        ("--listen", "listen.public", &flags.listen),
        ("--admin", "listen.admin", &flags.admin),
        ("--backend", "backend.url", &flags.backend),
        ("--backend-format", "backend.format", &flags.backend_format),
    ];
    for (flag, path, text) in texts {
        if let Some(text) = text {
            tree.set(path, Node::text(Origin::Flag(flag), text));
        }
    }
    if !flags.allow.is_empty() {
        let rules = flags.allow.iter().map(String::as_str);
        tree.set("access.allow", Node::texts(&Origin::Flag("--allow"), rules));
    }
    if !flags.endpoint.is_empty() {
        let list = flags.endpoint.iter().map(|text| endpoint(text)).collect();
        let origin = Origin::Flag("--endpoint");
        tree.set(
            "endpoint",
            Node {
                origin,
                value: Value::List(list),
            },
        );
    }
    if let Some(shards) = flags.shards {
        tree.set(
            "listen.shards",
            Node::count(Origin::Flag("--shards"), i64::from(shards)),
        );
    }
    if let Some((level, flag)) = sources.level {
        tree.set("log.level", Node::text(Origin::Flag(flag), level.as_str()));
    }
}

/// The table that `PATH=DIALECT` is short for.
fn endpoint(text: &str) -> Node {
    let origin = Origin::Flag("--endpoint");
    let (path, dialect) = text.rsplit_once('=').unwrap_or((text, ""));
    let table = BTreeMap::from([
        ("path".to_owned(), Node::text(origin.clone(), path)),
        ("dialect".to_owned(), Node::text(origin.clone(), dialect)),
    ]);
    Node {
        origin,
        value: Value::Table(table),
    }
}
