//! Environment variables: `WSBROKER_SECTION__KEY`, and `PORT` as platforms set
//! it.

use std::ffi::{OsStr, OsString};

use broker_server::config::{Config, Key, Kind, ListenAddr};

use super::names;
use super::origin::{Origin, Problem};
use super::tree::{Node, Tree};

const PREFIX: &str = "WSBROKER_";

/// Reads every variable of ours whose name has a double underscore; others,
/// such as `WSBROKER_CONFIG`, are no settings.
pub(crate) fn read(
    environment: &[(OsString, OsString)],
    tree: &mut Tree,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(PREFIX).filter(|_| name.contains("__")) else {
            continue;
        };
        let origin = Origin::Variable(name.to_owned());
        let path = rest.to_ascii_lowercase().replace("__", ".");
        match node(&path, value, &origin) {
            Ok((key, node)) => tree.set(key.path, node),
            Err(message) => problems.push(Problem {
                origin: Some(origin),
                message,
            }),
        }
    }
}

fn node(path: &str, value: &OsStr, origin: &Origin) -> Result<(&'static Key, Node), String> {
    let Some(key) = Key::find(path) else {
        return Err(unknown(path));
    };
    let Some(text) = value.to_str() else {
        return Err("is not UTF-8".to_owned());
    };
    let in_tables = path.split('.').next().and_then(Key::find).is_some();
    let node = match key.kind {
        _ if in_tables => {
            return Err("endpoints can't be set here; use --endpoint or the file".to_owned());
        }
        Kind::Count => match text.trim().parse() {
            Ok(count) => Node::count(origin.clone(), count),
            Err(_) => return Err(format!("`{path}`: `{text}` is not a whole number")),
        },
        Kind::Switch => match text.trim().parse() {
            Ok(is_on) => Node::switch(origin.clone(), is_on),
            Err(_) => return Err(format!("`{path}`: `{text}` is neither true nor false")),
        },
        Kind::WordOrList(words) if !words.contains(&text.trim()) => list(origin, text),
        Kind::Text | Kind::WordOrList(_) => Node::text(origin.clone(), text.trim()),
        Kind::List | Kind::Tables => list(origin, text),
    };
    Ok((key, node))
}

/// Lists are separated by commas.
fn list(origin: &Origin, text: &str) -> Node {
    Node::texts(
        origin,
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty()),
    )
}

fn unknown(path: &str) -> String {
    let mut message = format!("unknown key `{path}`");
    if let Some(nearest) = names::nearest_key(path) {
        let variable = nearest.to_ascii_uppercase().replace('.', "__");
        message.push_str(&format!("; did you mean {PREFIX}{variable}?"));
    }
    message
}

/// Applies `PORT`, which changes the public port only: the host stays the one
/// that the variables or the file chose.
pub(crate) fn read_port(
    environment: &[(OsString, OsString)],
    tree: &mut Tree,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let Some((_, value)) = environment.iter().find(|(name, _)| name == "PORT") else {
        return;
    };
    let text = value.to_string_lossy();
    if text.is_empty() {
        return;
    }
    let origin = Origin::Variable("PORT".to_owned());
    let Ok(port) = text.parse::<u16>() else {
        let message = format!("`{text}` is not a port: expected a number from 0 to 65535");
        return problems.push(Problem {
            origin: Some(origin),
            message,
        });
    };
    let public = match tree.text("listen.public").map(str::parse) {
        None if tree.contains("listen.public") => return,
        None => Config::default().listen.public,
        Some(Ok(address)) => address,
        // Its own problem is reported when the configuration is read.
        Some(Err(_)) => return,
    };
    match public {
        ListenAddr::Tcp(mut address) => {
            address.set_port(port);
            tree.set("listen.public", Node::text(origin, &address.to_string()));
        }
        ListenAddr::Unix(_) => {
            let message = "has no effect: `listen.public` is a Unix socket".to_owned();
            warnings.push(Problem {
                origin: Some(origin),
                message,
            });
        }
    }
}
